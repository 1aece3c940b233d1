#pragma once

#include "simulation/dice.hpp"
#include "simulation/jobs/node.hpp"

#include <functional>
#include <vector>

namespace cenote::job_simulation {

/// The faults: of nodes, of the network, of the server. Also starts nodes, and others after those that have ended.
class weather {
public:
  explicit weather(world& shared);

  void start();

  /// Ends all faults. What they have begun goes on: a node that is frozen, a request without an answer.
  void calm_down();

  /// Whether all nodes are there, and none is frozen.
  bool all_are_up() const;

private:
  void next();
  void start_node(size_t index);
  void restart_later(node& ended);
  void add_if(bool enabled, std::function<void()> fault);
  node* any_node();
  /// The newest one of a number.
  node* current(size_t index) const;

  world& world_;
  simulation::dice random_;
  std::vector<std::function<void()>> faults_;
  std::vector<periodic_row> schedules_;
  std::vector<uint64_t> incarnations_;
};

} // namespace cenote::job_simulation
