#include "app/event_log.hpp"

namespace cenote::app {

namespace {

constexpr auto max_gap = std::chrono::seconds{1};

bool is_left_out(const pool_event& event) {
  return event.kind == event_kind::checked_out || event.kind == event_kind::checked_in
         || (event.kind == event_kind::connection_closed && event.reason == close_reason::lost);
}

} // namespace

void event_log::add(const pool_event& event) {
  if (is_left_out(event))
    return;
  auto anonymous = event;
  anonymous.pool.clear(); // There is one pool only.
  add(std::chrono::time_point_cast<std::chrono::system_clock::duration>(event.at), to_string(event.kind),
      to_string(anonymous));
}

void event_log::add(std::chrono::system_clock::time_point at, const std::string& kind, const std::string& text) {
  if (!events_.empty() && events_.back().kind == kind && at - events_.back().at <= max_gap) {
    auto& last = events_.back();
    last = {at, kind, text, last.count + 1};
    return;
  }
  events_.push_back({at, kind, text, 1});
  if (events_.size() > capacity)
    events_.pop_front();
}

} // namespace cenote::app
