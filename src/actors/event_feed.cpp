#include "actors/event_feed.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace cenote {

bool event_feed::contains(const caf::actor_addr& address) const {
  return std::ranges::any_of(subscribers_, [&](auto& each) { return each.address == address; });
}

event_feed::subscription event_feed::add(const caf::strong_actor_ptr& actor) {
  auto address = caf::actor_cast<caf::actor_addr>(actor);
  if (contains(address))
    return subscription::known;
  if (subscribers_.size() >= max_subscribers)
    return subscription::refused;
  subscribers_.push_back({++last_id_, std::move(address), {}, 0, false});
  return subscription::added;
}

bool event_feed::remove(const caf::actor_addr& address) {
  return std::erase_if(subscribers_, [&](auto& each) { return each.address == address; }) > 0;
}

void event_feed::publish(pool_event event) {
  event.pool = pool_;
  event.at = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  forward(event);
}

void event_feed::forward(const pool_event& event) {
  for (auto& each : subscribers_) {
    if (each.waiting.size() >= max_waiting) {
      each.waiting.pop_front();
      ++each.lost;
    }
    each.waiting.push_back(event);
    if (!each.is_busy)
      send(each);
  }
}

bool event_feed::is_current(subscription_id id) const {
  return std::ranges::any_of(subscribers_, [id](auto& each) { return each.id == id; });
}

void event_feed::acknowledged(subscription_id id) {
  auto i = std::ranges::find(subscribers_, id, &subscriber::id);
  if (i == subscribers_.end())
    return;
  i->is_busy = false;
  if (!i->waiting.empty())
    send(*i);
}

void event_feed::send(subscriber& target) {
  auto receiver = caf::actor_cast<caf::strong_actor_ptr>(target.address);
  if (!receiver)
    return; // Its end is about to be reported.
  pool_events batch;
  batch.lost = std::exchange(target.lost, 0);
  batch.events.assign(std::make_move_iterator(target.waiting.begin()), std::make_move_iterator(target.waiting.end()));
  target.waiting.clear();
  target.is_busy = true;
  send_(receiver, target.id, std::move(batch));
}

} // namespace cenote
