#pragma once

#include "cenote/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <CLI/App.hpp>

namespace cenote::bench {

/// What a caller does again and again; see the README of the sides.
enum class workload : uint8_t { point, transaction, large, checkout, recovery };

/// What the command line asks for.
struct options {
  workload what = workload::point;
  size_t callers = 1;
  size_t connections = 10;
  std::chrono::duration<double> warm_up{0.5};
  std::chrono::duration<double> measured{1.0};
  int rows = 10'000;
  bool pre_ping = false;
};

/// Adds the workload and the options that all sides have.
void add_to(CLI::App& app, options& opts);

/// Where the environment variable `DATABASE_URI` says that the server is.
/// @throws configuration_error if it is missing or wrong.
server_settings server_of_environment();

} // namespace cenote::bench
