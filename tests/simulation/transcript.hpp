#pragma once

#include "simulation/schedule.hpp"

#include <cstdio>
#include <string>

namespace cenote::simulation {

/// What a run has to tell: each step, if somebody wants to read it, and what was found to be wrong.
class transcript {
public:
  /// @param out where the steps are written; null: nowhere.
  transcript(const schedule& time, std::FILE* out) : time_{time}, out_{out} {
    // nop
  }

  /// Whether the steps are written: their texts cost time.
  bool enabled() const noexcept { return out_ != nullptr; }

  void step(const std::string& who, const std::string& what) const;

  /// A rule was broken. The first one counts: the others may follow from it.
  void object(const std::string& what);

  /// What was wrong first; empty if nothing was.
  const std::string& problem() const noexcept { return problem_; }

private:
  const schedule& time_;
  std::FILE* out_;
  std::string problem_;
};

} // namespace cenote::simulation
