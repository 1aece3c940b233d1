#include "cenote/pool.hpp"

#include "actors/budget_agent.hpp"
#include "actors/budget_table.hpp"
#include "actors/connector.hpp"
#include "actors/messages.hpp"
#include "actors/pool_actor.hpp"
#include "cenote/configuration.hpp"
#include "cenote/jobs/type_ids.hpp"
#include "config/standard_streams.hpp"
#include "db/connection.hpp"
#include "log/log.hpp"
#include "metrics/catalogue.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/defaults.hpp>
#include <caf/detail/meta_object.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/io/middleman.hpp>

#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace cenote {

namespace {

/// Once in a process: it is the first thing to look at when callers find the pool slow.
void warn_of_slow_scheduler(const caf::actor_system& sys) {
  static std::once_flag done;
  auto policy = caf::get_or(sys.config(), "caf.scheduler.policy", caf::defaults::scheduler::policy);
  if (policy == "stealing")
    std::call_once(done, [] {
      log().warn(
          "CAF's scheduler works by stealing, its default: callers of a pool wait about three times as long as they "
          "need to; set caf.scheduler.policy to \"sharing\", or make the actor system from a "
          "cenote::actor_system_config, which does that");
    });
}

} // namespace

void init() {
  config::occupy_standard_streams();
  caf::init_global_meta_objects<caf::id_block::cenote>();
  caf::init_global_meta_objects<caf::id_block::cenote_jobs>();
  caf::init_global_meta_objects<caf::id_block::cenote_internal>();
  caf::io::middleman::init_global_meta_objects();
  caf::core::init_global_meta_objects();
  db::init_library();
}

pool_actor spawn_pool(caf::actor_system& sys, const server_settings& server, const pool_settings& rules) {
  if (caf::detail::global_meta_object(caf::type_id_v<statement>) == nullptr)
    throw std::logic_error{"call cenote::init() at the start of main, before the actor system and its configuration"};
  settings all;
  all.server = server;
  all.pool = rules;
  check(all);
  if (rules.budget.connections > 0)
    budget_table{rules.budget.table}; // Throws if it is no name.
  if (!sys.has_middleman())
    throw std::invalid_argument{"cenote needs CAF's I/O module: call load<caf::io::middleman>() in the configuration"};
  warn_of_slow_scheduler(sys);
  std::vector<io_thread_ptr> io_threads;
  for (size_t i = 0; i < rules.io_threads; ++i) {
    auto cpu_time = metrics::seconds_counter(sys.metrics(), metrics::metric::io_thread_cpu, rules.name,
                                             {{"thread", std::to_string(i)}});
    io_threads.push_back(io_thread::start(sys, cpu_time, guests::admitted));
  }
  auto home = io_threads.front();
  auto connections = std::make_unique<connector>(sys, server, io_threads, rules.prepared_statements);
  auto pool = spawn_pool_actor(sys, std::move(home), rules, std::move(connections), std::random_device{}());
  if (rules.budget.connections > 0)
    spawn_budget_agent(sys, pool, rules, server);
  return pool;
}

} // namespace cenote
