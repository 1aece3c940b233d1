#include "simulation/transcript.hpp"

namespace cenote::simulation {

namespace {

constexpr auto beginning = std::chrono::hours{1};

double milliseconds(time_point moment) {
  return std::chrono::duration<double, std::milli>(moment.time_since_epoch() - beginning).count();
}

} // namespace

void transcript::step(const std::string& subject, const std::string& event) const {
  if (enabled())
    std::fprintf(out_, "%12.3f ms  %-16s %s\n", milliseconds(time_.now()), subject.c_str(), event.c_str());
}

void transcript::object(const std::string& problem) {
  step("!!!", problem);
  if (problem_.empty())
    problem_ = problem;
}

} // namespace cenote::simulation
