#include "simulation/row_locks.hpp"

#include <algorithm>

namespace cenote::simulation {

row_locks::answer row_locks::acquire(server_session_id session, row_key key) {
  auto [i, is_new] = locks_.try_emplace(key, lock{session, {}});
  if (is_new)
    owned_[session].push_back(key);
  if (i->second.owner == session)
    return answer::granted;
  if (waits_for(i->second.owner, session))
    return answer::deadlock;
  i->second.waiting.push_back(session);
  waits_.emplace(session, key);
  return answer::waiting;
}

std::vector<server_session_id> row_locks::release(server_session_id session) {
  std::vector<server_session_id> served;
  forget_wait(session);
  auto node = owned_.extract(session);
  if (!node)
    return served;
  for (auto& key : node.mapped()) {
    auto i = locks_.find(key);
    auto& held = i->second;
    if (held.waiting.empty()) {
      locks_.erase(i);
      continue;
    }
    held.owner = held.waiting.front();
    held.waiting.pop_front();
    owned_[held.owner].push_back(key);
    waits_.erase(held.owner);
    served.push_back(held.owner);
  }
  return served;
}

void row_locks::forget_wait(server_session_id session) {
  auto i = waits_.find(session);
  if (i == waits_.end())
    return;
  std::erase(locks_.at(i->second).waiting, session);
  waits_.erase(i);
}

bool row_locks::waits_for(server_session_id owner, server_session_id session) const {
  // Sessions that wait before it for the same lock do not matter: that would be another cycle.
  for (auto i = waits_.find(owner); i != waits_.end(); i = waits_.find(owner)) {
    owner = locks_.at(i->second).owner;
    if (owner == session)
      return true;
  }
  return false;
}

} // namespace cenote::simulation
