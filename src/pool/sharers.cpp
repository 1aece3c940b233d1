#include "pool/sharers.hpp"

#include <cassert>

namespace cenote::pool {

void sharers::list(slot& connection) {
  remove(connection);
  if (connection.in_flight == 0 || connection.in_flight >= by_load_.size())
    return;
  auto& peers = by_load_[connection.in_flight];
  connection.listed_at = {connection.in_flight, peers.size()};
  peers.push_back(&connection);
}

void sharers::remove(slot& connection) {
  auto [load, index] = connection.listed_at;
  if (load == 0)
    return;
  assert(load < by_load_.size() && index < by_load_[load].size());
  auto& peers = by_load_[load];
  assert(peers[index] == &connection);
  peers[index] = peers.back();
  peers[index]->listed_at.index = index;
  peers.pop_back();
  connection.listed_at = {};
}

slot* sharers::least_loaded() const {
  for (auto& peers : by_load_)
    if (!peers.empty())
      return peers.back();
  return nullptr;
}

} // namespace cenote::pool
