#pragma once

#include "cenote/error.hpp"
#include "cenote/failure.hpp"

#include <string>
#include <utility>

namespace cenote {

/// The answer to a request that cannot be carried out, whatever the database says.
inline caf::error rejected(errc code, std::string text) {
  failure reason;
  reason.code = code;
  reason.outcome = outcome::rejected;
  reason.text = std::move(text);
  return make_error(std::move(reason));
}

/// Answers a request with the failure of the statement that was run for it.
template <class Promise>
auto fail_with(Promise promise) {
  return [promise](const failure& reason) mutable { promise.deliver(make_error(reason)); };
}

} // namespace cenote
