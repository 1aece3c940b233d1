#pragma once

#include "round.hpp"

#include <functional>
#include <stdexcept>

#include <CLI/App.hpp>

namespace cenote::bench {

/// The side does not support the workload. The text says why.
class not_applicable : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A side's `main`: reads the options, runs a round, prints its figures.
/// @param app has the side's own options.
/// @returns the exit code.
int run_side(CLI::App& app, int argc, char** argv, const std::function<figures(const options&)>& run);

} // namespace cenote::bench
