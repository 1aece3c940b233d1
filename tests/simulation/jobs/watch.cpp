#include "simulation/jobs/watch.hpp"

#include "jobs/rate_limit.hpp"

#include <algorithm>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr auto gap = 200ms;

} // namespace

watch::watch(world& shared) : world_{shared} {
  world_.claims.on_given_to_others = [this](const abandoned_job& found) {
    for (auto& one : world_.nodes)
      if (one->known_as() == found.node && one->is_well())
        world_.log.object(one->name() + " is taken for lost though nothing was wrong with it");
  };
}

void watch::start() {
  world_.time.after(gap, [this] {
    look();
    start();
  });
}

void watch::look() {
  if (++rounds_ % 5 == 0)
    check_paces();
  if (!expects_progress_)
    return;
  check_jobs();
  check_schedules();
}

// -- progress -------------------------------------------------------------------------

bool watch::is_allowed(size_t queue, size_t kind) const {
  for (auto& of : {std::string{}, name_of_kind(kind)}) {
    auto limit = world_.rows.find_limit(queue, of);
    if (limit == nullptr)
      continue;
    auto running = world_.rows.running(queue, of.empty() ? std::nullopt : std::optional{kind});
    if (limit->paused || (limit->max_running > 0 && running >= limit->max_running))
      return false;
    if (limit->per_second > 0
        && limit->next_at + static_cast<int64_t>(1e6 / limit->per_second)
               > world_.rows.now() + static_cast<int64_t>(1e6 / limit->per_second * jobs::rate_burst))
      return false;
  }
  return true;
}

bool watch::has_place_since(size_t queue, size_t kind, time_point since) const {
  return std::ranges::any_of(world_.nodes, [&](auto& one) {
    auto free = one->free_since(queue);
    return one->is_up() && !one->is_frozen() && one->has_handler(kind) && free && *free <= since;
  });
}

void watch::check_jobs() {
  auto& rules = world_.run_plan.rules;
  // A look, and claims of each of the groups with limits, of which others may come first.
  auto longest = rules.poll_longest * 5 / 4 + rules.poll * 2 + 2s;
  auto since = world_.now() - longest;
  for (size_t queue = 0; queue < world_.run_plan.queues; ++queue)
    for (size_t kind = 0; kind < world_.run_plan.kinds; ++kind) {
      if (!is_allowed(queue, kind))
        allowed_since_.erase({queue, kind});
      else
        allowed_since_.try_emplace({queue, kind}, world_.now());
    }
  for (auto& [id, row] : world_.rows.rows()) {
    if ((row.state != job_state::waiting && row.state != job_state::scheduled) || world_.rows.is_locked(id)
        || row.run_at + longest / 1us > world_.rows.now())
      continue;
    auto allowed = allowed_since_.find({row.terms.queue, row.terms.kind});
    if (allowed != allowed_since_.end() && allowed->second <= since
        && has_place_since(row.terms.queue, row.terms.kind, since))
      world_.log.object(name_of(id) + " waits though it could be begun");
  }
}

void watch::check_schedules() {
  auto longest = world_.run_plan.rules.lease / 3 * 5 / 4 + world_.run_plan.rules.poll * 2 + 2s;
  for (auto& [number, row] : world_.rows.periodic_jobs())
    if (row.next_at + longest / 1us < world_.rows.now())
      world_.log.object("periodic job " + std::to_string(number) + " is not fired");
}

// -- paces ----------------------------------------------------------------------------

/// Also while things go wrong: nobody asks the server the same again and again.
void watch::check_paces() {
  for (auto& one : world_.nodes) {
    auto& before = before_[one.get()];
    auto check = [&](std::string_view what, size_t most) {
      auto count = one->requests[what];
      if (count > before[what] + most)
        world_.log.object(one->name() + " asks too often within a second for \"" + std::string{what}
                          + "\": " + std::to_string(count - before[what]) + " times");
      before[what] = count;
    };
    check("look", 110 * world_.run_plan.queues);
    check("due periodic", 60);
    check("next periodic", 90);
    check("abandoned", 12);
    check("renew the lease", 60);
    check("register", 60);
  }
}

void watch::begin_idle_time() {
  idle_since_ = world_.now();
  for (auto& one : world_.nodes)
    idle_[one.get()] = {one->requests.begin(), one->requests.end()};
}

void watch::end_idle_time() {
  auto& rules = world_.run_plan.rules;
  auto span = world_.now() - idle_since_;
  auto times = [span](duration pause) { return static_cast<size_t>(span / pause) + 2; };
  auto queues = world_.run_plan.queues;
  auto rounds = times(rules.lease / 4);
  std::map<std::string_view, size_t> most{
      {"look", times(rules.poll_longest * 3 / 4) * queues},
      {"claim", queues},
      {"renew the lease", times(rules.lease / 3)},
      {"abandoned", rounds},
      {"next periodic", rounds},
      {"queues and kinds", rounds / 12 + 1},
      {"forget nodes", rounds / 12 + 1},
      {"remove old ones", (rounds / 12 + 1) * queues * world_.run_plan.kinds * 3},
  };
  for (auto& one : world_.nodes)
    for (auto& [what, count] : one->requests)
      if (auto asked = count - idle_[one.get()][what]; asked > most[what])
        world_.log.object(one->name() + " asks too often for \"" + std::string{what}
                          + "\" though there is nothing to do: " + std::to_string(asked) + " times");
}

} // namespace cenote::job_simulation
