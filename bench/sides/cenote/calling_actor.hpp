#pragma once

#include "caller.hpp"

#include "cenote/actors.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <exception>
#include <latch>
#include <random>
#include <utility>

namespace cenote::bench {

/// A caller: one operation in flight. Ends with the round.
struct calling_state {
  static inline const char* name = "bench.caller";

  /// @param slow_share of statements that take 100 ms and do not count.
  calling_state(caf::event_based_actor* ptr, pool_actor target, caller* loop, workload load, double slow_share,
                std::latch* all_ended);
  ~calling_state();

  caf::behavior make_behavior();

private:
  void ask();
  void ask_slow();
  void read_row();
  void transact();
  void read_large();
  void check_out();
  void check_in(session_id id);

  /// A handler for an answer: calls `note` with it, then asks again.
  template <class Answer, class F>
  auto noting(F note) {
    return [this, note](const Answer& received) {
      try {
        note(received);
      } catch (const std::exception& e) {
        log_->failed(e.what());
      }
      ask();
    };
  }

  /// Counts an error; asks again if errors are part of the workload.
  void failed(const caf::error& error);

  /// Infinite, as the pool answers every request: its own time limit counts.
  template <class... Ts>
  auto request(Ts&&... args) {
    return self_->request(pool_, caf::infinite, std::forward<Ts>(args)...);
  }

  caf::event_based_actor* self_;
  pool_actor pool_;
  caller* log_;
  workload workload_;
  std::bernoulli_distribution slow_;
  std::minstd_rand random_;
  std::latch* ended_;
};

using calling_actor = caf::stateful_actor<calling_state>;

} // namespace cenote::bench
