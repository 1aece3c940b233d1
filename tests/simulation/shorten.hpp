#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace cenote::simulation {

/// The problem without the numbers in it.
inline std::string kind_of_problem(const std::string& problem) {
  auto result = problem.substr(0, problem.find(':'));
  std::erase_if(result, [](char c) { return c >= '0' && c <= '9'; });
  return result;
}

/// Leaves out of a failing run all that it does not need in order to fail in the same way.
/// @tparam Game see `program`.
template <class Game>
typename Game::plan shorten(const typename Game::plan& failing, const std::string& problem) {
  using plan = typename Game::plan;
  auto best = failing;
  auto fails = [&](const plan& candidate) {
    return kind_of_problem(Game::play(candidate, nullptr).problem) == kind_of_problem(problem);
  };
  auto better = [&](auto change) {
    auto other = best;
    change(other);
    if (fails(other))
      best = other;
  };
  for (auto& part : Game::parts())
    if (best.with.*part.member)
      better([&](plan& candidate) { candidate.with.*part.member = false; });
  // Halves, quarters ... of the callers, then each alone.
  for (auto size = std::max<size_t>(best.callers / 2, 1); size > 0; size /= 2)
    for (size_t first = 0; first < best.callers; first += size) {
      auto group = ((uint64_t{1} << size) - 1) << first;
      if ((best.absent & group) != group)
        better([&](plan& candidate) { candidate.absent |= group; });
    }
  for (auto step = best.rounds / 2; step > 0; step /= 2)
    if (best.rounds > step)
      better([&](plan& candidate) { candidate.rounds -= step; });
  for (auto& part : Game::parts())
    if (best.with.*part.member)
      better([&](plan& candidate) { candidate.with.*part.member = false; });
  return best;
}

} // namespace cenote::simulation
