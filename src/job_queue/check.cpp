#include "cenote/configuration.hpp"
#include "cenote/jobs/settings.hpp"
#include "jobs/names.hpp"

#include <cmath>
#include <set>
#include <string>

namespace cenote {

namespace {

using namespace std::chrono_literals;

[[noreturn]] void refuse(const std::string& text) {
  throw configuration_error{"jobs: " + text};
}

void require_name(std::string_view field, std::string_view name, size_t longest) {
  if (auto problem = jobs::find_name_problem(field, name, longest))
    refuse(*problem);
}

void check(const job_queue_settings& queue) {
  require_name("the name of a queue", queue.name, 64);
  if (queue.max_running < 1 || queue.max_running > 10'000)
    refuse("max_running of the queue " + queue.name + " must be from 1 to 10000");
  std::set<std::string> kinds;
  for (auto& limit : queue.limits) {
    if (!limit.kind.empty())
      require_name("the kind of a limit", limit.kind, 128);
    if (!kinds.insert(limit.kind).second)
      refuse("the queue " + queue.name + " has two limits for the same kind");
    auto has_rate = limit.per_second != 0;
    if (has_rate && !(limit.per_second >= 0.000001 && limit.per_second <= 1e6))
      refuse("per_second of a limit of the queue " + queue.name + " must be from 0.000001 to 1000000, or 0");
  }
}

} // namespace

void check(const job_settings& settings) {
  std::set<std::string> names;
  for (auto& queue : settings.queues) {
    check(queue);
    if (!names.insert(queue.name).second)
      refuse("the queue " + queue.name + " is named twice");
  }
  if (settings.lease < 1s || settings.lease > 1h)
    refuse("lease must be from 1 s to 1 h");
  if (settings.poll < 10ms || settings.poll > 1h)
    refuse("poll must be from 10 ms to 1 h");
  if (settings.poll_longest < settings.poll || settings.poll_longest > 1h)
    refuse("poll_longest must be from poll to 1 h");
  constexpr std::chrono::nanoseconds century{std::chrono::hours{24 * 36525}};
  if (settings.keep_done < 0s || settings.keep_done > century || settings.keep_failed < 0s
      || settings.keep_failed > century)
    refuse("keep_done and keep_failed must be from 0 to 100 years");
}

} // namespace cenote
