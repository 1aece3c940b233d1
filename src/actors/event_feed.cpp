#include "actors/event_feed.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace cenote {

event_feed::subscription event_feed::add(const caf::strong_actor_ptr& who) {
  auto addr = caf::actor_cast<caf::actor_addr>(who);
  if (std::ranges::any_of(subscribers_, [&](auto& x) { return x.address == addr; }))
    return subscription::known;
  if (subscribers_.size() >= max_subscribers)
    return subscription::refused;
  subscribers_.push_back({++last_id_, std::move(addr), {}, 0, false});
  return subscription::added;
}

bool event_feed::remove(const caf::actor_addr& who) {
  return std::erase_if(subscribers_, [&](auto& x) { return x.address == who; }) > 0;
}

void event_feed::publish(pool_event what) {
  what.pool = pool_;
  what.at = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  for (auto& x : subscribers_) {
    if (x.waiting.size() >= max_waiting) {
      x.waiting.pop_front();
      ++x.lost;
    }
    x.waiting.push_back(what);
    if (!x.is_busy)
      send(x);
  }
}

bool event_feed::is_current(subscription_id id) const {
  return std::ranges::any_of(subscribers_, [id](auto& x) { return x.id == id; });
}

void event_feed::acknowledged(subscription_id id) {
  auto i = std::ranges::find(subscribers_, id, &subscriber::id);
  if (i == subscribers_.end())
    return;
  i->is_busy = false;
  if (!i->waiting.empty())
    send(*i);
}

void event_feed::send(subscriber& x) {
  auto receiver = caf::actor_cast<caf::strong_actor_ptr>(x.address);
  if (!receiver)
    return; // Its end is about to be reported.
  pool_events batch;
  batch.lost = std::exchange(x.lost, 0);
  batch.events.assign(std::make_move_iterator(x.waiting.begin()), std::make_move_iterator(x.waiting.end()));
  x.waiting.clear();
  x.is_busy = true;
  send_(receiver, x.id, std::move(batch));
}

} // namespace cenote
