#define CAF_SUITE pool.waiting_queue

#include "pool/waiting_queue.hpp"

#include <list>
#include <random>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;

namespace {

/// A waiting queue as one would write it without a thought for speed.
class naive_queue {
public:
  struct entry {
    request waiting;
    time_point deadline;
  };

  void push_back(const request& waiting, time_point deadline) { entries_.push_back({waiting, deadline}); }
  void push_front(const request& waiting, time_point deadline) { entries_.push_front({waiting, deadline}); }

  std::optional<request> pop() { return entries_.empty() ? std::nullopt : take(entries_.begin()); }

  /// Deadlines must differ.
  std::optional<request> pop_expired(time_point now) {
    auto i = std::ranges::min_element(entries_, {}, &entry::deadline);
    return i == entries_.end() || i->deadline > now ? std::nullopt : take(i);
  }

  std::optional<request> pop_fail_fast() {
    auto i = std::ranges::find_if(entries_, [](const entry& x) { return x.waiting.fail_fast; });
    return i == entries_.end() ? std::nullopt : take(i);
  }

  time_point next_deadline() const {
    auto i = std::ranges::min_element(entries_, {}, &entry::deadline);
    return i == entries_.end() ? time_point::max() : i->deadline;
  }

  size_t size() const { return entries_.size(); }

private:
  std::optional<request> take(std::list<entry>::iterator i) {
    auto result = i->waiting;
    entries_.erase(i);
    return result;
  }

  std::list<entry> entries_;
};

uint64_t number(const std::optional<request>& x) {
  return x ? static_cast<uint64_t>(x->id) : 0;
}

/// Plays `steps` random operations on both and returns the first in which they differ; 0 if they never do.
size_t first_difference(uint32_t seed, size_t steps) {
  std::minstd_rand rng{seed};
  auto below = [&rng](uint64_t n) { return std::uniform_int_distribution<uint64_t>{0, n - 1}(rng); };
  waiting_queue queue;
  naive_queue model;
  auto now = time_point{std::chrono::hours{1}};
  uint64_t last_id = 0;
  // Some runs are mostly arrivals and some mostly departures, so that long queues and empty ones are both seen.
  auto arrivals = 2 + below(6);
  for (size_t step = 1; step <= steps; ++step) {
    now += std::chrono::microseconds{below(50)};
    if (below(10) < arrivals) {
      request added;
      added.id = request_id{++last_id};
      added.fail_fast = below(8) == 0;
      // The id makes deadlines differ: which of two equal ones expires first is left open.
      auto deadline = now + std::chrono::microseconds{1 + below(3000)} + std::chrono::nanoseconds{last_id % 1000};
      if (below(6) == 0) {
        queue.push_front(added, deadline);
        model.push_front(added, deadline);
      } else {
        queue.push_back(added, deadline);
        model.push_back(added, deadline);
      }
    } else if (auto action = below(10); action < 5) {
      if (number(queue.pop()) != number(model.pop()))
        return step;
    } else if (action < 8) {
      if (number(queue.pop_expired(now)) != number(model.pop_expired(now)))
        return step;
    } else {
      if (number(queue.pop_fail_fast()) != number(model.pop_fail_fast()))
        return step;
    }
    if (queue.size() != model.size() || queue.empty() != (model.size() == 0)
        || queue.next_deadline() != model.next_deadline())
      return step;
  }
  return 0;
}

} // namespace

SCENARIO("the queue does the same as a naive one, whatever happens in whatever order") {
  GIVEN("two hundred seeds for random operations") {
    WHEN("three thousand operations are done for each on both queues") {
      THEN("they never differ") {
        for (uint32_t seed = 1; seed <= 200; ++seed)
          if (auto step = first_difference(seed, 3000); step != 0)
            CAF_ERROR("seed " << seed << ": the queues differ after step " << step);
        CHECK_EQ(first_difference(201, 3000), 0u);
      }
    }
  }
}
