#include "simulation/plan.hpp"

#include "simulation/dice.hpp"

#include <sstream>

namespace cenote::simulation {

using namespace std::chrono_literals;

namespace {

duration micros(uint64_t count) {
  return std::chrono::microseconds{count};
}

pool_settings random_rules(dice& random) {
  pool_settings result;
  result.size = random.between(1, 5);
  result.max_overflow = random.below(4);
  if (random.one_in(2))
    result.min_size = random.below(result.size + 1);
  result.idle_timeout = micros(random.one_in(3) ? 0 : random.below(300'000));
  result.pipeline_depth = random.one_in(3) ? 1 : random.between(2, 16);
  result.max_connecting = random.between(1, 4);
  result.timeout = micros(random.one_in(3) ? random.between(1000, 50'000) : random.between(50'000, 3'000'000));
  result.max_waiting = random.one_in(4) ? random.between(1, 6) : 1000;
  result.pre_ping = !random.one_in(4);
  result.pre_ping_idle = micros(random.one_in(4) ? 0 : random.below(200'000));
  result.keepalive = micros(random.one_in(2) ? 0 : random.between(1000, 400'000));
  result.recycle = micros(random.one_in(2) ? 0 : random.between(10'000, 2'000'000));
  result.reconnect_delay = micros(random.between(1000, 20'000));
  result.max_reconnect_delay = result.reconnect_delay + micros(random.below(200'000));
  result.breaker_after = micros(random.one_in(4) ? 0 : random.between(1000, 400'000));
  result.shed_target = micros(random.one_in(2) ? 0 : random.between(1000, 30'000));
  result.shed_interval = micros(random.between(1000, 100'000));
  result.leak_warning = micros(random.one_in(2) ? 0 : random.between(1000, 2'000'000));
  result.unclaimed_session_timeout = micros(random.one_in(3) ? 0 : random.between(5000, 300'000));
  return result;
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

} // namespace

plan::plan(uint64_t seed_of_run) : seed{seed_of_run} {
  dice random{seed, 1};
  with = random_ingredients(random);
  callers = random.between(1, random.one_in(4) ? 24 : 8);
  rounds = random.between(2, 96 / callers + 2);
  rows = random.between(2, random.one_in(2) ? 4 : 40);
  servers = random.one_in(3) ? 2 : 1;
  is_mariadb = !random.one_in(4);
  think_time = micros(random.one_in(3) ? 100 : random.between(100, 30'000));
  network_delay = micros(random.one_in(3) ? random.between(500, 3000) : random.between(10, 200));
  statement_time = micros(random.between(20, 800));
  mail_delay = micros(random.between(1, 30));
  lock_wait_timeout = micros(random.between(5000, 500'000));
  wait_timeout = micros(random.one_in(4) ? random.between(30'000, 300'000) : 20'000'000);
  connect_timeout = micros(random.between(20'000, 500'000));
  fault_gap = random.one_in(5) ? 0 : random.between(2000, 80'000);
  rules = random_rules(random);
  if (dice{seed, 9}.one_in(3))
    rules.budget.connections = 9;
  retry.max_retries = random.below(6);
  retry.initial_delay = micros(random.below(20'000));
  retry.max_delay = retry.initial_delay + micros(random.below(100'000));
}

const std::vector<ingredient>& all_ingredients() {
  static const std::vector<ingredient> result{
      {"cuts", &ingredients::cuts},
      {"silences", &ingredients::silences},
      {"congestion", &ingredients::congestion},
      {"restarts", &ingredients::restarts},
      {"demotions", &ingredients::demotions},
      {"refusals", &ingredients::refusals},
      {"kills", &ingredients::kills},
      {"freezes", &ingredients::freezes},
      {"slowness", &ingredients::slowness},
      {"collisions", &ingredients::collisions},
      {"errors", &ingredients::errors},
      {"time-limits", &ingredients::time_limits},
      {"deaths", &ingredients::deaths},
      {"latecomers", &ingredients::latecomers},
      {"sessions", &ingredients::sessions},
      {"transactions", &ingredients::transactions},
      {"retries", &ingredients::retries},
      {"operators", &ingredients::operators},
      {"early-drain", &ingredients::early_drain},
      {"lost-stops", &ingredients::lost_stops},
  };
  return result;
}

std::string plan::describe() const {
  std::ostringstream out;
  auto ms = [](duration span) { return std::chrono::duration<double, std::milli>(span).count(); };
  out << callers << " callers with " << rounds << " rounds, " << rows << " rows, " << servers << " servers, pool of "
      << rules.kept() << " to " << rules.size << " and " << rules.max_overflow << " more"
      << (rules.budget.connections > 0 ? " with a budget" : "") << ", pipelines of " << rules.pipeline_depth
      << ", timeout " << ms(rules.timeout) << " ms, connect timeout " << ms(connect_timeout) << " ms, network "
      << ms(network_delay) << " ms; with";
  for (auto& part : all_ingredients())
    if (with.*part.member)
      out << ' ' << part.name;
  return out.str();
}

} // namespace cenote::simulation
