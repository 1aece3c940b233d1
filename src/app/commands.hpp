#pragma once

#include "app/options.hpp"
#include "app/pool_host.hpp"
#include "app/service_notify.hpp"
#include "app/signals.hpp"

#include <functional>
#include <string>

namespace cenote::app {

/// What a subcommand works with.
struct invocation {
  const options& opts;
  settings how;
  caf::settings caf_options;
  signal_watch& signals;
  service_notifier& notifier;
  bool listen_is_chosen = false; ///< Whether `http.listen` is written somewhere.
  /// Reads the settings again. May block; throws what `load_settings` throws. From any thread.
  std::function<settings()> reload;
};

/// What became of it.
struct answer {
  int code = failed;
  std::string output; ///< For standard output, once all that has to be cleaned up is gone.
};

/// @name Subcommands
/// Each does its work to the end. Everything but results goes to the log.
/// @{
answer check(const invocation& x);
answer sql(const invocation& x);
answer serve(const invocation& x);
answer ask_health(const invocation& x);
answer top(const invocation& x);
answer manage_jobs(const invocation& x);
/// @}

/// Reads the statement of `cenote sql -` from standard input.
/// @throws input_error if that is not possible, or there is no statement.
void read_statement(options& opts);

} // namespace cenote::app
