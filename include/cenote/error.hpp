#pragma once

#include "cenote/failure.hpp"
#include "cenote/type_ids.hpp"

#include <caf/error.hpp>

#include <optional>

namespace cenote {

/// Wraps a failure so that it can answer a message, also over the network.
caf::error make_error(failure reason);

/// The failure inside an error: the one that cenote made, or the nearest one for CAF's own errors. A request to a pool
/// that had ended is `shutting_down`, for it was certainly not begun; one that the pool did not answer before its end,
/// or before CAF's timeout, is `pool_gone` and `unknown`: cenote cannot tell how far it got.
/// @param error must not be a default-constructed error.
failure details(const caf::error& error);

/// `to_string(details(error))`.
std::string describe(const caf::error& error);

} // namespace cenote
