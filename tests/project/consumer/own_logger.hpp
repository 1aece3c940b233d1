#pragma once

#include <memory>
#include <ostream>

namespace spdlog {
class logger;
} // namespace spdlog

/// An application's logger, called "cenote", that writes to the stream.
std::shared_ptr<spdlog::logger> make_logger(std::ostream& out);

/// Makes it known to spdlog by its name.
void register_by_name(std::shared_ptr<spdlog::logger> x);
