#pragma once

#include "pool/commands.hpp"

#include <string>

namespace cenote {

/// One of the pool's decisions in words, for the log at TRACE: `request 7 gets connection 3 after 1.2 ms`.
std::string describe(const pool::command& command);

} // namespace cenote
