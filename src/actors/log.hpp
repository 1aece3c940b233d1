#pragma once

#include <spdlog/logger.h>

namespace cenote {

/// The logger named "cenote", or spdlog's default one if the application has not registered such. Levels: INFO for
/// normal operation, WARNING for retries and connection trouble, ERROR for failed operations, CRITICAL for what
/// prevents the start.
spdlog::logger& log();

} // namespace cenote
