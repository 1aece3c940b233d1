#include "simulation/jobs/node.hpp"
#include "simulation/jobs/work.hpp"

#include <utility>

// What handlers do with their jobs: each attempt has dice of its own, so that it does the same in any run that has it.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

void node::run_handler(const attempt& work) {
  auto key = work.key;
  dice of_attempt{world_.run_plan.seed, 1'000'000 + static_cast<uint64_t>(key.id) * 4096 + key.attempt};
  auto takes =
      of_attempt.up_to(world_.calm ? std::min<duration>(world_.run_plan.work_time, 200ms) : world_.run_plan.work_time);
  auto& with = world_.run_plan.with;
  if (work.terms.is_poison && !world_.calm) {
    run_delayed(takes, [this] { world_.kill(*this); });
    return;
  }
  auto has_session = of_attempt.one_in(10);
  auto believes_it = of_attempt.one_in(2);
  if (with.sessions && has_session) {
    run_session(work, takes, believes_it);
    return;
  }
  auto never = false;
  auto answer = choose_answer(work, of_attempt, never);
  if (never)
    return;
  run_delayed(takes, [this, key, answer] {
    turn([&] {
      if (answer.reason == "an error")
        failed(key, answer.reason);
      else
        answered(key, answer);
    });
  });
}

handler_answer node::choose_answer(const attempt& work, dice& of_attempt, bool& never) {
  handler_answer out;
  auto& with = world_.run_plan.with;
  auto chance = of_attempt.below(100);
  auto pause = of_attempt.up_to(3s);
  if (with.failures && !world_.calm && work.key.attempt < 12 && chance < 24) {
    if (chance < 6)
      return {job_verdict::retry, {}, duration{-1}, "", false};
    if (chance < 9)
      return {job_verdict::retry, {}, pause, "after a pause", false};
    if (chance < 13)
      return {job_verdict::retry, {}, duration{-1}, "an error", false};
    if (chance < 17)
      return {job_verdict::snooze, {}, pause, "", false};
    if (chance < 19)
      return {job_verdict::discard, {}, {}, "no", false};
    never = chance < 22;
    out.wanted.is_refused = true;
    return out;
  }
  if (chance < 60)
    return out; // Done, without effects.
  out.has_result = chance < 65;
  out.wanted.counts = !out.has_result;
  auto goes_on = of_attempt.one_in(3);
  if (with.chains && goes_on && work.terms.depth < 2 && work.terms.schedule == 0)
    for (auto n = of_attempt.between(1, 2); n > 0; --n) {
      auto& next = out.wanted.follow_up.emplace_back(random_terms(world_, of_attempt));
      next.depth = work.terms.depth + 1;
    }
  return out;
}

/// Begins a transaction by `begin_job`, works, stores the end by `finish_job`, commits.
/// @param believes_it whether it takes a commit with an unknown outcome for done.
void node::run_session(const attempt& work, duration takes, bool believes_it) {
  auto key = work.key;
  effects wanted;
  wanted.counts = true;
  auto request = world_.rows.store_end(key, {job_verdict::done, {}, {}}, wanted, work.batch).sent;
  request.what = "session";
  request.limit = 0ns;
  auto failed_before = [this, key](request_failure) { turn([&] { failed(key, "its session failed"); }); };
  world_.server.open(
      *this, std::move(request),
      [=, this](const database::session& held) {
        run_delayed(takes, [=, this] {
          world_.server.commit(
              held, [this, key] { turn([&] {
                                    answered(key, {job_verdict::stored, {}, {}, {}, false});
                                  }); },
              [this, key, believes_it](request_failure reason) {
                turn([&] {
                  if (reason == request_failure::unknown && believes_it)
                    answered(key, {job_verdict::stored, {}, {}, {}, false});
                  else
                    failed(key, "its commit failed");
                });
              });
        });
      },
      failed_before);
}

} // namespace cenote::job_simulation
