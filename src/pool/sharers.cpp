#include "pool/sharers.hpp"

#include <bit>
#include <cassert>

namespace cenote::pool {

void sharers::list(slot& connection) {
  remove(connection);
  if (connection.in_flight == 0 || connection.in_flight >= by_load_.size())
    return;
  auto& peers = by_load_[connection.in_flight];
  connection.listed_at = {connection.in_flight, peers.size()};
  peers.push_back(&connection);
  present_ |= uint64_t{1} << connection.in_flight;
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
  if (peers.empty())
    present_ &= ~(uint64_t{1} << load);
  connection.listed_at = {};
}

slot* sharers::least_loaded() const {
  return present_ == 0 ? nullptr : by_load_[static_cast<size_t>(std::countr_zero(present_))].back();
}

} // namespace cenote::pool
