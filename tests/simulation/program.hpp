#pragma once

#include "simulation/options.hpp"
#include "simulation/shorten.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace cenote::simulation {

/// For the words of a run that ends the program.
inline uint64_t seed_of_run = 0;

/// An assertion has failed, or worse.
inline void crashed(int signal) {
  std::fprintf(stderr, "seed %llu: it crashes\n", static_cast<unsigned long long>(seed_of_run));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// The program of a simulation: plays one seed after the other, and reports those that fail.
/// @tparam Game `plan` with `seed`, `with`, `callers`, `absent` and `rounds`; `name` and `about` of the program;
/// `parts()`, which gives the names and members of `plan::with`; `play(plan, FILE*)`, whose report has `problem` and
/// `events`; `add(report)` and `summary(runs)`, a text.
template <class Game>
class program {
public:
  explicit program(Game game) : game_{std::move(game)} {
    // nop
  }

  int run(int argc, char** argv) {
    program_texts texts{Game::name, Game::about, {}};
    for (auto& part : Game::parts())
      texts.parts.emplace_back(part.name);
    options_ = read_options(argc, argv, texts);
    for (auto signal : {SIGABRT, SIGSEGV, SIGFPE})
      std::signal(signal, crashed);
    auto began = clock::now();
    auto seconds = [&] { return std::chrono::duration<double>(clock::now() - began).count(); };
    auto reported_at = 0.0;
    for (auto seed : options_.seeds) {
      if (options_.seconds > 0 && seconds() >= options_.seconds)
        break;
      if (!play(seed) && ++failed_ == options_.max_failures)
        break;
      if (seconds() - reported_at >= 5) {
        reported_at = seconds();
        std::fprintf(stderr, "%s\n", counts(seconds()).c_str());
      }
    }
    std::fprintf(stderr, "%s; %s\n", counts(seconds()).c_str(), game_.summary(runs_).c_str());
    return failed_ == 0 ? 0 : 1;
  }

private:
  using plan = typename Game::plan;
  using clock = std::chrono::steady_clock;

  /// @returns whether nothing was wrong.
  bool play(uint64_t seed) {
    seed_of_run = seed;
    plan run_plan{seed};
    for (auto& name : options_.without)
      for (auto& part : Game::parts())
        if (name == part.name)
          run_plan.with.*part.member = false;
    run_plan.absent = options_.absent;
    if (options_.rounds)
      run_plan.rounds = *options_.rounds;
    auto outcome = Game::play(run_plan, options_.traces ? stdout : nullptr);
    ++runs_;
    game_.add(outcome);
    if (outcome.problem.empty())
      return true;
    report(run_plan, outcome.problem);
    return false;
  }

  void report(const plan& failing, const std::string& problem) const {
    std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(failing.seed), problem.c_str());
    if (!options_.shortens || options_.traces)
      return;
    auto shorter = shorten<Game>(failing, problem);
    std::fprintf(stderr, "  shortest: %s %s --trace\n  there: %s\n", Game::name, call_for(shorter).c_str(),
                 Game::play(shorter, nullptr).problem.c_str());
  }

  /// The options with which the run is repeated.
  static std::string call_for(const plan& failing) {
    plan original{failing.seed};
    auto result = "--seed " + std::to_string(failing.seed);
    auto add = [&result](const char*& before, const std::string& part) {
      result += before + part;
      before = ",";
    };
    auto before = " --without ";
    for (auto& part : Game::parts())
      if (!(failing.with.*part.member) && original.with.*part.member)
        add(before, part.name);
    before = " --absent ";
    for (size_t i = 0; i < failing.callers; ++i)
      if ((failing.absent >> i & 1) != 0)
        add(before, std::to_string(i));
    if (failing.rounds != original.rounds)
      result += " --rounds " + std::to_string(failing.rounds);
    return result;
  }

  std::string counts(double seconds) const {
    return std::to_string(runs_) + " seeds, " + std::to_string(failed_) + " failed, "
           + std::to_string(static_cast<uint64_t>(static_cast<double>(runs_) / seconds)) + " per second";
  }

  Game game_;
  options options_;
  uint64_t runs_ = 0;
  uint64_t failed_ = 0;
};

} // namespace cenote::simulation
