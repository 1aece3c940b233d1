#pragma once

#include "app/options.hpp"
#include "app/pool_host.hpp"
#include "app/signals.hpp"

namespace cenote::app {

/// What a subcommand works with.
struct job {
  const options& wish;
  settings how;
  caf::settings caf_options;
  const signal_watch& signals;
};

/// @name Subcommands
/// Each does its work to the end and returns the program's exit code. Results go to standard output, everything else to
/// the log.
/// @throws output_error
/// @{
int check(const job& x);
int sql(const job& x);
int serve(const job& x);
/// @}

} // namespace cenote::app
