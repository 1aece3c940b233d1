// The program `cenote`.

#include "app/commands.hpp"
#include "app/embedded_server.hpp"
#include "app/logging.hpp"
#include "app/standard_streams.hpp"
#include "cenote/configuration.hpp"
#include "config/caf_settings.hpp"

#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <variant>

#include <spdlog/spdlog.h>

namespace {

using namespace cenote;
using namespace cenote::app;

std::optional<std::string> environment(const std::string& name) {
  auto value = std::getenv(name.c_str());
  return value ? std::optional<std::string>{value} : std::nullopt;
}

/// The settings, with `uri` in place of what the environment says about the server.
settings load(const options& wish, const std::optional<std::string>& uri) {
  configuration_sources from{wish.config_file, environment, wish.settings};
  if (wish.embedded)
    from.environment = [&uri](const std::string& name) {
      if (name == "DATABASE_URI_FILE")
        return std::optional<std::string>{};
      return name == "DATABASE_URI" ? uri : environment(name);
    };
  return load_settings(from, !wish.embedded || uri);
}

chatter amount_for(command what) {
  return what == command::serve ? chatter::service : chatter::one_shot;
}

int execute(const job& x) {
  switch (x.wish.what) {
  case command::check:
    return check(x);
  case command::sql:
    return sql(x);
  default:
    return serve(x);
  }
}

int run(const options& wish, const signal_watch& signals) {
  auto how = load(wish, std::nullopt);
  start_logging(how.log, amount_for(wish.what));
  std::unique_ptr<embedded_server> server;
  if (wish.embedded) {
    server = std::make_unique<embedded_server>(signals.first());
    how = load(wish, server->uri());
  }
  return execute({wish, how, config::caf_settings(wish.config_file), signals});
}

/// Runs the program and reports what it throws.
int run_and_report(const options& wish, const signal_watch& signals) try {
  auto code = run(wish, signals);
  auto ended_early = wish.what != command::serve && code != success && signals.received() != 0;
  return ended_early ? by_signal + signals.received() : code;
} catch (configuration_error& err) {
  spdlog::critical("{}", err.what());
  // Finding that out is what `check` is for.
  return wish.what == command::check ? failed : wrong_use;
} catch (embedded_error& err) {
  if (signals.received() != 0)
    return by_signal + signals.received();
  spdlog::critical("{}", err.what());
  return failed;
}

int guarded_main(int argc, char** argv) try {
  auto wish = read_command_line(argc, argv);
  if (auto code = std::get_if<exit_code>(&wish))
    return *code;
  signal_watch signals;
  return run_and_report(std::get<options>(wish), signals);
} catch (output_error& err) {
  if (!err.closed_by_reader())
    spdlog::error("{}", err.what());
  return failed;
} catch (std::exception& err) {
  spdlog::critical("defect in cenote, please report it: {}", err.what());
  return failed;
}

} // namespace

int main(int argc, char** argv) {
  occupy_standard_streams();
  signal_watch::block();
  cenote::init();
  start_logging({});
  auto code = guarded_main(argc, argv);
  if (pool_host::abandoned())
    std::_Exit(code);
  return code;
}
