#pragma once

#include "pool/retry_rules.hpp"
#include "simulation/simulated_pool.hpp"

#include <memory>
#include <variant>

namespace cenote::simulation {

/// What the retrier is in production: asks the pool, and asks again if the rules say so.
class retrier {
public:
  retrier(world& all, simulated_pool& pool) : all_{all}, pool_{pool}, random_{all.how.seed, 5} {
    // nop
  }

  using request = std::variant<statement, transaction>;

  /// @param mark its first statement.
  void start(request what, stamp mark, promise answer_to, caller_id caller);

private:
  struct task {
    request what;
    stamp mark;
    promise answer_to;
    caller_id caller;
    pool::failed_attempt progress;
    failure last;
    bool in_doubt = false;
  };
  using task_ptr = std::shared_ptr<task>;

  void attempt(const task_ptr& job);
  void failed(const task_ptr& job, failure why);
  void give_up(task& job, failure why);
  void answer(promise to, content what);

  world& all_;
  simulated_pool& pool_;
  dice random_;
};

/// What a caller expects of the answer to a request.
/// @param first its statement; nobody's for a transaction, as that begins with one of cenote's.
expectation expectation_of(const world& all, std::string what, caller_id caller, duration timeout, stamp first);

} // namespace cenote::simulation
