#include "app/pool_watch.hpp"

#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How often the pool is looked at.
constexpr auto pace = 200ms;

} // namespace

struct pool_watch::shared_state {
  std::mutex guard;
  std::optional<pool_status> status;
  clock::time_point last_tick = clock::now();
  std::optional<clock::time_point> asked_pool;   ///< Empty: it owes no answer.
  std::optional<clock::time_point> asked_server; ///< Empty: it owes no answer.
  std::optional<clock::time_point> verified;
  bool probed = false; ///< Since the last round trip.
  bool drains = false; ///< The program does.
};

/// Looks, and writes down what it sees.
struct pool_watch::watcher {
  static inline const char* name = "cenote.app.pool_watch";

  watcher(caf::event_based_actor* ptr, pool_actor watched, std::chrono::nanoseconds interval,
          std::shared_ptr<shared_state> notes)
      : self{ptr}, pool{std::move(watched)}, probe_interval{interval}, state{std::move(notes)} {
    // nop
  }

  caf::behavior make_behavior() {
    self->monitor(pool);
    self->set_down_handler([this](caf::down_msg&) { self->quit(); });
    self->send(self, caf::tick_atom_v);
    return {[this](caf::tick_atom) { tick(); }};
  }

  void tick() {
    self->delayed_send(self, pace, caf::tick_atom_v);
    auto now = clock::now();
    std::unique_lock lock{state->guard};
    state->last_tick = now;
    if (!state->asked_pool) {
      state->asked_pool = now;
      lock.unlock();
      ask_pool();
    }
  }

  void ask_pool() {
    self->request(pool, caf::infinite, status_atom_v)
        .then(
            [this](pool_status& x) {
              {
                std::unique_lock lock{state->guard};
                state->status = std::move(x);
                state->asked_pool.reset();
              }
              // Now, not at the next tick: a connection that was idle then may be in use, and the probe would wait.
              if (auto now = clock::now(); may_ask_server(now))
                ask_server(now);
            },
            [this](caf::error&) {
              // It has ended: the down handler is next.
              std::unique_lock lock{state->guard};
              state->asked_pool.reset();
            });
  }

  bool may_ask_server(clock::time_point now) {
    if (probe_interval == 0ns || now - last_question < probe_interval)
      return false;
    std::unique_lock lock{state->guard};
    auto& x = state->status;
    return state->probed && !state->asked_server && x && x->checked_in > 0 && x->waiting == 0 && !x->draining
           && !x->paused;
  }

  void ask_server(clock::time_point now) {
    last_question = now;
    {
      std::unique_lock lock{state->guard};
      state->probed = false;
      state->asked_server = now;
    }
    self->request(pool, caf::infinite, verify_atom_v)
        .then(
            [this](const verification&) {
              std::unique_lock lock{state->guard};
              state->verified = clock::now();
              state->asked_server.reset();
            },
            [this](caf::error&) {
              // What is wrong shows in the status: no connection is left, or the breaker is open.
              std::unique_lock lock{state->guard};
              state->asked_server.reset();
            });
  }

  caf::event_based_actor* self;
  pool_actor pool;
  std::chrono::nanoseconds probe_interval;
  std::shared_ptr<shared_state> state;
  clock::time_point last_question{};
};

pool_watch::pool_watch(caf::actor_system& system, const pool_actor& pool, std::chrono::nanoseconds probe_interval)
    : state_{std::make_shared<shared_state>()},
      watcher_{system.spawn<caf::stateful_actor<watcher>>(pool, probe_interval, state_)} {
  // nop
}

pool_watch::~pool_watch() {
  caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
}

pool_view pool_watch::look() const {
  auto now = clock::now();
  std::unique_lock lock{state_->guard};
  auto since = [now](const std::optional<clock::time_point>& x) { return x ? now - *x : 0ns; };
  pool_view out;
  out.status = state_->status;
  if (out.status && state_->drains)
    out.status->draining = true;
  out.unanswered = since(state_->asked_pool);
  out.unheard = now - state_->last_tick;
  out.silent = since(state_->asked_server);
  if (state_->verified)
    out.verified = now - *state_->verified;
  return out;
}

void pool_watch::note_probe() {
  std::unique_lock lock{state_->guard};
  state_->probed = true;
}

void pool_watch::note_drain() {
  std::unique_lock lock{state_->guard};
  state_->drains = true;
}

} // namespace cenote::app
