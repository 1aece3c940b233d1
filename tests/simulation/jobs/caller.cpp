#include "simulation/jobs/caller.hpp"

#include "simulation/jobs/work.hpp"

#include <algorithm>
#include <utility>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr unsigned most_tries = 4;

} // namespace

void caller::next() {
  world_.time.after(random_.up_to(world_.run_plan.think_time), [this] {
    act();
    if (--rounds_ > 0)
      next();
  });
}

node* caller::any_node() {
  std::vector<node*> up;
  for (auto& one : world_.nodes)
    if (one->is_up() && !one->is_draining())
      up.push_back(one.get());
  return up.empty() ? nullptr : up[random_.below(up.size())];
}

std::vector<job_terms> caller::some(size_t count) {
  std::vector<job_terms> out;
  for (; count > 0; --count) {
    out.push_back(random_terms(world_, random_));
    known_.push_back(out.back().id);
  }
  return out;
}

void caller::act() {
  auto& with = world_.run_plan.with;
  auto what = random_.below(100);
  auto many = random_.one_in(4) ? random_.between(10, 60) : random_.between(1, 6);
  auto queue = random_.below(world_.run_plan.queues);
  auto pause = random_.up_to(8s);
  if (what < 50) {
    submit(some(1).front(), 0);
  } else if (what < 70) {
    submit_many(some(many), 0);
  } else if (what < 80 && with.batches) {
    auto follower = random_terms(world_, random_);
    follower.key = 0;
    follower.is_poison = false;
    follower.is_follower = true;
    submit_batch(some(many / 4), follower, 0);
  } else if (what < 90 && with.cancellations) {
    cancel();
  } else if (with.pauses && what >= 95) {
    auto to = any_node();
    if (to == nullptr)
      return;
    to->pause(
        queue, true, [] {}, [](request_failure) {});
    world_.time.after(pause, [this, queue] {
      if (auto later = any_node())
        later->pause(
            queue, false, [] {}, [](request_failure) {});
    });
  } else {
    submit(some(1).front(), 0);
  }
}

/// A submission may be repeated: its ids make it the same one. Not after so long that its jobs may have been removed.
void caller::again_later(request_failure reason, unsigned tries, time_point since, std::function<void()> again) {
  auto helps = reason != request_failure::refused && reason != request_failure::fenced;
  if (helps && tries < most_tries && world_.now() < since + 5s)
    world_.time.after(random_.up_to(1s), std::move(again));
}

void caller::submit(const job_terms& work, unsigned tries) {
  auto to = any_node();
  if (to == nullptr)
    return;
  to->submit(
      work, [this, work](job_no holder) { world_.claims.acknowledged(work.id, holder); },
      [=, this, since = world_.now()](request_failure reason) {
        again_later(reason, tries, since, [=, this] { submit(work, tries + 1); });
      });
}

void caller::submit_many(std::vector<job_terms> works, unsigned tries) {
  auto to = any_node();
  if (to == nullptr)
    return;
  to->submit(
      works,
      [this, works](const std::vector<job_no>& holders) {
        for (size_t i = 0; i < works.size(); ++i)
          world_.claims.acknowledged(works[i].id, holders[i]);
      },
      [=, this, since = world_.now()](request_failure reason) {
        again_later(reason, tries, since, [=, this] { submit_many(works, tries + 1); });
      });
}

void caller::submit_batch(std::vector<job_terms> works, const job_terms& follower, unsigned tries) {
  auto to = any_node();
  if (to == nullptr)
    return;
  to->submit_batch(
      works, follower, [this, follower] { world_.claims.acknowledged(follower.id, follower.id); },
      [=, this, since = world_.now()](request_failure reason) {
        again_later(reason, tries, since, [=, this] { submit_batch(works, follower, tries + 1); });
      });
}

void caller::cancel() {
  auto to = any_node();
  if (to == nullptr || known_.empty())
    return;
  auto id = known_[known_.size() - 1 - random_.below(std::min<size_t>(known_.size(), 30))];
  if (random_.one_in(3))
    to->rerun(id);
  else
    to->cancel(
        id, [this, id] { world_.claims.cancel_acknowledged(id); }, [](request_failure) {});
}

} // namespace cenote::job_simulation
