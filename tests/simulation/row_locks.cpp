#include "simulation/row_locks.hpp"

#include <algorithm>

namespace cenote::simulation {

row_locks::answer row_locks::acquire(server_session_id who, row_key what) {
  auto [i, is_new] = locks_.try_emplace(what, lock{who, {}});
  if (is_new)
    owned_[who].push_back(what);
  if (i->second.owner == who)
    return answer::granted;
  if (waits_for(i->second.owner, who))
    return answer::deadlock;
  i->second.waiting.push_back(who);
  waits_.emplace(who, what);
  return answer::waiting;
}

std::vector<server_session_id> row_locks::release(server_session_id who) {
  std::vector<server_session_id> served;
  forget_wait(who);
  auto node = owned_.extract(who);
  if (!node)
    return served;
  for (auto& key : node.mapped()) {
    auto i = locks_.find(key);
    auto& x = i->second;
    if (x.waiting.empty()) {
      locks_.erase(i);
      continue;
    }
    x.owner = x.waiting.front();
    x.waiting.pop_front();
    owned_[x.owner].push_back(key);
    waits_.erase(x.owner);
    served.push_back(x.owner);
  }
  return served;
}

void row_locks::forget_wait(server_session_id who) {
  auto i = waits_.find(who);
  if (i == waits_.end())
    return;
  std::erase(locks_.at(i->second).waiting, who);
  waits_.erase(i);
}

bool row_locks::waits_for(server_session_id owner, server_session_id who) const {
  // Whoever waits in the same line before it does not matter: it would be another cycle.
  for (auto i = waits_.find(owner); i != waits_.end(); i = waits_.find(owner)) {
    owner = locks_.at(i->second).owner;
    if (owner == who)
      return true;
  }
  return false;
}

} // namespace cenote::simulation
