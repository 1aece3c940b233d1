#include "node/fair_gate.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace cenote::node {

namespace {

constexpr size_t index(demand kind) {
  return static_cast<size_t>(kind);
}

} // namespace

size_t fair_gate::client::all_waiting() const {
  return std::accumulate(waiting.begin(), waiting.end(), size_t{0}, [](size_t n, auto& x) { return n + x.size(); });
}

size_t fair_gate::client::all_in_flight() const {
  return std::accumulate(in_flight.begin(), in_flight.end(), size_t{0});
}

void fair_gate::remove(client_id id) {
  auto i = clients_.find(id);
  if (i == clients_.end())
    return;
  auto& gone = i->second;
  for (size_t kind = 0; kind < demands; ++kind)
    waiting_[kind] -= gone.waiting[kind].size();
  shared_ -= gone.in_flight[index(demand::shared)];
  exclusive_ -= gone.in_flight[index(demand::exclusive)] + gone.in_flight[index(demand::session)] + gone.held;
  clients_.erase(i);
}

fair_gate::admission fair_gate::request(client_id id, ticket number, demand kind) {
  auto& from = clients_.at(id);
  // One that is let through at once does not wait.
  auto at_once = has_room(kind) && may(from, kind) && from.waiting[index(kind)].empty();
  if (!at_once && from.all_waiting() >= quotas_.waiting)
    return admission::refused;
  from.waiting[index(kind)].push_back(number);
  ++waiting_[index(kind)];
  return admission::waiting;
}

void fair_gate::answered(client_id id, demand kind, bool begins_session) {
  auto i = clients_.find(id);
  if (i == clients_.end())
    return; // It was removed with all that it had.
  auto& from = i->second;
  assert(from.in_flight[index(kind)] > 0);
  --from.in_flight[index(kind)];
  if (kind == demand::shared)
    --shared_;
  else if (begins_session)
    ++from.held;
  else
    --exclusive_;
}

void fair_gate::session_ended(client_id id) {
  auto i = clients_.find(id);
  if (i == clients_.end() || i->second.held == 0)
    return;
  --i->second.held;
  --exclusive_;
}

void fair_gate::hold(client_id id, bool held) {
  if (auto i = clients_.find(id); i != clients_.end())
    i->second.on_hold = held;
}

bool fair_gate::withdraw(client_id id, ticket number) {
  auto i = clients_.find(id);
  if (i == clients_.end())
    return false;
  for (size_t kind = 0; kind < demands; ++kind)
    if (std::erase(i->second.waiting[kind], number) > 0) {
      --waiting_[kind];
      return true;
    }
  return false;
}

bool fair_gate::has_room(demand kind) const {
  return kind == demand::shared ? shared_ < capacity_.shared : exclusive_ < capacity_.exclusive;
}

bool fair_gate::may(const client& who, demand kind) const {
  return !who.on_hold && who.all_in_flight() < quotas_.in_flight
         && (kind != demand::session || who.held + who.in_flight[index(kind)] < quotas_.sessions);
}

std::optional<fair_gate::grant> fair_gate::next() {
  // The demands take turns, too: a client may have places for one more request, of any of them.
  auto first = session_next_ ? demand::session : demand::exclusive;
  auto second = session_next_ ? demand::exclusive : demand::session;
  auto order = shared_next_ ? std::array{demand::shared, first, second} : std::array{first, second, demand::shared};
  for (auto kind : order) {
    auto n = index(kind);
    if (waiting_[n] == 0 || !has_room(kind))
      continue;
    // Behind the client whose turn it was, once around.
    auto i = clients_.upper_bound(last_[n]);
    for (size_t left = clients_.size(); left > 0; --left, ++i) {
      if (i == clients_.end())
        i = clients_.begin();
      auto& [id, who] = *i;
      if (who.waiting[n].empty() || !may(who, kind))
        continue;
      grant out{id, who.waiting[n].front(), kind};
      who.waiting[n].pop_front();
      --waiting_[n];
      ++who.in_flight[n];
      ++(kind == demand::shared ? shared_ : exclusive_);
      last_[n] = id;
      shared_next_ = kind != demand::shared;
      if (kind != demand::shared)
        session_next_ = kind == demand::exclusive;
      return out;
    }
  }
  return std::nullopt;
}

fair_gate::counts fair_gate::of(client_id id) const {
  auto i = clients_.find(id);
  if (i == clients_.end())
    return {};
  return {i->second.all_in_flight(), i->second.all_waiting(), i->second.held};
}

} // namespace cenote::node
