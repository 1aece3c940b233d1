#pragma once

#include "integration/chaos_support.hpp"
#include "support/fault_proxy.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace cenote::test {

/// Does to a server, its sessions and the network before it what may happen to them: one thing after another, chosen at
/// random.
class faults {
public:
  /// @param seed decides what happens and in which order.
  faults(chaos_fixture& world, fault_proxy& network, uint32_t seed);

  /// Causes one of them, and puts right what does not end by itself.
  void cause_one();

  /// What was caused so far, for messages.
  std::string summary() const;

  /// A seed for a test run: that in the environment variable CENOTE_TEST_SEED, else any.
  static uint32_t choose_seed();

private:
  uint32_t up_to(uint32_t limit);
  uint64_t some_session();
  void let_time_pass();

  chaos_fixture& world_;
  fault_proxy& network_;
  std::mt19937 rng_;
  std::vector<std::pair<std::string, std::function<void()>>> kinds_;
  std::map<std::string, int> caused_;
};

} // namespace cenote::test
