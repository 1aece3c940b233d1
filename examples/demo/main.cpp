// cenote-demo: many actors share a few connections, and lose nothing when the server cuts them all, or is killed.

#include "app/embedded_server.hpp"
#include "app/logging.hpp"
#include "app/mistakes.hpp"
#include "app/signals.hpp"
#include "app/standard_streams.hpp"
#include "cenote/actor_system_config.hpp"
#include "demo/show.hpp"

#include <caf/init_global_meta_objects.hpp>

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

namespace {

int run(const demo::options& options, cenote::app::signal_watch& signals) try {
  cenote::app::clean_up_scope cleaning{signals};
  std::printf("cenote demo: starting a private MariaDB server ...\n\n");
  std::fflush(stdout);
  cenote::app::embedded_server server{signals.first()};
  cenote::actor_system_config cfg;
  caf::actor_system sys{cfg};
  auto success = demo::show{sys, server, options}.run(signals.first());
  return signals.received() != 0 ? 128 + signals.received() : success ? 0 : 1;
} catch (std::exception& err) {
  if (signals.received() != 0)
    return 128 + signals.received();
  std::fprintf(stderr, "cenote-demo: %s\n", err.what());
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Many actors read and write through a pool of few connections, on a private server, which first cuts all\n"
      "connections and later is killed and started again. At the end the tables are compared with what was\n"
      "acknowledged.",
      "cenote-demo"};
  demo::options options;
  app.add_option("--seconds", options.seconds, "How long they work")->check(CLI::Range(1, 3600))->capture_default_str();
  app.add_option("--actors", options.actors, "How many they are")->check(CLI::Range(1, 100'000))->capture_default_str();
  app.footer("\nExit codes: 0 nothing was lost or done twice, 1 something was or went wrong, 2 wrong options");
  cenote::app::occupy_standard_streams();
  if (auto code = cenote::app::parse_or_explain(app, argc, argv); code != -1)
    return code;
  cenote::app::signal_watch::block();
  cenote::init();
  caf::init_global_meta_objects<caf::id_block::demo>();
  // The pool's log lines about lost connections are expected here.
  cenote::app::start_logging({"error", "text", {}});
  cenote::app::signal_watch signals;
  return run(options, signals);
}
