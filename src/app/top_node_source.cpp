#include "app/event_log.hpp"
#include "app/node_view.hpp"
#include "app/pool_host.hpp"
#include "app/top_source.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Longest wait for a node: shorter than that for one answer, so that the reason arrives.
constexpr auto patience = 1500ms;

/// The last events, written by one actor.
struct shared_events {
  std::mutex guard;
  event_log log;
};

caf::behavior listen(caf::event_based_actor* self, const pool_actor& pool,
                     const std::shared_ptr<shared_events>& events) {
  self->send(pool, subscribe_atom_v);
  return {[events](const pool_events& told) {
    std::unique_lock lock{events->guard};
    for (auto& event : told.events)
      events->log.add(event);
  }};
}

class node_source : public top_source {
public:
  node_source(const remote_settings& nodes, const caf::settings& caf_options)
      : host_{nodes, caf_options},
        url_{nodes.nodes},
        events_{std::make_shared<shared_events>()},
        listener_{host_.system().spawn(listen, host_.pool(), events_)} {
    // nop
  }

  ~node_source() override { caf::anon_send_exit(listener_, caf::exit_reason::user_shutdown); }

  top_view look() override {
    pool_answers told;
    told.status = ask<pool_status>(status_atom_v);
    if (told.status) {
      told.details = ask<pool_details>(details_atom_v);
      told.statements = ask<std::vector<statement_summary>>(statements_atom_v);
      if (auto settings = ask<effective_settings>(settings_atom_v))
        told.settings = std::move(*settings);
      std::unique_lock lock{events_->guard};
      told.events = events_->log.content();
    }
    auto out = observer_.update(told, std::chrono::system_clock::now());
    out.at = unix_time();
    out.url = url_;
    return out;
  }

  bool interrupt() override {
    host_.cut();
    return true;
  }

private:
  template <class Answer, class Atom>
  tl::expected<Answer, failure> ask(Atom what) {
    return host_.ask_within<Answer>(caf::timespan{2 * patience}, what);
  }

  pool_host host_;
  std::string url_;
  std::shared_ptr<shared_events> events_;
  caf::actor listener_;
  node_observer observer_;
};

} // namespace

std::shared_ptr<top_source> make_node_source(const remote_settings& nodes, const caf::settings& caf_options) {
  auto how = nodes;
  how.timeout = std::min<std::chrono::nanoseconds>(how.timeout, patience);
  return std::make_shared<node_source>(how, caf_options);
}

} // namespace cenote::app
