#include "simulation/jobs/node.hpp"

#include <algorithm>
#include <utility>

// A process: its events and its time; how it ends. See queue_actor.cpp.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

node::node(world& shared, size_t index, uint64_t incarnation)
    : world_{shared},
      index_{index},
      name_{"node " + std::to_string(index) + '.' + std::to_string(incarnation)},
      random_{shared.run_plan.seed, 1000 + index * 100 + incarnation},
      rules_{shared.run_plan.rules},
      bad_until_{shared.now()},
      lease_{rules_.lease} {
  clock_ahead_ = random_.up_to(1h);
  auto& with = shared.run_plan.with;
  auto wrong = random_.below(3);
  if (with.wrong_clocks && wrong != 0)
    wrong_by_ = wrong == 1 ? 1h : -1h;
  auto is_stranger = random_.one_in(2);
  if (!with.limits || (with.strangers && is_stranger))
    for (auto& queue : rules_.queues)
      queue.limits.clear();
  for (auto& queue : rules_.queues)
    queues_.push_back({queue, {{queue.max_running, rules_.poll, rules_.poll_longest}, now()}, queues_.size()});
  for (size_t kind = 0; kind < shared.run_plan.kinds; ++kind)
    // The first node does all kinds, so that no job is left.
    if (auto leaves_out = random_.one_in(3); index == 0 || !with.some_kinds || !leaves_out)
      handlers_.insert(kind);
  next_check_ = now();
  next_housekeeping_ = now();
  give_up_identity();
}

void node::start() {
  step("starts");
  post([this] { turn([] {}); });
}

void node::post(std::function<void()> event) {
  if (!is_up_)
    return;
  mailbox_.push_back(std::move(event));
  plan_event();
}

void node::plan_event() {
  world_.time.at(std::max(frozen_until_, world_.now()), [this] {
    if (is_frozen()) {
      plan_event();
    } else if (is_up_) {
      auto event = std::move(mailbox_.front());
      mailbox_.pop_front();
      event();
    }
  });
}

void node::run_delayed(duration pause, std::function<void()> event) {
  world_.time.after(pause, [this, event = std::move(event)]() mutable { post(std::move(event)); });
}

bool node::is_well() const {
  auto bad_until = std::max(bad_until_, world_.server.down_until());
  return is_up_ && !is_frozen() && !drain_until_ && world_.now() > bad_until + 2 * rules_.lease + 1s;
}

// -- time -----------------------------------------------------------------------------

void node::advance() {
  if (is_leaving_ || !is_up_)
    return;
  pass_deadlines();
  if (drain_until_) {
    end_drain();
    if (is_leaving_)
      return;
  }
  if (lease_.is_due(now()))
    renew_lease();
  store_submissions();
  store_plain_ends();
  store_next_ends();
  if (!attempts_.empty() && !is_checking_ && next_check_ <= now())
    check_attempts();
  if (!is_keeping_house_ && next_housekeeping_ <= now() && !drain_until_)
    keep_house();
  if (!is_firing_ && next_periodic_ <= now() && !drain_until_)
    fire_periodic();
  auto may_claim = !drain_until_ && lease_.is_valid(now()) && !handlers_.empty();
  for (auto& queue : queues_) {
    if (may_claim)
      work_on(queue);
    if (!may_claim || queue.pace.free_places(queue.occupied()) == 0)
      queue.free_since.reset();
    else if (!queue.free_since)
      queue.free_since = world_.now();
  }
  set_timer();
}

time_point node::next_event() const {
  auto at = std::min(lease_.next_event(), drain_until_.value_or(time_point::max()));
  if (!deadlines_.empty())
    at = std::min(at, deadlines_.begin()->first);
  if (!attempts_.empty() && !is_checking_)
    at = std::min(at, next_check_);
  if (!is_keeping_house_ && !drain_until_)
    at = std::min(at, next_housekeeping_);
  if (!is_firing_ && !drain_until_)
    at = std::min(at, next_periodic_);
  if (!drain_until_ && lease_.is_valid(now()) && !handlers_.empty())
    for (auto& queue : queues_)
      at = std::min(at, queue.pace.next_event(queue.occupied()));
  return at;
}

void node::set_timer() {
  auto at = next_event();
  if (at >= timer_at_ && timer_at_ > now())
    return;
  ++timer_;
  timer_at_ = at;
  if (at == time_point::max())
    return;
  run_delayed(std::max<duration>(at - now(), 100us), [this, timer = timer_] {
    if (timer != timer_)
      return;
    timer_at_ = time_point::max();
    turn([] {});
  });
}

// -- ends -----------------------------------------------------------------------------

void node::kill() {
  step("is killed");
  is_up_ = false;
  world_.server.forget(*this);
}

void node::freeze(duration span) {
  step("freezes for " + std::to_string(span / 1ms) + " ms");
  frozen_until_ = std::max(frozen_until_, world_.now() + span);
  bad_until_ = std::max(bad_until_, frozen_until_);
}

void node::drain(duration limit) {
  step("drains");
  auto until = now() + limit;
  drain_until_ = std::min(drain_until_.value_or(until), until);
  turn([] {});
}

void node::end_drain() {
  auto may_get_more = (!is_registered_ && lease_.is_busy())
                      || std::ranges::any_of(queues_, [](auto& queue) { return queue.pace.is_busy(); });
  if ((!attempts_.empty() || may_get_more) && now() < *drain_until_)
    return;
  is_leaving_ = true;
  std::vector<attempt_key> keys;
  for (auto& [id, work] : attempts_)
    keys.push_back(work.key);
  auto leave = [this] {
    step("has ended");
    notify_others(std::nullopt);
    is_up_ = false;
    world_.server.forget(*this);
  };
  world_.server.ask(
      *this, world_.rows.leave(known_as_, std::move(keys)), [leave](int) { leave(); },
      [leave](request_failure) { leave(); });
}

} // namespace cenote::job_simulation
