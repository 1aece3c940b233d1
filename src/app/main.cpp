// The program `cenote`.

#include "app/commands.hpp"
#include "app/embedded_server.hpp"
#include "app/logging.hpp"
#include "app/print_result.hpp"
#include "app/process_limits.hpp"
#include "app/standard_streams.hpp"
#include "cenote/configuration.hpp"
#include "config/caf_settings.hpp"
#include "config/loading.hpp"

#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace {

using namespace cenote;
using namespace cenote::app;

std::optional<std::string> environment(const std::string& name) {
  auto value = std::getenv(name.c_str());
  return value ? std::optional<std::string>{value} : std::nullopt;
}

/// The settings, with `uri` in place of what the environment says about the server.
settings load(const options& opts, const std::optional<config::config_file>& file,
              const std::optional<std::string>& uri) {
  configuration_sources from{{}, environment, opts.settings};
  if (opts.embedded || opts.through_node)
    from.environment = [&uri](const std::string& name) {
      if (name == "DATABASE_URI")
        return uri;
      return name.starts_with("DATABASE_") ? std::nullopt : environment(name);
    };
  auto asks_another = opts.command == command::health || opts.command == command::top || opts.through_node;
  auto need_server = !asks_another && (!opts.embedded || uri);
  return config::load_settings(file, from, need_server);
}

/// Whether somebody has chosen where HTTP is answered.
bool is_listen_chosen(const options& opts, const std::optional<config::config_file>& file) {
  return opts.settings.contains("http.listen") || !environment("CENOTE_HTTP_LISTEN").value_or("").empty()
         || (file && file->keys.contains("cenote.http.listen"));
}

log_profile amount_for(command what) {
  return what == command::serve ? log_profile::service : log_profile::one_shot;
}

answer execute(const invocation& x) {
  switch (x.opts.command) {
  case command::check:
    return check(x);
  case command::sql:
    return sql(x);
  case command::health:
    return ask_health(x);
  case command::top:
    return top(x);
  case command::jobs:
    return manage_jobs(x);
  default:
    return serve(x);
  }
}

/// Reads the config file. Errors in it are logged as far as possible in the form that it asks for.
std::optional<config::config_file> read_file(const options& opts) {
  auto log = [&opts](const config::outline& keys) {
    start_logging(config::log_settings_in(keys, opts.settings), amount_for(opts.command));
  };
  log({});
  try {
    auto file = config::read_config_file(opts.config_file);
    if (file)
      log(file->keys);
    return file;
  } catch (config::file_error& err) {
    log(err.before);
    throw;
  }
}

/// All that needs something to be cleaned up happens here.
answer run(const options& opts, const std::optional<config::config_file>& file, settings how, caf::settings caf_options,
           signal_watch& signals, service_notifier& notifier) {
  clean_up_scope cleaning{signals};
  std::unique_ptr<embedded_server> server;
  if (opts.embedded) {
    server = std::make_unique<embedded_server>(signals.first());
    how = load(opts, file, server->uri());
  }
  auto uri = server ? std::optional{server->uri()} : std::nullopt;
  auto reload = [&opts, uri] { return load(opts, config::read_config_file(opts.config_file), uri); };
  return execute(
      {opts, std::move(how), std::move(caf_options), signals, notifier, is_listen_chosen(opts, file), reload});
}

/// Runs the program.
int run(options opts, signal_watch& signals, service_notifier& notifier) {
  auto file = read_file(opts);
  auto how = load(opts, file, std::nullopt);
  auto caf_options = file ? config::caf_settings(*file) : caf::settings{};
  start_logging(how.log, amount_for(opts.command), how.pool.name);
  if (opts.command == command::sql)
    read_statement(opts);
  if (opts.command == command::jobs && opts.jobs.command == jobs_command::submit)
    make_submission(opts.jobs);
  auto result = run(opts, file, std::move(how), std::move(caf_options), signals, notifier);
  // Whoever reads it may take a long time, or stop.
  auto told_all = print_result(result.output, signals);
  auto ended_early = opts.command != command::serve && result.code != success && signals.received() != 0;
  return ended_early || !told_all ? by_signal + signals.received() : result.code;
}

/// Runs it and reports what it throws.
int run_and_report(const options& opts, signal_watch& signals, service_notifier& notifier) try {
  return run(opts, signals, notifier);
} catch (configuration_error& err) {
  spdlog::critical("{}", err.what());
  return wrong_use;
} catch (input_error& err) {
  spdlog::critical("{}", err.what());
  return wrong_use;
} catch (embedded_error& err) {
  if (signals.received() != 0)
    return by_signal + signals.received();
  spdlog::critical("{}", err.what());
  return failed;
}

bool has_terminal() {
  return isatty(STDIN_FILENO) == 1 || isatty(STDERR_FILENO) == 1;
}

int guarded_main(int argc, char** argv, service_notifier& notifier) try {
  signal_watch signals;
  auto opts = read_command_line(argc, argv);
  if (auto code = std::get_if<exit_code>(&opts))
    return *code;
  auto& wanted = std::get<options>(opts);
  if (wanted.command == command::serve && !has_terminal())
    signals.take_hangup_as_notice();
  return run_and_report(wanted, signals, notifier);
} catch (output_error& err) {
  if (!err.closed_by_reader())
    spdlog::error("{}", err.what());
  return failed;
} catch (std::bad_alloc&) {
  spdlog::critical("there is not enough memory");
  return failed;
} catch (std::system_error& err) {
  spdlog::critical("the system refuses what the program needs: {}", err.what());
  return failed;
} catch (std::exception& err) {
  spdlog::critical("defect in cenote, please report it: {}", err.what());
  return failed;
}

} // namespace

int main(int argc, char** argv) {
  occupy_standard_streams();
  share_heap_if_limited();
  signal_watch::block();
  cenote::init();
  start_logging({});
  auto notifier = service_notifier::from_environment();
  auto code = guarded_main(argc, argv, notifier);
  if (pool_host::abandoned())
    std::_Exit(code);
  return code;
}
