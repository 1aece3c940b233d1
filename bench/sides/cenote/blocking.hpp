#pragma once

#include "round.hpp"

#include "cenote/settings.hpp"

namespace cenote::bench {

/// A round of threads that call one `cenote::database`.
figures run_blocking(const options& opts, const pool_settings& rules);

} // namespace cenote::bench
