#include "simulation/program.hpp"
#include "simulation/run.hpp"

#include <cstdio>
#include <string>

using namespace cenote;

namespace {

struct pool_game {
  using plan = simulation::plan;
  static constexpr auto name = "cenote-simulate";
  static constexpr auto about = "Plays the pool against a model of the network and the server, in virtual time: each "
                                "seed is another run.";

  static auto& parts() { return simulation::all_ingredients(); }
  static auto play(const plan& run_plan, std::FILE* out) { return simulation::play(run_plan, out); }

  void add(const simulation::run_report& report) {
    events += report.events;
    answers.count += report.answers.count;
    for (auto& [code, count] : report.answers.failures)
      answers.failures[code] += count;
  }

  std::string summary(uint64_t runs) const {
    auto out = std::to_string(answers.count / runs) + " answers and " + std::to_string(events / runs)
               + " events each; failures:";
    for (auto& [code, count] : answers.failures)
      out += ' ' + to_string(code) + ' ' + std::to_string(count);
    return out;
  }

  uint64_t events = 0;
  simulation::ledger::tally answers;
};

} // namespace

int main(int argc, char** argv) {
  return simulation::program{pool_game{}}.run(argc, argv);
}
