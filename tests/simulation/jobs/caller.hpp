#pragma once

#include "simulation/dice.hpp"
#include "simulation/jobs/node.hpp"

#include <vector>

namespace cenote::job_simulation {

/// Who submits, cancels, pauses: through any node, one thing after the other. Repeats what may not have been stored.
class caller {
public:
  caller(world& shared, size_t index)
      : world_{shared}, random_{shared.run_plan.seed, 100 + index}, rounds_{shared.run_plan.rounds} {
    // nop
  }

  void start() { next(); }
  bool is_done() const noexcept { return rounds_ == 0; }

private:
  void next();
  void act();
  void submit(const job_terms& work, unsigned tries);
  void submit_many(std::vector<job_terms> works, unsigned tries);
  void submit_batch(std::vector<job_terms> works, const job_terms& follower, unsigned tries);
  void cancel();
  void again_later(request_failure reason, unsigned tries, time_point since, std::function<void()> again);
  std::vector<job_terms> some(size_t count);
  node* any_node();

  world& world_;
  simulation::dice random_;
  size_t rounds_;
  std::vector<job_no> known_;
};

} // namespace cenote::job_simulation
