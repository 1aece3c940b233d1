#define CAF_SUITE pool_server.scheduler

#include "cenote/actor_system_config.hpp"
#include "cenote/configuration.hpp"
#include "cenote/logger.hpp"
#include "cenote/pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <caf/test/bdd_dsl.hpp>

#include <sstream>

namespace {

/// What is logged while a pool is started in an actor system with this configuration. There is no server.
std::string log_of_start(caf::actor_system_config& config) {
  std::ostringstream lines;
  auto logger = std::make_shared<spdlog::logger>("kept", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  cenote::set_logger(logger);
  {
    caf::actor_system sys{config};
    for (auto i = 0; i < 2; ++i)
      caf::anon_send_exit(cenote::spawn_pool(sys, cenote::parse_uri("mysql://user@127.0.0.1:1/none")),
                          caf::exit_reason::user_shutdown);
  }
  cenote::set_logger(nullptr);
  logger->sinks().clear();
  return lines.str();
}

size_t count(const std::string& text, std::string_view part) {
  size_t out = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++out;
  return out;
}

} // namespace

SCENARIO("a scheduler that makes callers wait is named once") {
  GIVEN("CAF's own settings, and cenote's") {
    WHEN("pools are started with cenote's settings") {
      cenote::actor_system_config config;
      auto lines = log_of_start(config);
      THEN("nothing is said") {
        CHECK_EQ(count(lines, "stealing"), 0u);
        CHECK_EQ(get_or(config, "caf.scheduler.policy", "none"), "sharing");
      }
    }
    WHEN("pools are started with CAF's defaults") {
      caf::actor_system_config config;
      config.load<caf::io::middleman>();
      auto lines = log_of_start(config);
      THEN("one line says what to set") {
        CHECK_EQ(count(lines, "stealing"), 1u);
        CHECK_EQ(count(lines, "caf.scheduler.policy"), 1u);
      }
    }
    WHEN("that was said before") {
      caf::actor_system_config config;
      config.load<caf::io::middleman>();
      THEN("it is not said again") {
        CHECK_EQ(count(log_of_start(config), "stealing"), 0u);
      }
    }
  }
}

SCENARIO("cenote's settings can be changed") {
  cenote::actor_system_config config;
  config.set("caf.scheduler.policy", "stealing");
  config.set("caf.scheduler.max-threads", 3u);
  caf::actor_system sys{config};
  CHECK_EQ(sys.scheduler().num_workers(), 3u);
}
