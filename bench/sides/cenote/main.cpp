// cenote's side: callers are actors, as in an application, and share a pool; or threads that share a database.
#include "blocking.hpp"
#include "calling_actor.hpp"
#include "program.hpp"

#include "cenote/actor_system_config.hpp"
#include "cenote/beside.hpp"
#include "cenote/error.hpp"
#include "cenote/node.hpp"
#include "cenote/pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/defaults.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <cstdio>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

namespace {

using namespace cenote;
using namespace cenote::bench;

/// Options of this side alone.
struct tuning {
  size_t depth = pool_settings{}.pipeline_depth;
  size_t prepared_statements = pool_settings{}.prepared_statements;
  size_t workers = 1;
  size_t io_threads = 1;
  double slow_share = 0;
  size_t large_readers = 0;
  bool beside = false;
  bool retrier = false;
  bool blocking = false;
  bool plain_caf = false;
  bool show_caf_settings = false;
  remote_settings nodes; ///< Unless empty, the pool is at one of them.
};

/// The settings of CAF: cenote's, with so many threads, or those of an application that sets none.
std::unique_ptr<caf::actor_system_config> config_of(const tuning& own) {
  if (own.plain_caf) {
    auto plain = std::make_unique<caf::actor_system_config>();
    plain->load<caf::io::middleman>();
    return plain;
  }
  auto config = std::make_unique<cenote::actor_system_config>();
  if (own.workers > 0 && !own.blocking) // The database has an actor system of its own.
    config->set("caf.scheduler.max-threads", own.workers);
  return config;
}

/// Prints CAF's settings for its scheduler in one line.
void print_caf_settings(const tuning& own) {
  auto config = config_of(own);
  caf::actor_system sys{*config};
  auto throughput = sys.scheduler().max_throughput();
  std::printf("policy %s, max-threads %zu, max-throughput %s\n",
              caf::get_or(*config, "caf.scheduler.policy", caf::defaults::scheduler::policy).c_str(),
              sys.scheduler().num_workers(),
              throughput == caf::defaults::scheduler::max_throughput ? "unlimited"
                                                                     : std::to_string(throughput).c_str());
}

pool_settings rules_of(const options& opts, const tuning& own) {
  pool_settings rules;
  rules.size = opts.connections;
  rules.max_overflow = 0;
  rules.pipeline_depth = own.depth;
  rules.prepared_statements = own.prepared_statements;
  rules.io_threads = own.io_threads;
  if (opts.pre_ping)
    rules.pre_ping_idle = std::chrono::nanoseconds{0};
  return rules;
}

pool_actor start_pool(caf::actor_system& sys, const options& opts, const tuning& own) {
  if (!own.nodes.nodes.empty())
    return connect(sys, own.nodes);
  return spawn_pool(sys, server_of_environment(), rules_of(opts, own));
}

/// Waits until all connections are open, so that the round measures statements and not connects.
void await_connections(caf::actor_system& sys, const pool_actor& pool, size_t count) {
  using namespace std::chrono_literals;
  caf::scoped_actor self{sys};
  auto fail = [](const caf::error& error) { throw std::runtime_error{describe(error)}; };
  // It does not wait for a server that is down.
  self->request(pool, 10s, verify_atom_v).receive([](const verification&) {}, fail);
  auto deadline = steady::now() + 10s;
  pool_status now;
  while (now.total_connections < count) {
    if (steady::now() > deadline)
      throw std::runtime_error{"not all connections could be opened in 10 s: " + to_string(now)
                               + "; last error: " + now.last_error};
    self->request(pool, 5s, status_atom_v).receive([&](const pool_status& status) { now = status; }, fail);
    std::this_thread::sleep_for(5ms);
  }
}

/// Reads a large result again and again, until the pool ends.
void keep_reading(caf::event_based_actor* self, const pool_actor& pool) {
  self->request(pool, caf::infinite, execute_atom_v, read("SELECT id, body FROM bench_large"))
      .then([self, pool](const result&) { keep_reading(self, pool); }, [](const caf::error&) {});
}

/// Ends the pool when the round is over or has failed: the actor system waits for it.
struct ending {
  pool_actor pool;
  ~ending() { caf::anon_send_exit(pool, caf::exit_reason::user_shutdown); }
};

figures run(const options& opts, const tuning& own) {
  if (own.show_caf_settings) {
    print_caf_settings(own);
    throw CLI::Success{};
  }
  if (own.blocking)
    return run_blocking(opts, rules_of(opts, own));
  return measure(opts, opts.callers, [&](std::vector<caller>& crew, const std::function<void()>& started) {
    std::latch ended{static_cast<std::ptrdiff_t>(crew.size())};
    auto config = config_of(own);
    caf::actor_system sys{*config};
    ending guarded{start_pool(sys, opts, own)};
    await_connections(sys, guarded.pool, opts.connections);
    auto recovers = opts.load == workload::recovery;
    auto pool = recovers || own.retrier ? spawn_retrier(sys, guarded.pool) : guarded.pool;
    for (size_t i = 0; i < own.large_readers; ++i)
      sys.spawn(keep_reading, guarded.pool);
    for (auto& member : crew)
      if (own.beside)
        spawn_beside<calling_actor>(pool, pool, &member, opts.load, own.slow_share, &ended);
      else
        sys.spawn<calling_actor>(pool, &member, opts.load, own.slow_share, &ended);
    started();
    // Requests that are still being repeated no longer matter.
    if (recovers)
      caf::anon_send_exit(guarded.pool, caf::exit_reason::user_shutdown);
    ended.wait();
  });
}

} // namespace

int main(int argc, char** argv) {
  tuning own;
  CLI::App app{"Actors that share a pool of cenote, or threads.", "cenote-bench-cenote"};
  app.add_option("--depth", own.depth, "the setting pool.pipeline-depth")->check(CLI::Range(1, 64));
  app.add_option("--prepared-statements", own.prepared_statements, "the setting pool.prepared-statements")
      ->check(CLI::Range(0, 1'000));
  app.add_option("--workers", own.workers, "scheduler threads of the actor system, 0 for as many as CAF takes")
      ->check(CLI::Range(0, 1'024));
  app.add_option("--io-threads", own.io_threads, "the setting pool.io-threads")->check(CLI::Range(1, 64));
  app.add_option("--slow-share", own.slow_share, "share of statements that take 100 ms and do not count")
      ->check(CLI::Range(0.0, 0.99));
  app.add_option("--large-readers", own.large_readers, "further callers that read 10 MB again and again, uncounted")
      ->check(CLI::Range(0, 1'000));
  app.add_flag("--beside", own.beside, "callers live on the pool's own thread");
  app.add_flag("--retrier", own.retrier, "callers ask a retrier before the pool");
  app.add_flag("--blocking", own.blocking, "callers are threads that call one cenote::database");
  app.add_flag("--plain-caf", own.plain_caf, "leave CAF's settings as they are, in place of cenote's and --workers")
      ->excludes("--blocking", "--workers");
  app.add_flag("--show-caf-settings", own.show_caf_settings, "print CAF's settings in place of a round");
  app.add_option("--nodes", own.nodes.nodes, "host:port of a pool node that has the pool, in place of one here");
  app.add_option("--certificate", own.nodes.certificate, "PEM file, for TLS to the node");
  app.add_option("--key", own.nodes.key, "PEM file");
  app.add_option("--ca", own.nodes.ca, "PEM file");
  init();
  // Lost connections are the subject of `recovery`: not worth a log line.
  spdlog::null_logger_mt("cenote");
  return run_side(app, argc, argv, [&](const options& opts) { return run(opts, own); });
}
