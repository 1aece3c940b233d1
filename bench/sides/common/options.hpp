#pragma once

#include "cenote/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <CLI/App.hpp>

namespace cenote::bench {

/// The operation that a caller repeats; see the README of the sides.
enum class workload : uint8_t { point, transaction, large, checkout, recovery };

/// The options of the command line.
struct options {
  workload load = workload::point;
  size_t callers = 1;
  size_t connections = 10;
  std::chrono::duration<double> warm_up{0.5};
  std::chrono::duration<double> measured{1.0};
  int rows = 10'000;
  bool pre_ping = false;
};

/// Adds the workload and the options that all sides have.
void add_to(CLI::App& app, options& opts);

/// The server that the environment variable `DATABASE_URI` names.
/// @throws configuration_error if it is missing or wrong.
server_settings server_of_environment();

} // namespace cenote::bench
