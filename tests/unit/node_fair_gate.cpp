#define CAF_SUITE node.fair_gate

#include "node/fair_gate.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::node;

namespace {

constexpr client_id a{1}, b{2}, c{3};
constexpr auto refused = fair_gate::admission::refused;
constexpr auto waiting = fair_gate::admission::waiting;

/// The client of each request that is let through, as a letter.
std::string letters(fair_gate& gate) {
  std::string out;
  while (auto next = gate.next())
    out += static_cast<char>('a' + static_cast<int>(next->client) - 1);
  return out;
}

fair_gate gate_for(fair_gate::quotas each, fair_gate::capacity all, std::initializer_list<client_id> clients) {
  fair_gate out{each, all};
  for (auto id : clients)
    out.add(id);
  return out;
}

/// A gate in a random world, and what it may do.
struct world {
  explicit world(uint32_t seed)
      : rng{seed}, each{1 + below(6), below(4), below(8)}, all{below(6), below(5)}, gate{each, all} {
    // nop
  }

  struct request {
    client_id client;
    demand kind;
    bool operator==(const request&) const = default;
  };

  struct client {
    std::map<demand, std::deque<ticket>> waits;
    std::vector<demand> in_flight;
    size_t held = 0;
    bool on_hold = false;
    size_t waiting() const {
      size_t out = 0;
      for (auto& [kind, queue] : waits)
        out += queue.size();
      return out;
    }
    size_t count(demand kind) const { return static_cast<size_t>(std::ranges::count(in_flight, kind)); }
  };

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>{0, n - 1}(rng); }

  size_t shared() const {
    size_t out = 0;
    for (auto& [id, x] : clients)
      out += x.count(demand::shared);
    return out;
  }

  size_t exclusive() const {
    size_t out = 0;
    for (auto& [id, x] : clients)
      out += x.in_flight.size() - x.count(demand::shared) + x.held;
    return out;
  }

  bool permitted(const client& x, demand kind) const {
    return !x.on_hold && x.in_flight.size() < each.in_flight
           && (kind != demand::session || x.held + x.count(kind) < each.sessions)
           && (kind == demand::shared ? shared() < all.shared : exclusive() < all.exclusive);
  }

  client& any() { return std::next(clients.begin(), static_cast<std::ptrdiff_t>(below(clients.size())))->second; }

  void act() {
    auto dice = below(20);
    if (clients.empty() || dice == 0) {
      client_id id{++last_client};
      gate.add(id);
      clients[id];
      return;
    }
    auto i = std::next(clients.begin(), static_cast<std::ptrdiff_t>(below(clients.size())));
    auto& [id, x] = *i;
    if (dice == 1 && below(4) == 0) {
      gate.remove(id);
      gate.remove(id);
      gone = id;
      passed.erase(id);
      for (auto& [other, counts] : passed)
        counts.erase(id);
      clients.erase(i);
    } else if (dice == 2) {
      x.on_hold = below(2) == 0;
      gate.hold(id, x.on_hold);
      passed.erase(id);
    } else if (dice == 3 && x.waiting() > 0) {
      for (auto& [kind, queue] : x.waits)
        if (!queue.empty()) {
          auto which = queue[below(queue.size())];
          if (!gate.withdraw(id, which) || gate.withdraw(id, which))
            problem = "a request that waits is withdrawn once";
          std::erase(queue, which);
          passed.erase(id);
          break;
        }
    } else if (dice == 4) {
      all = {below(6), below(5)};
      gate.resize(all);
    } else if (dice < 9 && !x.in_flight.empty()) {
      auto which = below(x.in_flight.size());
      auto kind = x.in_flight[which];
      auto begins = kind == demand::session && below(2) == 0;
      gate.answered(id, kind, begins);
      x.in_flight.erase(x.in_flight.begin() + static_cast<std::ptrdiff_t>(which));
      x.held += begins;
    } else if (dice < 11) {
      gate.session_ended(id); // Also if there is none.
      x.held -= x.held > 0;
    } else if (dice < 20) {
      auto kind = static_cast<demand>(below(3));
      ticket number{++last_ticket};
      auto at_once = permitted(x, kind) && x.waits[kind].empty();
      auto expected = !at_once && x.waiting() >= each.waiting ? refused : waiting;
      if (gate.request(id, number, kind) != expected)
        problem = "admission is wrong";
      if (expected == waiting)
        x.waits[kind].push_back(number);
    }
    if (gone) { // Nothing happens to others.
      gate.answered(*gone, demand::exclusive);
      gate.session_ended(*gone);
      gate.hold(*gone, true);
      if (gate.withdraw(*gone, ticket{1}))
        problem = "a client that is gone has requests";
    }
  }

  void pump() {
    while (auto next = gate.next()) {
      auto i = clients.find(next->client);
      if (i == clients.end()) {
        problem = "a client that is gone is let through";
        return;
      }
      auto& x = i->second;
      if (!permitted(x, next->kind))
        problem = "a request is let through that may not be";
      auto& queue = x.waits[next->kind];
      if (queue.empty() || queue.front() != next->number) {
        problem = "a request is let through before an earlier one of the same client";
        return;
      }
      // Those who could have been let through instead.
      for (auto& [id, other] : clients) {
        if (id == next->client)
          continue;
        if (other.waits[next->kind].empty() || !permitted(other, next->kind))
          for (auto& [by, counts] : passed[id])
            counts[next->kind] = 0;
        else if (++passed[id][next->client][next->kind] > 1)
          problem = "a client has a second turn while another waits for its first";
      }
      for (auto& [id, counts] : passed[next->client])
        counts[next->kind] = 0;
      queue.pop_front();
      x.in_flight.push_back(next->kind);
    }
    for (auto& [id, x] : clients)
      for (auto& [kind, queue] : x.waits)
        if (!queue.empty() && permitted(x, kind))
          problem = "a request waits that may be let through";
  }

  std::string play() {
    for (auto step = 0; step < 250 && problem.empty(); ++step) {
      act();
      pump();
      for (auto& [id, x] : clients) {
        auto counts = gate.of(id);
        if (counts.in_flight != x.in_flight.size() || counts.waiting != x.waiting() || counts.sessions != x.held)
          problem = "it counts wrong";
      }
    }
    return problem;
  }

  std::mt19937 rng;
  fair_gate::quotas each;
  fair_gate::capacity all;
  fair_gate gate;
  std::map<client_id, client> clients;
  /// How often each client was passed by another, by demand, since it had a turn.
  std::map<client_id, std::map<client_id, std::map<demand, size_t>>> passed;
  std::optional<client_id> gone;
  uint64_t last_client = 0;
  uint64_t last_ticket = 0;
  std::string problem;
};

} // namespace

SCENARIO("clients take turns, each in the order of its own requests") {
  auto gate = gate_for({100, 10, 100}, {100, 100}, {a, b, c});
  for (uint64_t n = 1; n <= 3; ++n)
    gate.request(a, ticket{n}, demand::shared);
  gate.request(b, ticket{1}, demand::shared);
  gate.request(b, ticket{2}, demand::shared);
  gate.request(c, ticket{1}, demand::shared);
  CHECK_EQ(letters(gate), "abcaba");
  CHECK(!gate.next());
}

SCENARIO("ten thousand waiting requests of one client delay one of another by one turn") {
  for (auto kind : {demand::shared, demand::exclusive, demand::session}) {
    auto gate = gate_for({20'000, 20'000, 20'000}, {1, 1}, {a, b});
    for (uint64_t n = 1; n <= 10'000; ++n)
      gate.request(a, ticket{n}, kind);
    CHECK_EQ(letters(gate), "a");
    gate.request(b, ticket{1}, kind);
    gate.answered(a, kind);
    CHECK_EQ(letters(gate), "b");
    gate.answered(b, kind);
    CHECK_EQ(letters(gate), "a");
    CHECK_EQ(gate.of(a).waiting, 9998u);
  }
}

SCENARIO("quotas and capacity are used up, and not exceeded") {
  auto gate = gate_for({3, 2, 2}, {4, 3}, {a, b});
  for (uint64_t n = 1; n <= 5; ++n)
    CHECK_EQ(gate.request(a, ticket{n}, demand::shared) == waiting, n <= 2);
  CHECK_EQ(letters(gate), "aa");
  gate.request(a, ticket{6}, demand::shared);
  gate.request(a, ticket{7}, demand::shared);
  CHECK_EQ(letters(gate), "a"); // Three in flight.
  for (uint64_t n = 1; n <= 2; ++n)
    gate.request(b, ticket{n}, demand::shared);
  CHECK_EQ(letters(gate), "b"); // Four of all.
  gate.resize({5, 3});
  CHECK_EQ(letters(gate), "b");
  gate.remove(a);
  CHECK_EQ(gate.of(a).in_flight, 0u);
  for (uint64_t n = 3; n <= 4; ++n)
    gate.request(b, ticket{n}, demand::session);
  CHECK_EQ(letters(gate), "b"); // Three in flight again.
}

SCENARIO("with no places to wait, a request is let through at once or refused") {
  auto gate = gate_for({1, 1, 0}, {1, 1}, {a, b});
  CHECK_EQ(gate.request(a, ticket{1}, demand::shared) == waiting, true);
  CHECK_EQ(letters(gate), "a");
  CHECK_EQ(gate.request(a, ticket{2}, demand::shared) == refused, true);
  CHECK_EQ(gate.request(b, ticket{1}, demand::shared) == refused, true);
  gate.answered(a, demand::shared);
  CHECK_EQ(gate.request(b, ticket{2}, demand::shared) == waiting, true);
}

SCENARIO("a session keeps its place until it ends, however it ends") {
  auto gate = gate_for({10, 2, 10}, {10, 3}, {a, b});
  for (uint64_t n = 1; n <= 3; ++n)
    gate.request(a, ticket{n}, demand::session);
  CHECK_EQ(letters(gate), "aa"); // Two sessions for each.
  gate.answered(a, demand::session, true);
  gate.answered(a, demand::session, true);
  CHECK_EQ(gate.of(a).sessions, 2u);
  CHECK_EQ(gate.of(a).in_flight, 0u);
  gate.request(b, ticket{1}, demand::exclusive);
  gate.request(b, ticket{2}, demand::exclusive);
  CHECK_EQ(letters(gate), "b"); // Three places.
  gate.session_ended(a);
  CHECK_EQ(letters(gate).size(), 1u);
  gate.remove(a);
  gate.session_ended(a);
  gate.request(b, ticket{3}, demand::exclusive);
  gate.request(b, ticket{4}, demand::exclusive);
  gate.request(b, ticket{5}, demand::exclusive);
  letters(gate);
  CHECK_EQ(gate.of(b).in_flight, 3u);
}

SCENARIO("a checkout that failed keeps no place") {
  auto gate = gate_for({10, 1, 10}, {10, 1}, {a});
  for (uint64_t n = 1; n <= 3; ++n) {
    gate.request(a, ticket{n}, demand::session);
    CHECK_EQ(letters(gate), "a");
    gate.answered(a, demand::session);
    CHECK_EQ(gate.of(a).sessions, 0u);
  }
}

SCENARIO("exclusive requests and sessions take turns") {
  auto gate = gate_for({100, 100, 100}, {10, 1}, {a, b});
  for (uint64_t n = 1; n <= 20; ++n) {
    gate.request(a, ticket{n}, demand::exclusive);
    gate.request(b, ticket{n}, demand::session);
  }
  std::string order;
  for (auto i = 0; i < 20; ++i) {
    auto next = gate.next();
    REQUIRE(next.has_value());
    order += next->kind == demand::session ? 's' : 'e';
    // Shared ones between them change nothing.
    gate.request(b, ticket{100}, demand::shared);
    auto other = gate.next();
    REQUIRE(other.has_value());
    CHECK(other->kind == demand::shared);
    gate.answered(b, demand::shared);
    gate.answered(next->client, next->kind);
  }
  CHECK_EQ(order, "eseseseseseseseseses");
}

SCENARIO("a client whose shared requests use up its quota still gets its exclusive one") {
  auto gate = gate_for({2, 2, 100}, {10, 10}, {a});
  for (uint64_t n = 1; n <= 50; ++n)
    gate.request(a, ticket{n}, demand::shared);
  CHECK_EQ(letters(gate), "aa");
  gate.request(a, ticket{100}, demand::exclusive);
  gate.request(a, ticket{101}, demand::session);
  std::set<demand> seen;
  for (auto i = 0; i < 4; ++i) {
    gate.answered(a, demand::shared);
    auto next = gate.next();
    REQUIRE(next.has_value());
    seen.insert(next->kind);
    if (next->kind != demand::shared) {
      gate.answered(a, next->kind);
      REQUIRE(gate.next().has_value());
    }
  }
  CHECK_EQ(seen.size(), 3u);
}

SCENARIO("a client that is held gets nothing, and delays nobody") {
  auto gate = gate_for({10, 10, 10}, {1, 1}, {a, b});
  gate.hold(a, true);
  for (uint64_t n = 1; n <= 3; ++n) {
    gate.request(a, ticket{n}, demand::shared);
    gate.request(b, ticket{n}, demand::shared);
  }
  CHECK_EQ(letters(gate), "b");
  gate.answered(b, demand::shared);
  CHECK_EQ(letters(gate), "b");
  gate.hold(a, false);
  gate.answered(b, demand::shared);
  CHECK_EQ(letters(gate), "a");
}

SCENARIO("a request can be withdrawn while it waits") {
  auto gate = gate_for({10, 10, 2}, {1, 1}, {a});
  gate.request(a, ticket{1}, demand::shared);
  CHECK_EQ(letters(gate), "a");
  gate.request(a, ticket{2}, demand::shared);
  gate.request(a, ticket{3}, demand::exclusive);
  CHECK(gate.withdraw(a, ticket{2}));
  CHECK(!gate.withdraw(a, ticket{2}));
  CHECK(!gate.withdraw(a, ticket{1}));
  CHECK(!gate.withdraw(b, ticket{3}));
  CHECK_EQ(gate.of(a).waiting, 1u);
  gate.answered(a, demand::shared);
  auto next = gate.next();
  REQUIRE(next.has_value());
  CHECK(next->number == ticket{3});
  CHECK(!gate.next());
}

SCENARIO("in whatever world, quotas, order and turns are kept") {
  for (uint32_t seed = 1; seed <= 300; ++seed)
    if (auto problem = world{seed}.play(); !problem.empty())
      CAF_ERROR("seed " << seed << ": " << problem);
  CHECK_EQ(world{301}.play(), "");
}
