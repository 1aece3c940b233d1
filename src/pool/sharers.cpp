#include "pool/sharers.hpp"

#include <cassert>

namespace cenote::pool {

void sharers::list(slot& x) {
  remove(x);
  if (x.in_flight == 0 || x.in_flight >= by_load_.size())
    return;
  auto& peers = by_load_[x.in_flight];
  x.listed_at = {x.in_flight, peers.size()};
  peers.push_back(&x);
}

void sharers::remove(slot& x) {
  auto [load, index] = x.listed_at;
  if (load == 0)
    return;
  assert(load < by_load_.size() && index < by_load_[load].size());
  auto& peers = by_load_[load];
  assert(peers[index] == &x);
  peers[index] = peers.back();
  peers[index]->listed_at.index = index;
  peers.pop_back();
  x.listed_at = {};
}

slot* sharers::least_loaded() const {
  for (auto& peers : by_load_)
    if (!peers.empty())
      return peers.back();
  return nullptr;
}

} // namespace cenote::pool
