#include "integration/chaos_faults.hpp"

#include <algorithm>
#include <cstdlib>

namespace cenote::test {

faults::faults(chaos_fixture& world, fault_proxy& network, uint32_t seed)
    : world_{world}, network_{network}, rng_{seed} {
  using std::chrono::milliseconds;
  auto end_some = [this](const char* command) {
    // It may have ended meanwhile.
    return [this, command] { world_.run(world_.admin(), write(command, some_session())); };
  };
  auto restart = [this] {
    world_.server.kill9();
    world_.server.start();
  };
  auto freeze = [this] {
    world_.freeze();
    let_time_pass();
    world_.thaw();
  };
  auto swallow = [this] {
    network_.swallow(true);
    let_time_pass();
    network_.swallow(false);
  };
  auto delay = [this] {
    network_.delay(milliseconds{1 + up_to(4)});
    let_time_pass();
    network_.delay(milliseconds{0});
  };
  // The more harmless ones several times, so that they come more often.
  kinds_ = {{"KILL CONNECTION", end_some("KILL CONNECTION ?")},
            {"KILL CONNECTION", end_some("KILL CONNECTION ?")},
            {"KILL HARD", end_some("KILL HARD CONNECTION ?")},
            {"KILL QUERY", end_some("KILL QUERY ?")},
            {"KILL QUERY", end_some("KILL QUERY ?")},
            {"kill -9", restart},
            {"SIGSTOP", freeze},
            {"black hole", swallow},
            {"delay", delay},
            {"cut", [this] { network_.cut_all(); }},
            {"cut", [this] { network_.cut_all(); }},
            {"half a reply", [this] { network_.cut_replies_after(1 + up_to(10)); }},
            {"half a reply", [this] { network_.cut_replies_after(1 + up_to(200)); }}};
}

void faults::cause_one() {
  auto& [name, fault] = kinds_[up_to(static_cast<uint32_t>(kinds_.size()))];
  ++caused_[name];
  fault();
}

std::string faults::summary() const {
  std::string result;
  for (auto& [name, count] : caused_)
    result += (result.empty() ? "" : ", ") + std::to_string(count) + " x " + name;
  return result;
}

uint32_t faults::choose_seed() {
  if (auto given = std::getenv("CENOTE_TEST_SEED"))
    return static_cast<uint32_t>(std::strtoul(given, nullptr, 10));
  return std::random_device{}();
}

/// Not by a distribution of the standard library, whose results differ from one to the other.
uint32_t faults::up_to(uint32_t limit) {
  return rng_() % limit;
}

uint64_t faults::some_session() {
  auto all = world_.sessions();
  auto i = up_to(1000);
  return all.empty() ? 0 : all[i % all.size()];
}

/// Some tens of milliseconds of the fixture's clock, while nobody makes progress that could be waited for.
void faults::let_time_pass() {
  auto left = 1 + up_to(10);
  world_.eventually([&] { return left-- == 0; });
}

} // namespace cenote::test
