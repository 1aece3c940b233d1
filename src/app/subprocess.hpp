#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace cenote::app {

/// How a program ended and what it said.
struct finished_process {
  int exit_code = -1;     ///< 128 + number if a signal ended it.
  std::string out;        ///< Its standard output.
  std::string err;        ///< Its standard error.
  bool cancelled = false; ///< It was ended because of a stop request.
  bool timed_out = false; ///< It was ended because it took too long.
};

/// Runs a program to its end, in a process group of its own, so that Ctrl-C reaches only us. Its environment is ours
/// without DATABASE_URI and the like; signals are back to their defaults.
/// @param args the program's path and its arguments.
/// @param limit longest time; then it is ended.
/// @param cancel ends it, too.
/// @throws std::system_error if it cannot be started.
finished_process run_process(const std::vector<std::string>& args, std::chrono::seconds limit,
                             std::stop_token cancel = {});

} // namespace cenote::app
