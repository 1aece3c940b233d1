#include "simulation/jobs/run.hpp"
#include "simulation/program.hpp"

#include <cstdio>
#include <string>

using namespace cenote;

namespace {

struct jobs_game {
  using plan = job_simulation::plan;
  static constexpr auto name = "cenote-simulate-jobs";
  static constexpr auto about = "Plays the nodes of a job queue against a model of their tables, in virtual time: each "
                                "seed is another run.";

  static auto& parts() { return job_simulation::all_ingredients(); }
  static auto play(const plan& run_plan, std::FILE* out) { return job_simulation::play(run_plan, out); }

  void add(const job_simulation::run_report& report) {
    events += report.events;
    counted.jobs += report.counted.jobs;
    counted.count += report.counted.count;
    for (auto& [end, count] : report.counted.ends)
      counted.ends[end] += count;
  }

  std::string summary(uint64_t runs) const {
    auto out = std::to_string(counted.jobs / runs) + " jobs, " + std::to_string(counted.count / runs) + " attempts and "
               + std::to_string(events / runs) + " events each; ends:";
    for (auto& [end, count] : counted.ends)
      out += ' ' + end + ' ' + std::to_string(count);
    return out;
  }

  uint64_t events = 0;
  job_simulation::books::tally counted;
};

} // namespace

int main(int argc, char** argv) {
  return simulation::program{jobs_game{}}.run(argc, argv);
}
