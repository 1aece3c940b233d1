#pragma once

#include <memory>

namespace spdlog {
class logger;
} // namespace spdlog

namespace cenote {

/// Makes `target` the logger of all pools, retriers and threads of this process. Without it cenote takes the logger
/// that is registered under the name "cenote" when the first line is written; failing that, spdlog's default logger if
/// that has a name; failing that, a new one on standard error.
///
/// May be called at any time, from any thread: lines that are being written still go to the logger before, which is
/// kept until the process ends. The logger must be one of spdlog's `_mt` loggers, or asynchronous, for lines come from
/// many threads. Control characters in a line are escaped before it gets there.
///
/// The program must be compiled against the spdlog that cenote was built with, in the same version and with the same
/// formatting library (`SPDLOG_FMT_EXTERNAL` set or not), which `find_package(cenote)` takes care of; whether it uses
/// spdlog's compiled library or only its headers does not matter.
/// @param target null: back to the choice above, made again when the next line is written.
void set_logger(std::shared_ptr<spdlog::logger> target);

} // namespace cenote
