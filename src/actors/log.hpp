#pragma once

#include <spdlog/logger.h>

namespace cenote {

/// The logger named "cenote" if the application has registered one; else spdlog's default logger if the application has
/// set one that has a name; else a new one, named "cenote", that writes to standard error. Levels: INFO for
/// normal operation, WARNING for retries and connection trouble, ERROR for failed operations, CRITICAL for what
/// prevents the start.
spdlog::logger& log();

} // namespace cenote
