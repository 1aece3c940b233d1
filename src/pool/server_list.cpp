#include "pool/server_list.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

namespace {

/// A server that has not answered a connect for this long does not keep the pool from trying the next one in the list.
constexpr auto patience = std::chrono::seconds{1};

} // namespace

std::optional<size_t> server_list::begin(time_point now) {
  for (size_t i = 0; i < servers_.size(); ++i) {
    auto& server = at(i);
    if (server.in_question()) {
      if (now < later(server.unanswered_since(), patience))
        return std::nullopt;
    } else if (server.proven() || server.retry_at() <= now) {
      server.began(now);
      return in_order(i);
    }
  }
  return std::nullopt;
}

time_point server_list::next_attempt() const {
  auto earliest = time_point::min(); // For those behind one that is being tried.
  auto result = time_point::max();
  for (size_t i = 0; i < servers_.size(); ++i) {
    auto& server = at(i);
    if (server.in_question())
      earliest = std::max(earliest, later(server.unanswered_since(), patience));
    else
      result = std::min(result, std::max(earliest, server.proven() ? time_point::min() : server.retry_at()));
  }
  return result;
}

void server_list::succeeded(size_t server) {
  assert(server < servers_.size());
  servers_[server].ended();
  servers_[server].succeeded();
  if (!servers_[preferred_].proven())
    preferred_ = server;
}

void server_list::failed(size_t server, const failure& error, time_point now, double random) {
  assert(server < servers_.size());
  servers_[server].ended();
  demoted(server, error, now, random);
}

void server_list::demoted(size_t server, const failure& error, time_point now, double random) {
  assert(server < servers_.size());
  servers_[server].failed(error, now, random);
  last_failed_ = server;
}

void server_list::ended(size_t server) {
  assert(server < servers_.size());
  servers_[server].ended();
}

void server_list::doubt(size_t server, time_point now) {
  assert(server < servers_.size());
  servers_[server].doubt(now);
}

void server_list::forget_failures() {
  for (auto& server : servers_)
    server.forget_failures();
}

const failure* server_list::down() const {
  for (auto& server : servers_)
    if (!server.cause())
      return nullptr;
  return &*servers_[last_failed_].cause();
}

breaker_state server_list::state() const {
  auto is = [](breaker_state wanted) { return [wanted](auto& x) { return x.state() == wanted; }; };
  if (std::ranges::any_of(servers_, is(breaker_state::closed)))
    return breaker_state::closed;
  return std::ranges::any_of(servers_, is(breaker_state::half_open)) ? breaker_state::half_open : breaker_state::open;
}

/// The preferred one first, the others as they were given.
size_t server_list::in_order(size_t i) const {
  assert(i < servers_.size());
  if (i == 0)
    return preferred_;
  return i <= preferred_ ? i - 1 : i;
}

} // namespace cenote::pool
