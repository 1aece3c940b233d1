#include "app/pool_recorder.hpp"

#include <chrono>
#include <mutex>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// How often the condition is looked at.
constexpr auto pace = 200ms;
/// How often the newest sample is made anew.
constexpr auto sample_pace = 1s;

} // namespace

struct pool_recorder::shared_state {
  std::mutex guard;
  state_tracker tracker;
  app::history history;
  event_log events;
};

/// Subscribes to the pool's events, and looks at what is known of it.
struct pool_recorder::recorder {
  static inline const char* name = "cenote.app.pool_recorder";

  recorder(caf::event_based_actor* ptr, pool_actor recorded, std::shared_ptr<const pool_watch> looks,
           std::function<std::shared_ptr<const settings>()> settings_in_force, std::shared_ptr<shared_state> notes)
      : self{ptr},
        pool{std::move(recorded)},
        watch{std::move(looks)},
        current{std::move(settings_in_force)},
        state{std::move(notes)} {
    // nop
  }

  caf::behavior make_behavior() {
    self->monitor(pool);
    self->set_down_handler([this](caf::down_msg&) { self->quit(); });
    self->send(pool, subscribe_atom_v);
    self->send(self, caf::tick_atom_v);
    return {
        [this](caf::tick_atom) { tick(); },
        [this](const pool_events& told) { note(told); },
    };
  }

  void tick() {
    self->delayed_send(self, pace, caf::tick_atom_v);
    auto seen = watch->look();
    auto how = current();
    auto now = std::chrono::system_clock::now();
    auto measured_at = std::chrono::steady_clock::now();
    std::optional<observation> observed;
    if (seen.status && measured_at >= next_sample) {
      next_sample = measured_at + sample_pace - pace / 2;
      observed = {now, measured_at, *seen.status, metrics::read(self->system().metrics(), how->pool.name)};
    }
    std::unique_lock lock{state->guard};
    state->tracker.update(seen, how->pool.kept(), now);
    if (!observed)
      return;
    note_shed(observed->status, now);
    state->history.add(std::move(*observed));
  }

  void note(const pool_events& told) {
    std::unique_lock lock{state->guard};
    if (told.lost > 0)
      state->events.add(std::chrono::system_clock::now(), "missed",
                        std::to_string(told.lost) + " events are missing here: there were too many at a time");
    for (auto& event : told.events)
      state->events.add(event);
  }

  /// The pool tells of each request it sheds in its numbers only.
  void note_shed(const pool_status& status, std::chrono::system_clock::time_point now) {
    if (auto more = status.shed - std::exchange(shed_before, status.shed); more > 0)
      state->events.add(now, "shed", std::to_string(more) + " requests given up under overload");
  }

  caf::event_based_actor* self;
  pool_actor pool;
  std::shared_ptr<const pool_watch> watch;
  std::function<std::shared_ptr<const settings>()> current;
  std::shared_ptr<shared_state> state;
  std::chrono::steady_clock::time_point next_sample{};
  uint64_t shed_before = 0;
};

pool_recorder::pool_recorder(caf::actor_system& system, const pool_actor& pool, std::shared_ptr<const pool_watch> watch,
                             std::function<std::shared_ptr<const settings>()> current)
    : state_{std::make_shared<shared_state>()},
      recorder_{system.spawn<caf::stateful_actor<recorder>>(pool, std::move(watch), std::move(current), state_)} {
  // nop
}

pool_recorder::~pool_recorder() {
  caf::anon_send_exit(recorder_, caf::exit_reason::user_shutdown);
}

pool_state pool_recorder::state() const {
  std::unique_lock lock{state_->guard};
  return state_->tracker.current();
}

std::vector<history_sample> pool_recorder::newest(size_t samples) const {
  std::unique_lock lock{state_->guard};
  return state_->history.newest(samples);
}

std::vector<logged_event> pool_recorder::events() const {
  std::unique_lock lock{state_->guard};
  return state_->events.content();
}

} // namespace cenote::app
