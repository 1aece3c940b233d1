#include "simulation/transcript.hpp"

namespace cenote::simulation {

namespace {

constexpr auto beginning = std::chrono::hours{1};

double milliseconds(time_point x) {
  return std::chrono::duration<double, std::milli>(x.time_since_epoch() - beginning).count();
}

} // namespace

void transcript::step(const std::string& who, const std::string& what) const {
  if (enabled())
    std::fprintf(out_, "%12.3f ms  %-16s %s\n", milliseconds(time_.now()), who.c_str(), what.c_str());
}

void transcript::object(const std::string& what) {
  step("!!!", what);
  if (problem_.empty())
    problem_ = what;
}

} // namespace cenote::simulation
