#pragma once

#include "simulation/simulated_pool.hpp"

#include <functional>
#include <vector>

namespace cenote::simulation {

/// What goes wrong: with the network, with the server, and by the hands of those who look after both.
class weather {
public:
  explicit weather(world& all);

  void start();

  /// From now on all is well.
  void calm_down();

private:
  void next();
  void add_if(bool wanted, std::function<void()> what);
  void for_a_while(bool model_server::endpoint_state::*what);
  wire* any_wire();
  size_t any_endpoint() { return random_.below(all_.how.servers); }

  world& all_;
  dice random_;
  std::vector<std::function<void()>> faults_;
};

/// Those who dispose, pause and resume the pool, and drain it early.
class operators {
public:
  operators(world& all, simulated_pool& pool)
      : all_{all}, pool_{pool}, random_{all.how.seed, 7}, changes_{all.how.seed, 11} {
    // nop
  }

  void start();

private:
  void next();
  void act();
  pool_settings changed_rules();

  world& all_;
  simulated_pool& pool_;
  dice random_;
  dice changes_; ///< What settings change to.
};

} // namespace cenote::simulation
