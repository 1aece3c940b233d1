// cenote's side: callers are actors, as in an application.
#include "sides.hpp"

#include "cenote/error.hpp"
#include "cenote/pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <latch>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

namespace cenote::bench {

namespace {

/// Settings for request and response: see the facts about `stealing` in the design.
class system_config : public caf::actor_system_config {
public:
  explicit system_config(size_t workers) {
    load<caf::io::middleman>();
    set("caf.scheduler.policy", "sharing");
    set("caf.scheduler.max-threads", workers);
    set("caf.scheduler.max-throughput", size_t{100});
  }
};

manga copy(const result& rows) {
  if (rows.size() != 1)
    throw std::runtime_error{"cenote: expected one row, got " + std::to_string(rows.size())};
  auto row = rows[0];
  return {row.get<int>(0), row.get<std::string>(1), row.get<std::string>(2), row.get<int>(3)};
}

/// One request in flight; ends with the round.
struct calling_state {
  static inline const char* name = "bench.caller";

  calling_state(caf::event_based_actor* ptr, pool_actor target, caller* loop, double slow, std::latch* all_ended)
      : self{ptr},
        pool{std::move(target)},
        log{loop},
        slow_share{slow},
        random{std::random_device{}()},
        ended{all_ended} {
    // nop
  }

  ~calling_state() { ended->count_down(); }

  caf::behavior make_behavior() {
    ask();
    // Keeps the actor alive while it waits; nobody sends it anything but answers.
    return {[](caf::unit_t) {}};
  }

  void ask() {
    if (slow_share > 0 && std::bernoulli_distribution{slow_share}(random))
      ask_slow();
    else
      ask_fast();
  }

  void ask_slow() {
    self->request(pool, caf::infinite, execute_atom_v, read("SELECT SLEEP(0.1)"))
        .then([this](const result&) { ask(); },
              [this](const caf::error& what) {
                log->failed("cenote: " + describe(what));
                self->quit();
              });
  }

  void ask_fast() {
    auto id = log->next();
    if (!id) {
      self->quit();
      return;
    }
    // Infinite, as the pool answers every request: its own time limit counts.
    self->request(pool, caf::infinite, execute_atom_v, read(std::string{point_select} + '?', *id))
        .then(
            [this](const result& rows) {
              try {
                log->answered(copy(rows));
              } catch (const std::exception& e) {
                log->failed(e.what());
              }
              ask();
            },
            [this](const caf::error& what) {
              log->failed("cenote: " + describe(what));
              self->quit();
            });
  }

  caf::event_based_actor* self;
  pool_actor pool;
  caller* log;
  double slow_share;
  std::minstd_rand random;
  std::latch* ended;
};

using calling_actor = caf::stateful_actor<calling_state>;

/// Waits until all connections are open, so that the round measures statements and not connects.
void await_connections(caf::actor_system& sys, const pool_actor& pool, size_t wanted) {
  using namespace std::chrono_literals;
  caf::scoped_actor self{sys};
  std::string trouble;
  auto deadline = steady::now() + 10s;
  for (uint64_t open = 0; open < wanted;) {
    if (steady::now() > deadline)
      throw std::runtime_error{"cenote: opened " + std::to_string(open) + " of " + std::to_string(wanted)
                               + " connections in 10 s; last error: " + trouble};
    self->request(pool, 5s, status_atom_v)
        .receive(
            [&](const pool_status& x) {
              open = x.total_connections;
              trouble = x.last_error;
            },
            [&](const caf::error& what) { trouble = describe(what); });
    std::this_thread::sleep_for(5ms);
  }
}

/// Ends the pool when the round is over or has failed: the actor system waits for it.
struct ending {
  pool_actor pool;
  ~ending() { caf::anon_send_exit(pool, caf::exit_reason::user_shutdown); }
};

} // namespace

figures run_actors(const scenario& what, const catalogue& all) {
  return measure(all, what.callers, what.length, [&](std::vector<caller>& crew, const std::function<void()>& started) {
    std::latch ended{static_cast<std::ptrdiff_t>(crew.size())};
    system_config cfg{what.workers};
    caf::actor_system sys{cfg};
    pool_settings rules;
    rules.size = what.connections;
    rules.max_overflow = 0;
    rules.pipeline_depth = what.depth;
    ending guarded{spawn_pool(sys, what.server, rules)};
    await_connections(sys, guarded.pool, what.connections);
    for (auto& x : crew)
      sys.spawn<calling_actor>(guarded.pool, &x, what.slow_share, &ended);
    started();
    ended.wait();
  });
}

} // namespace cenote::bench
