#pragma once

#include "pool/retry_rules.hpp"
#include "simulation/simulated_pool.hpp"

#include <memory>
#include <variant>

namespace cenote::simulation {

/// The counterpart of the retrier: asks the pool, and asks again if the rules say so.
class retrier {
public:
  retrier(world& world, simulated_pool& pool) : world_{world}, pool_{pool}, random_{world.run_plan.seed, 5} {
    // nop
  }

  using request = std::variant<statement, transaction>;

  /// @param mark its first statement.
  void start(request work, stamp mark, promise answer_to, caller_id caller);

private:
  struct task {
    request work;
    stamp mark;
    promise answer_to;
    caller_id caller;
    pool::failed_attempt progress;
    failure last;
    bool in_doubt = false;
  };
  using task_ptr = std::shared_ptr<task>;

  void attempt(const task_ptr& job);
  void failed(const task_ptr& job, failure reason);
  void give_up(task& job, failure reason);
  void answer(promise answer_to, content reply);

  world& world_;
  simulated_pool& pool_;
  dice random_;
};

/// The expectations of a caller about the answer to a request.
/// @param first its statement; none for a transaction, which begins with a statement of cenote's.
expectation expectation_of(const world& world, std::string description, caller_id caller, duration timeout,
                           stamp first);

} // namespace cenote::simulation
