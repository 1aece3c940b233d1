#include "actors/notice_board.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace cenote {

notice_board::admission notice_board::add(const caf::strong_actor_ptr& listener) {
  auto address = caf::actor_cast<caf::actor_addr>(listener);
  if (contains(address))
    return admission::known;
  if (!address || listeners_.size() >= max_listeners)
    return admission::refused;
  listeners_.push_back(std::move(address));
  return admission::added;
}

bool notice_board::remove(const caf::actor_addr& listener) {
  return std::erase(listeners_, listener) > 0;
}

bool notice_board::contains(const caf::actor_addr& listener) const {
  return std::ranges::find(listeners_, listener) != listeners_.end();
}

void notice_board::notify(const std::string& channel, const caf::actor_addr& from) {
  if (listeners_.empty() || channel.size() > max_name)
    return;
  if (auto known = channels_.find(channel); known != channels_.end()) {
    auto& last = known->second;
    last.from = !last.again || last.from == from ? from : caf::actor_addr{};
    last.again = true;
    return;
  }
  if (channels_.size() >= max_channels)
    return;
  channels_.emplace(channel, recent{});
  tell(channel, from);
  delay_(pause, [this, channel] { pause_is_over(channel); });
}

void notice_board::pause_is_over(const std::string& channel) {
  auto found = channels_.find(channel);
  if (found == channels_.end())
    return;
  auto last = std::exchange(found->second, recent{});
  if (!last.again) {
    channels_.erase(found);
    return;
  }
  tell(channel, last.from);
  delay_(pause, [this, channel] { pause_is_over(channel); });
}

void notice_board::tell(const std::string& channel, const caf::actor_addr& but) {
  for (auto& each : listeners_)
    if (each != but)
      if (auto receiver = caf::actor_cast<caf::strong_actor_ptr>(each))
        send_(receiver, channel);
}

} // namespace cenote
