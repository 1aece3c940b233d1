#include "cenote/error.hpp"

#include <caf/deep_to_string.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <utility>

namespace cenote {

caf::error make_error(failure x) {
  auto code = x.code;
  return caf::make_error(code, std::move(x));
}

failure details(const caf::error& x) {
  if (x.category() == caf::type_id_v<errc> && x.context().match_elements<failure>())
    return x.context().get_as<failure>(0);
  failure result;
  result.what = outcome::unknown;
  if (x == caf::sec::request_receiver_down || x == caf::sec::broken_promise
      || x == caf::exit_reason::remote_link_unreachable)
    result.code = errc::pool_gone;
  result.text = caf::to_string(x);
  return result;
}

std::string describe(const caf::error& x) {
  return to_string(details(x));
}

} // namespace cenote
