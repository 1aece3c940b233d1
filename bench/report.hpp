#pragma once

#include "measure.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace cenote::bench {

/// What both sides reached in one round, one right after the other.
struct pairing {
  figures threads;
  figures actors;
  double ratio() const { return actors.per_second / threads.per_second; }
};

/// One line of the table: all rounds of one transport and one number of callers.
struct outcome_line {
  std::string transport;
  size_t callers = 0;
  std::vector<pairing> rounds;
};

/// How and where the figures came about, in the order in which it is shown.
using circumstances = std::vector<std::pair<std::string, std::string>>;

/// The figures as a Markdown table: medians over the rounds.
std::string to_markdown(const std::vector<outcome_line>& lines, const circumstances& how);

/// The same with every single round.
std::string to_json(const std::vector<outcome_line>& lines, const circumstances& how);

/// One line on how a round went, for the progress display.
std::string to_string(const pairing& x);

} // namespace cenote::bench
