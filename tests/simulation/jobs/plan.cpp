#include "simulation/jobs/plan.hpp"

#include "simulation/dice.hpp"

#include <sstream>

namespace cenote::job_simulation {

using namespace std::chrono_literals;
using simulation::dice;

namespace {

duration millis(uint64_t count) {
  return std::chrono::milliseconds{count};
}

/// Half of the runs have all ingredients; the others only some, and show combinations that rarely occur.
ingredients random_ingredients(dice& random) {
  ingredients result;
  auto everything = random.one_in(2);
  for (auto& part : all_ingredients()) {
    auto chosen = random.one_in(2);
    result.*part.member = everything || chosen;
  }
  return result;
}

job_limit random_limit(dice& random, std::string kind) {
  job_limit out{std::move(kind), 0, 0};
  auto what = random.below(3);
  if (what != 0)
    out.max_running = static_cast<uint32_t>(random.between(1, 6));
  if (what != 1)
    out.per_second = static_cast<double>(random.between(1, 60)) / (random.one_in(3) ? 1.7 : 1);
  return out;
}

job_queue_settings random_queue(dice& random, const plan& of_run, size_t index) {
  job_queue_settings out;
  out.name = name_of_queue(index);
  out.max_running = static_cast<uint32_t>(random.between(1, random.one_in(3) ? 3 : 12));
  auto has_limits = random.one_in(2);
  auto whole = random.one_in(2);
  if (has_limits && of_run.with.limits) {
    if (whole)
      out.limits.push_back(random_limit(random, {}));
    for (size_t kind = 0; kind < of_run.kinds; ++kind)
      if (random.one_in(2))
        out.limits.push_back(random_limit(random, name_of_kind(kind)));
  }
  return out;
}

} // namespace

std::string name_of_queue(size_t queue) {
  return "queue-" + std::to_string(queue);
}

std::string name_of_kind(size_t kind) {
  return "kind-" + std::to_string(kind);
}

size_t kind_named(const std::string& name) {
  return static_cast<size_t>(std::stoul(name.substr(name.rfind('-') + 1)));
}

plan::plan(uint64_t seed_of_run) : seed{seed_of_run} {
  dice random{seed, 1};
  with = random_ingredients(random);
  callers = random.between(1, 5);
  rounds = random.between(2, 20);
  think_time = millis(random.between(20, 3000));
  nodes = random.between(1, 5);
  queues = random.one_in(2) ? 1 : 2;
  kinds = random.between(1, 4);
  periodic_jobs = with.periodic ? random.below(4) : 0;
  wave = random.one_in(2) ? random.below(20) : random.between(50, 150);
  nodes_tell_each_other = !random.one_in(3);
  rules.lease = millis(random.one_in(3) ? 15'000 : random.between(1000, 6000));
  rules.poll = millis(random.one_in(2) ? 1000 : random.between(200, 800));
  rules.poll_longest = rules.poll * random.between(1, 5);
  rules.keep_done = millis(random.between(10'000, 60'000));
  rules.keep_failed = millis(random.between(10'000, 60'000));
  rules.queues.clear();
  for (size_t i = 0; i < queues; ++i)
    rules.queues.push_back(random_queue(random, *this, i));
  storm = millis(random.between(1000, 40'000));
  forget_after = rules.lease * random.between(1, 8);
  work_time = millis(random.one_in(3) ? random.between(500, 5000) : random.between(1, 300));
  network_delay = std::chrono::microseconds{random.one_in(3) ? random.between(500, 3000) : random.between(50, 300)};
  statement_time = std::chrono::microseconds{random.between(100, 3000)};
  mail_delay = std::chrono::microseconds{random.between(1, 100)};
  pool_timeout = millis(random.between(100, 5000));
  lock_wait_timeout = millis(random.between(500, 5000));
  fault_gap = random.one_in(5) ? 0ns : millis(random.between(200, 8000));
}

const std::vector<ingredient>& all_ingredients() {
  static const std::vector<ingredient> result{
      {"kills", &ingredients::kills},
      {"freezes", &ingredients::freezes},
      {"cuts", &ingredients::cuts},
      {"silences", &ingredients::silences},
      {"restarts", &ingredients::restarts},
      {"slowness", &ingredients::slowness},
      {"drains", &ingredients::drains},
      {"lost-notices", &ingredients::lost_notices},
      {"handler-ends", &ingredients::handler_ends},
      {"failures", &ingredients::failures},
      {"poison", &ingredients::poison},
      {"sessions", &ingredients::sessions},
      {"chains", &ingredients::chains},
      {"delays", &ingredients::delays},
      {"unique-keys", &ingredients::unique_keys},
      {"batches", &ingredients::batches},
      {"limits", &ingredients::limits},
      {"strangers", &ingredients::strangers},
      {"some-kinds", &ingredients::some_kinds},
      {"cancellations", &ingredients::cancellations},
      {"pauses", &ingredients::pauses},
      {"periodic", &ingredients::periodic},
      {"wrong-clocks", &ingredients::wrong_clocks},
  };
  return result;
}

std::string plan::describe() const {
  std::ostringstream out;
  auto ms = [](duration span) { return std::chrono::duration<double, std::milli>(span).count(); };
  out << nodes << " nodes, " << callers << " callers with " << rounds << " rounds, " << queues << " queues, " << kinds
      << " kinds, " << periodic_jobs << " periodic jobs, lease " << ms(rules.lease) << " ms, poll " << ms(rules.poll)
      << " to " << ms(rules.poll_longest) << " ms, work " << ms(work_time) << " ms, network " << ms(network_delay)
      << " ms, statements " << ms(statement_time) << " ms";
  for (auto& queue : rules.queues) {
    out << "; " << queue.name << " runs " << queue.max_running << " per node";
    for (auto& limit : queue.limits)
      out << ", of " << (limit.kind.empty() ? "all" : limit.kind) << ' ' << limit.max_running << " and "
          << limit.per_second << "/s";
  }
  out << "; with";
  for (auto& part : all_ingredients())
    if (with.*part.member)
      out << ' ' << part.name;
  return out.str();
}

} // namespace cenote::job_simulation
