#include "cenote/error.hpp"

#include <caf/deep_to_string.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <utility>

namespace cenote {

namespace {

failure make_failure(errc code, outcome effect, std::string text) {
  failure out;
  out.code = code;
  out.outcome = effect;
  out.text = std::move(text);
  return out;
}

/// The failure for an error of CAF's own, in answer to a request to a pool or to an actor that passes requests on to
/// one.
failure caf_failure(const caf::error& error) {
  // CAF's answer to requests that an actor had not read when it ended, and to later ones. A request that a connection
  // has not read was not sent to the server either.
  if (error == caf::sec::request_receiver_down)
    return make_failure(errc::shutting_down, outcome::unavailable,
                        "the pool, or the actor that was asked in its place, has ended: the request was not begun");
  if (error == caf::sec::broken_promise)
    return make_failure(
        errc::pool_gone, outcome::unknown,
        "the pool, or the actor that was asked in its place, ended before it answered: the request may have "
        "been carried out");
  if (error == caf::exit_reason::remote_link_unreachable)
    return make_failure(errc::pool_gone, outcome::unknown,
                        "the node of the pool cannot be reached any more: the request may have been carried out");
  if (error == caf::sec::request_timeout)
    return make_failure(
        errc::pool_gone, outcome::unknown,
        "no answer came within the time that the caller gave its request; it may have been carried out, and "
        "may still be running: give the statement less time (within) than the request");
  if (error == caf::sec::unexpected_message || error == caf::sec::unexpected_response)
    return make_failure(
        errc::internal, outcome::rejected,
        "the actor that was asked does not understand the request: it is no pool, or one of another version of "
        "cenote ("
            + caf::to_string(error) + ")");
  return make_failure(errc::internal, outcome::unknown,
                      "the request failed outside of the pool and may have been carried out: " + caf::to_string(error));
}

} // namespace

caf::error make_error(failure reason) {
  auto code = reason.code;
  return caf::make_error(code, std::move(reason));
}

failure details(const caf::error& error) {
  if (error.category() == caf::type_id_v<errc> && error.context().match_elements<failure>())
    return error.context().get_as<failure>(0);
  return caf_failure(error);
}

std::string describe(const caf::error& error) {
  return to_string(details(error));
}

} // namespace cenote
