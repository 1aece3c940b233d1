#pragma once

#include "simulation/simulated_pool.hpp"

#include <functional>
#include <vector>

namespace cenote::simulation {

/// The faults: of the network, of the server, and those caused by their operators.
class weather {
public:
  explicit weather(world& world);

  void start();

  /// Ends all faults.
  void calm_down();

private:
  void next();
  void add_if(bool enabled, std::function<void()> fault);
  void for_a_while(bool model_server::endpoint_state::*fault);
  wire* any_wire();
  size_t any_endpoint() { return random_.below(world_.run_plan.servers); }

  world& world_;
  dice random_;
  std::vector<std::function<void()>> faults_;
};

/// The operators: they dispose, pause and resume the pool, and drain it early.
class operators {
public:
  operators(world& world, simulated_pool& pool)
      : world_{world},
        pool_{pool},
        random_{world.run_plan.seed, 7},
        changes_{world.run_plan.seed, 11},
        shares_{world.run_plan.seed, 12} {
    // nop
  }

  void start();

private:
  void next();
  void next_share();
  void act();
  pool_settings changed_rules();

  world& world_;
  simulated_pool& pool_;
  dice random_;
  dice changes_; ///< For changes of settings.
  dice shares_;  ///< For the share of a budget.
};

} // namespace cenote::simulation
