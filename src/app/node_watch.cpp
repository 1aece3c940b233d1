#include "app/node_watch.hpp"

#include <chrono>
#include <mutex>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// How often the node is looked at.
constexpr auto pace = 1s;

} // namespace

struct node_watch::shared_state {
  std::mutex guard;
  std::shared_ptr<const node_status> status;
};

/// Looks, and writes down what it sees.
struct node_watch::watcher {
  static inline const char* name = "cenote.app.node_watch";

  watcher(caf::event_based_actor* ptr, node_actor watched, std::shared_ptr<shared_state> notes)
      : self{ptr}, node{std::move(watched)}, state{std::move(notes)} {
    // nop
  }

  caf::behavior make_behavior() {
    self->monitor(node);
    self->set_down_handler([this](caf::down_msg&) { self->quit(); });
    self->send(self, caf::tick_atom_v);
    return {[this](caf::tick_atom) { ask(); }};
  }

  /// The next question comes a while after the answer.
  void ask() {
    self->request(node, caf::infinite, status_atom_v)
        .then(
            [this](node_status& x) {
              auto status = std::make_shared<const node_status>(std::move(x));
              {
                std::unique_lock lock{state->guard};
                state->status = std::move(status);
              }
              self->delayed_send(self, pace, caf::tick_atom_v);
            },
            [](caf::error&) {
              // It has ended: the down handler is next.
            });
  }

  caf::event_based_actor* self;
  node_actor node;
  std::shared_ptr<shared_state> state;
};

node_watch::node_watch(caf::actor_system& system, const node_actor& node)
    : state_{std::make_shared<shared_state>()}, watcher_{system.spawn<caf::stateful_actor<watcher>>(node, state_)} {
  // nop
}

node_watch::~node_watch() {
  caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
}

std::shared_ptr<const node_status> node_watch::look() const {
  std::unique_lock lock{state_->guard};
  return state_->status;
}

} // namespace cenote::app
