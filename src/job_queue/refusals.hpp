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

} // namespace cenote
