#pragma once

#include "simulation/dice.hpp"
#include "simulation/schedule.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

/// The messages from one actor to another: each takes its time, but none overtakes another.
class channel {
public:
  /// @param longest the longest delay of a message.
  channel(schedule& time, dice random, duration longest) : time_{time}, random_{random}, longest_{longest} {
    // nop
  }

  void send(schedule::task message) {
    last_ = std::max(last_, time_.now() + random_.up_to(longest_));
    time_.at(last_, std::move(message));
  }

private:
  schedule& time_;
  dice random_;
  duration longest_;
  time_point last_;
};

} // namespace cenote::simulation
