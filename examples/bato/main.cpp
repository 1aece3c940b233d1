// bato-service: keeps the number of chapters of a list of manga up to date.
//   DATABASE_URI=mysql://user:password@host/database bato-service
//   bato-service --test --once      with a private server and sample data
// Uses parts of the program `cenote`, which are not installed: the private server, its logging, its signals.
// standalone.cpp does without.

#include "app/advice.hpp"
#include "app/embedded_server.hpp"
#include "app/exit_code.hpp"
#include "app/logging.hpp"
#include "app/mistakes.hpp"
#include "app/pool_host.hpp"
#include "app/print_result.hpp"
#include "app/printable.hpp"
#include "app/signals.hpp"
#include "app/standard_streams.hpp"
#include "bato/repository.hpp"
#include "bato/schema.hpp"
#include "bato/service.hpp"
#include "cenote/configuration.hpp"
#include "cenote/database.hpp"
#include "cenote/jobs/migrate.hpp"
#include "config/caf_settings.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>

#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace {

using namespace cenote;

struct options {
  bato::service_options service;
  bool test = false;
  std::string config_file;
};

/// The settings; with a private server its URI replaces that of the environment.
settings load(const options& opts, const std::string& uri) {
  auto environment = [](const std::string& name) {
    auto value = std::getenv(name.c_str());
    return value ? std::optional<std::string>{value} : std::nullopt;
  };
  configuration_sources sources{opts.config_file, environment, {}};
  if (opts.test)
    sources.environment = [&uri, environment](const std::string& name) {
      if (name == "DATABASE_URI_FILE" || (name == "DATABASE_URI" && uri.empty()))
        return std::optional<std::string>{};
      return name == "DATABASE_URI" ? uri : environment(name);
    };
  return load_settings(sources, !opts.test || !uri.empty());
}

/// Creates missing tables, those of jobs as well, and sample data. Returns the failure, if there was one.
std::optional<failure> prepare(app::pool_host& host, bool with_samples) {
  for (auto& create : bato::schema())
    if (auto done = host.ask<result>(execute_atom_v, create); !done)
      return done.error();
  try {
    migrate_jobs(host.system(), host.pool());
  } catch (const database_error& err) {
    return err.details();
  }
  if (!with_samples)
    return std::nullopt;
  auto repository = host.system().spawn(bato::repository, host.pool());
  std::optional<failure> reason;
  caf::scoped_actor self{host.system()};
  for (auto& row : bato::sample_data())
    self->request(repository, caf::infinite, caf::put_atom_v, row)
        .receive([](uint64_t) {}, [&reason](const caf::error& err) { reason = details(err); });
  self->send_exit(repository, caf::exit_reason::user_shutdown);
  return reason;
}

/// The end of the service: its exit code and its output.
struct end {
  int code = 1;
  std::string output;
};

end work(app::pool_host& host, const options& opts, const settings& config, const app::signal_watch& signals) {
  auto& sys = host.system();
  auto repository = sys.spawn(bato::repository, spawn_retrier(sys, host.pool(), config.retry));
  auto service_options = opts.service;
  service_options.drain_timeout = config.pool.drain_timeout;
  caf::scoped_actor self{sys};
  auto service = bato::spawn_service(sys, repository, host.pool(), service_options, caf::actor_cast<caf::actor>(self));
  std::stop_callback on_signal{signals.first(), [&] { caf::anon_send(service, int32_t{signals.received()}); }};
  std::optional<int> code;
  std::string output;
  while (!code)
    // Titles come from the database, and go to a terminal.
    self->receive([&output](const std::string& line) { output += app::printable(line) + "\n"; },
                  [&code](int32_t answer) { code = answer; });
  self->send_exit(repository, caf::exit_reason::user_shutdown);
  return {*code, output};
}

end run(const options& opts, app::signal_watch& signals) {
  auto config = load(opts, {});
  auto caf_options = config::caf_settings(opts.config_file);
  app::start_logging(config.log);
  app::clean_up_scope cleaning{signals};
  std::unique_ptr<app::embedded_server> server;
  if (opts.test) {
    server = std::make_unique<app::embedded_server>(signals.first());
    config = load(opts, server->uri());
  }
  app::pool_host host{config, caf_options};
  std::stop_callback on_second{signals.second(), [&host] { host.cut(); }};
  {
    // Nothing of value is cut before the service works.
    std::stop_callback on_first{signals.first(), [&host] { host.cut(); }};
    auto found = host.ask<verification>(verify_atom_v);
    if (found)
      spdlog::info("connected to {} at {}", found->server_version, config.server.endpoint());
    auto reason = found ? prepare(host, opts.test) : std::optional{found.error()};
    if (reason) {
      if (signals.received() == 0)
        spdlog::critical("{}", app::explain_no_connection(*reason));
      return {};
    }
  }
  if (auto status = host.ask<pool_status>(status_atom_v))
    spdlog::info("{}", to_string(*status));
  return work(host, opts, config, signals);
}

int guarded_run(const options& opts, app::signal_watch& signals) try {
  auto result = run(opts, signals);
  // Printed last: nothing is left to clean up if the reader has gone.
  return app::print_result(result.output, signals) ? result.code : app::failed;
} catch (const configuration_error& err) {
  spdlog::critical("{}", err.what());
  return app::wrong_use;
} catch (const std::exception& err) { // embedded_error, output_error: one line each
  if (signals.received() == 0)
    spdlog::critical("{}", err.what());
  return app::failed;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App line{
      "Keeps the number of chapters of a list of manga up to date. The database is named by DATABASE_URI, or\n"
      "by the file that DATABASE_URI_FILE names. The pool is set up as that of cenote is. The scraping itself\n"
      "is simulated: this is an example.",
      "bato-service"};
  options opts;
  auto interval = opts.service.interval.count();
  auto stale_after = opts.service.stale_after.count();
  line.add_flag("--once", opts.service.once, "Do one round, print what it did, and end");
  line.add_flag("--test", opts.test, "Use a private server with sample data; it goes at the end");
  line.add_option("--config", opts.config_file, "The config file instead of ./caf-application.conf")->type_name("FILE");
  line.add_option("--interval", interval, "Seconds between two rounds")
      ->check(CLI::Range(1, 30 * 86'400))
      ->capture_default_str();
  line.add_option("--stale-after", stale_after, "Seconds after which a manga is scraped again")
      ->check(CLI::Range(0, 366 * 86'400))
      ->capture_default_str();
  line.add_option("--batch", opts.service.batch, "Manga per round, at most")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  line.footer("\nExit codes: 0 done, 1 the database cannot be used or a round failed, 2 wrong options or settings");
  app::occupy_standard_streams();
  if (auto code = app::parse_or_explain(line, argc, argv); code != -1)
    return code;
  opts.service.interval = std::chrono::seconds{interval};
  opts.service.stale_after = std::chrono::seconds{stale_after};
  app::signal_watch::block();
  cenote::init();
  caf::init_global_meta_objects<caf::id_block::bato>();
  app::start_logging({});
  int code;
  {
    app::signal_watch signals;
    if (isatty(STDIN_FILENO) == 0 && isatty(STDERR_FILENO) == 0)
      signals.take_hangup_as_notice();
    code = guarded_run(opts, signals);
    if (code != 0 && signals.received() != 0) // Ended before the service had begun, or in the middle.
      code = app::by_signal + signals.received();
  }
  if (app::pool_host::abandoned())
    std::_Exit(code);
  return code;
}
