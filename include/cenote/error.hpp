#pragma once

#include "cenote/failure.hpp"
#include "cenote/type_ids.hpp"

#include <caf/error.hpp>

#include <optional>

namespace cenote {

/// Wraps a failure so that it can answer a message. It survives the way over the network.
caf::error make_error(failure x);

/// The failure inside an error: the one cenote made, or for CAF's own errors the nearest one. A request to a pool that
/// had ended is `shutting_down`, for it was certainly not begun; one that the pool did not answer before its end, or
/// not before CAF's timeout, is `pool_gone` and `unknown`: cenote cannot tell how far it got.
/// @param x must not be a default-constructed error.
failure details(const caf::error& x);

/// `to_string(details(x))`.
std::string describe(const caf::error& x);

} // namespace cenote
