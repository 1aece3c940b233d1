#pragma once

#include "cenote/actors.hpp"

#include <string>

namespace cenote {

/// Tells all others that use the pool, in any process, and listen to it. A hint: nothing says whether it arrives.
void send_notice(const pool_actor& pool, std::string channel);

} // namespace cenote
