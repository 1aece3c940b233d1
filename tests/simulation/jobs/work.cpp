#include "simulation/jobs/work.hpp"

namespace cenote::job_simulation {

using namespace std::chrono_literals;

job_terms random_terms(world& shared, simulation::dice& random) {
  auto& with = shared.run_plan.with;
  job_terms out;
  out.id = shared.next_job();
  out.queue = random.below(shared.run_plan.queues);
  out.kind = random.below(shared.run_plan.kinds);
  out.priority = random.one_in(3) ? static_cast<int32_t>(random.between(0, 6)) - 3 : 0;
  out.max_attempts = static_cast<uint32_t>(random.between(1, 6));
  out.backoff.first = 10ms + random.up_to(500ms);
  out.backoff.longest = out.backoff.first + random.up_to(3s);
  out.time_limit = 200ms + random.up_to(8s);
  auto delay = random.below(8);
  auto later = random.up_to(6s);
  if (with.delays && !shared.calm && delay < 2)
    out.delay = later;
  if (with.delays && (delay == 1 || delay == 2))
    out.run_at = shared.rows.now() + (later - 2s) / 1us;
  auto has_key = random.one_in(5);
  auto key = static_cast<uint32_t>(random.between(1, 3));
  auto scope = static_cast<unique_scope>(random.below(3));
  if (with.unique_keys && has_key && !shared.calm) {
    out.key = key;
    out.scope = scope;
    out.unique_for = random.up_to(10s);
  }
  auto kills = random.one_in(60);
  out.is_poison = with.poison && kills && !shared.calm;
  return out;
}

periodic_row random_schedule(world& shared, simulation::dice& random, uint32_t number) {
  periodic_row out;
  out.number = number;
  static constexpr const char* expressions[] = {"* * * * *", "*/2 * * * *", "*/5 * * * *"};
  static constexpr duration intervals[] = {1min, 2min, 5min};
  if (random.one_in(2)) {
    out.interval = std::chrono::seconds{random.between(1, random.one_in(2) ? 5 : 40)};
    out.when = every(out.interval);
  } else {
    auto which = random.below(3);
    out.interval = intervals[which];
    out.when = cron(expressions[which]);
  }
  out.missed = static_cast<missed_times>(random.below(3));
  out.work = random_terms(shared, random);
  out.work.id = {};
  out.work.key = 0;
  out.work.is_poison = false;
  out.work.delay = {};
  out.work.run_at.reset();
  out.work.schedule = number;
  return out;
}

} // namespace cenote::job_simulation
