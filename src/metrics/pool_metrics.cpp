#include "metrics/pool_metrics.hpp"

#include <tuple>
#include <utility>

namespace cenote::metrics {

namespace {

/// The last value of the enumeration.
constexpr auto last_reason = close_reason::drained;

constexpr const char* state_label = "db_client_connection_state";

} // namespace

pool_metrics::pool_metrics(caf::telemetry::metric_registry& registry, const pool_settings& rules, size_t servers)
    : registry_{registry},
      pool_{rules.name},
      operations_{std::make_shared<operation_metrics>(registry, rules.name, rules.statement_statistics)},
      idle_{gauge(registry, metric::connection_count, pool_, {{state_label, "idle"}})},
      used_{gauge(registry, metric::connection_count, pool_, {{state_label, "used"}})},
      idle_min_{gauge(registry, metric::connection_idle_min, pool_)},
      idle_max_{gauge(registry, metric::connection_idle_max, pool_)},
      max_{gauge(registry, metric::connection_max, pool_)},
      pending_{gauge(registry, metric::pending_requests, pool_)},
      in_flight_{gauge(registry, metric::requests_in_flight, pool_)},
      budget_{gauge(registry, metric::budget_connections, pool_)},
      share_{gauge(registry, metric::budget_share, pool_)},
      connecting_{gauge(registry, metric::connections_connecting, pool_)},
      generation_{gauge(registry, metric::pool_generation, pool_)},
      sessions_{gauge(registry, metric::sessions_held, pool_)},
      oldest_{gauge(registry, metric::session_oldest_checkout, pool_)},
      timeouts_{counter(registry, metric::timeouts, pool_)},
      returned_{counter(registry, metric::requests_returned, pool_)},
      requeued_{counter(registry, metric::statements_requeued, pool_)},
      opened_{counter(registry, metric::connections_opened, pool_)},
      lost_{counter(registry, metric::connections_lost, pool_)},
      create_time_{histogram(registry, metric::create_time, pool_)},
      wait_time_{histogram(registry, metric::wait_time, pool_)},
      use_time_{histogram(registry, metric::use_time, pool_)} {
  static_assert(static_cast<size_t>(last_reason) == std::tuple_size_v<decltype(closed_)>);
  for (size_t i = 0; i < closed_.size(); ++i)
    closed_[i] = counter(registry, metric::connections_closed, pool_, {{"reason", to_string(close_reason(i + 1))}});
  for (size_t server = 0; server < servers; ++server) {
    auto number = std::to_string(server);
    auto series = [&](breaker_state value) {
      auto state = to_string(value);
      return contribution{gauge(registry, metric::breaker_state, pool_, {{"server", number}, {"state", state}})};
    };
    breakers_.push_back({series(breaker_state::closed), series(breaker_state::open), series(breaker_state::half_open)});
    update_breaker(server, breaker_state::closed);
  }
  apply(rules);
}

void pool_metrics::apply(const pool_settings& rules) {
  auto kept = static_cast<int64_t>(rules.kept());
  auto most = static_cast<int64_t>(rules.size + rules.max_overflow);
  budget_.set(static_cast<int64_t>(rules.budget.connections));
  idle_min_.set(kept);
  idle_max_.set(rules.idle_timeout > rules.idle_timeout.zero() ? most : kept);
  operations_->statements().enable(rules.statement_statistics);
}

void pool_metrics::update(const pool::levels& now) {
  idle_.set(static_cast<int64_t>(now.idle));
  used_.set(static_cast<int64_t>(now.used));
  max_.set(static_cast<int64_t>(now.limit));
  pending_.set(static_cast<int64_t>(now.waiting));
  in_flight_.set(static_cast<int64_t>(now.in_flight));
  share_.set(static_cast<int64_t>(now.share));
  connecting_.set(static_cast<int64_t>(now.connecting));
  generation_.set(static_cast<int64_t>(now.generation));
  if (now.lost != lost_before_)
    lost_->inc(static_cast<int64_t>(now.lost - std::exchange(lost_before_, now.lost)));
}

void pool_metrics::update_breaker(size_t server, breaker_state now) {
  auto& states = breakers_.at(server);
  for (size_t i = 0; i < states.size(); ++i)
    states[i].set(i == static_cast<size_t>(now) ? 1 : 0);
}

void pool_metrics::refused(errc code) {
  if (code == errc::acquire_timeout)
    timeouts_->inc();
  auto& series = refused_[code];
  if (series == nullptr)
    series = counter(registry_, metric::requests_refused, pool_, {{"error_type", to_string(code)}});
  series->inc();
}

void pool_metrics::connect_failed(connection_id id, errc code) {
  connects_.erase(id);
  auto& series = connects_failed_[code];
  if (series == nullptr)
    series = counter(registry_, metric::connects_failed, pool_, {{"error_type", to_string(code)}});
  series->inc();
}

void pool_metrics::opened(connection_id id, time_point now) {
  opened_->inc();
  if (auto begun = connects_.extract(id))
    observe(create_time_, now - begun.mapped());
}

void pool_metrics::session_begins(session_id id) {
  using namespace std::chrono;
  session_order_[id] = ++last_session_;
  session_times_[last_session_] = duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
  show_sessions();
}

void pool_metrics::session_ends(session_id id) {
  if (auto order = session_order_.extract(id))
    session_times_.erase(order.mapped());
  show_sessions();
}

void pool_metrics::show_sessions() {
  sessions_.set(static_cast<int64_t>(session_times_.size()));
  oldest_->value(session_times_.empty() ? 0 : session_times_.begin()->second);
}

} // namespace cenote::metrics
