#pragma once

#include "round.hpp"

#include <functional>

namespace cenote::bench {

/// One operation of a caller, from its start to `answered`. Blocks; throws an exception if it fails.
using operation = std::function<void(caller&)>;

/// A round with a thread per caller.
/// @param make is called in this thread, for each caller before the round begins.
figures measure_threads(const options& opts, size_t callers, const std::function<operation()>& make);

} // namespace cenote::bench
