#pragma once

#include "simulation/schedule.hpp"

#include <cstdio>
#include <string>

namespace cenote::simulation {

/// The record of a run: each step, if it is to be read, and the first broken rule.
class transcript {
public:
  /// @param out the file for the steps; null: none.
  transcript(const schedule& time, std::FILE* out) : time_{time}, out_{out} {
    // nop
  }

  /// Whether the steps are written: their texts cost time.
  bool enabled() const noexcept { return out_ != nullptr; }

  void step(const std::string& subject, const std::string& event) const;

  /// A rule was broken. The first one counts: the others may follow from it.
  void object(const std::string& problem);

  /// The first broken rule; empty if there is none.
  const std::string& problem() const noexcept { return problem_; }

private:
  const schedule& time_;
  std::FILE* out_;
  std::string problem_;
};

} // namespace cenote::simulation
