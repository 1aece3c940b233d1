#include "cenote/error.hpp"

#include <caf/deep_to_string.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <utility>

namespace cenote {

namespace {

failure made(errc code, outcome what, std::string text) {
  failure out;
  out.code = code;
  out.outcome = what;
  out.text = std::move(text);
  return out;
}

/// What an error of CAF's own means for a request to a pool, or to an actor that passes requests on to one.
failure foreign(const caf::error& x) {
  // Actors answer so what they have not read before their end, and what is sent to them afterwards. What a connection
  // has not read was not sent to the server either.
  if (x == caf::sec::request_receiver_down)
    return made(errc::shutting_down, outcome::unavailable,
                "the pool, or the actor that was asked in its place, has ended: the request was not begun");
  if (x == caf::sec::broken_promise)
    return made(errc::pool_gone, outcome::unknown,
                "the pool, or the actor that was asked in its place, ended before it answered: the request may have "
                "been carried out");
  if (x == caf::exit_reason::remote_link_unreachable)
    return made(errc::pool_gone, outcome::unknown,
                "the node of the pool cannot be reached any more: the request may have been carried out");
  if (x == caf::sec::request_timeout)
    return made(errc::pool_gone, outcome::unknown,
                "no answer came within the time that the caller gave its request; it may have been carried out, and "
                "may still be running: give the statement less time (within) than the request");
  if (x == caf::sec::unexpected_message || x == caf::sec::unexpected_response)
    return made(errc::internal, outcome::rejected,
                "the actor that was asked does not understand the request: it is no pool, or one of another version of "
                "cenote ("
                    + caf::to_string(x) + ")");
  return made(errc::internal, outcome::unknown,
              "the request failed outside of the pool and may have been carried out: " + caf::to_string(x));
}

} // namespace

caf::error make_error(failure x) {
  auto code = x.code;
  return caf::make_error(code, std::move(x));
}

failure details(const caf::error& x) {
  if (x.category() == caf::type_id_v<errc> && x.context().match_elements<failure>())
    return x.context().get_as<failure>(0);
  return foreign(x);
}

std::string describe(const caf::error& x) {
  return to_string(details(x));
}

} // namespace cenote
