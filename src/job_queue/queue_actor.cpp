#include "actors/random_id.hpp"
#include "cenote/configuration.hpp"
#include "cenote/error.hpp"
#include "job_queue/queue_state.hpp"
#include "job_tables/schema.hpp"
#include "log/log.hpp"
#include "runtime/liveness.hpp"

#include <caf/actor_system.hpp>
#include <caf/detail/meta_object.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace cenote {

using namespace std::chrono_literals;

size_t hash_of_job_id::operator()(const job_id& id) const noexcept {
  size_t out = 0; // The last bytes are random.
  std::memcpy(&out, id.bytes.data() + id.bytes.size() - sizeof(out), sizeof(out));
  return out;
}

queue_state::queue_state(pointer this_actor, pool_actor given, const job_settings& settings, uint64_t seed)
    : self{this_actor},
      pool{std::move(given)},
      rules{settings},
      rng{seed},
      lease{settings.lease},
      next_check{now()},
      next_poll_of_awaited{time_point::max()},
      next_housekeeping{settings.housekeeping ? now() : time_point::max()} {
  for (auto& queue : rules.queues)
    queues.push_back({queue, {{queue.max_running, rules.poll, rules.poll_longest}, now()}, queues.size()});
  give_up_identity();
}

queue_state::~queue_state() {
  timer.dispose();
  for (auto& [id, work] : attempts)
    work.stop.request_stop(); // Nobody will store their ends.
}

internal_job_queue::behavior_type queue_state::make_behavior() {
  self->monitor(pool);
  self->set_default_handler(caf::drop);
  self->set_down_handler([this](const caf::down_msg& message) {
    if (!has_ended(message.source))
      return;
    turn([&] {
      if (message.source == pool.address())
        pool_has_ended();
      else
        handler_has_ended(message.source);
    });
  });
  listen();
  turn([] {});
  return guarded(this, internal_job_queue::behavior_type{
                           [this](submit_atom, job& work) { return submit(std::move(work)); },
                           [this](submit_atom, std::vector<job>& works) { return submit(std::move(works)); },
                           [this](submit_atom, job_batch& batch) { return submit(std::move(batch)); },
                           [this](await_atom, const job_id& id) { return await(id); },
                           [this](job_status_atom, const job_id& id) { return job_status_of(id); },
                           [this](cancel_atom, const job_id& id) { return cancel(id); },
                           [this](rerun_atom, const job_id& id) { return rerun(id); },
                           [this](submit_atom, periodic_job& work) { return submit(std::move(work)); },
                           [this](cancel_atom, const std::string& periodic) { return remove_periodic(periodic); },
                           [this](pause_atom, const std::string& queue) { return pause(queue, true); },
                           [this](resume_atom, const std::string& queue) { return pause(queue, false); },
                           [this](progress_atom, const job_id& id, uint32_t per_mille) { set_progress(id, per_mille); },
                           [this](handle_atom, const std::shared_ptr<const job_handler_entry>& entry) {
                             turn([&] { add_handler(entry); });
                           },
                           [this](wake_atom) { turn([this] { some_may_wait(); }); },
                           [this](notify_atom, const std::string& channel) { turn([&] { notified(channel); }); },
                           [this](status_atom) { return status(); },
                           [this](drain_atom, caf::timespan limit) { return drain(limit); },
                       });
}

// -- time -----------------------------------------------------------------------------

queue_state::time_point queue_state::now() const {
  return self->clock().now();
}

double queue_state::random() {
  return std::uniform_real_distribution<>{0.0, 1.0}(rng);
}

/// Starts all that is due.
void queue_state::advance() {
  if (is_leaving)
    return;
  pass_deadlines();
  if (drain_until) {
    end_drain();
    if (is_leaving)
      return;
  }
  if (lease.is_due(now()))
    renew_lease();
  store_submissions();
  store_plain_ends();
  store_next_ends();
  if (!attempts.empty() && !is_checking && next_check <= now())
    check_attempts();
  if (!awaiting.empty() && !is_polling_awaited && next_poll_of_awaited <= now())
    poll_awaited();
  if (!is_keeping_house && next_housekeeping <= now() && !drain_until)
    keep_house();
  if (!is_firing && next_periodic <= now() && !drain_until)
    fire_periodic();
  if (!drain_until && lease.is_valid(now()) && !kinds.empty())
    for (auto& queue : queues)
      work_on(queue);
  set_timer();
}

/// There may be new jobs.
void queue_state::wake_all() {
  for (auto& queue : queues)
    queue.pace.wake();
}

queue_state::time_point queue_state::next_event() const {
  auto at = std::min(lease.next_event(), drain_until.value_or(time_point::max()));
  if (!deadlines.empty())
    at = std::min(at, deadlines.begin()->first);
  if (!attempts.empty() && !is_checking)
    at = std::min(at, next_check);
  if (!awaiting.empty() && !is_polling_awaited)
    at = std::min(at, next_poll_of_awaited);
  if (!is_keeping_house && !drain_until)
    at = std::min(at, next_housekeeping);
  if (!is_firing && !drain_until)
    at = std::min(at, next_periodic);
  if (!drain_until && lease.is_valid(now()) && !kinds.empty())
    for (auto& queue : queues)
      at = std::min(at, queue.pace.next_event(queue.occupied()));
  return at;
}

void queue_state::set_timer() {
  auto at = next_event();
  // A timer that comes a little early finds nothing to do and sets the next one.
  if (at >= timer_at && timer_at > now())
    return;
  timer.dispose();
  timer_at = at;
  if (at == time_point::max())
    return;
  auto span = std::max<duration>(at - now(), 100us);
  timer = self->run_delayed(span, [this] {
    timer_at = time_point::max();
    turn([] {});
  });
}

// -- state ------------------------------------------------------------------------------

job_queue_status queue_state::status() const {
  auto out = counters;
  out.node = node;
  out.draining = drain_until.has_value();
  for (auto& queue : queues)
    out.running += queue.running;
  out.ending = attempts.size() - std::min<size_t>(attempts.size(), out.running);
  return out;
}

failure queue_state::noted(failure reason) {
  // A fence is no error, and what is refused behind it is an effect: its handler's matter.
  if (reason.number == job_tables::fence_error
      || (reason.outcome == outcome::rejected && reason.statement_index.value_or(0) > 0))
    return reason;
  if (job_tables::says_no_tables(reason))
    reason.text = job_tables::no_tables_text;
  ++counters.database_errors;
  counters.last_error = to_string(reason);
  if (auto more = failure_lines.add(now()))
    log().warn("jobs: {}{}", counters.last_error, and_more(*more));
  return reason;
}

caf::result<void> queue_state::drain(duration limit) {
  auto promise = self->make_response_promise<void>();
  draining.push_back(promise);
  constexpr duration century{std::chrono::hours{24 * 36525}};
  auto until = now() + std::clamp<duration>(limit, 0ns, century);
  drain_until = std::min(drain_until.value_or(until), until);
  turn([] {});
  return promise;
}

/// When nothing is left to do, or the time is over: gives the rest to others, and ends.
void queue_state::end_drain() {
  // A registration and a claim that are under way could come after the farewell, and stay.
  auto may_get_more = (!is_registered && lease.is_busy())
                      || std::ranges::any_of(queues, [](auto& queue) { return queue.pace.is_busy(); });
  if ((!attempts.empty() || may_get_more) && now() < *drain_until)
    return;
  is_leaving = true;
  std::vector<statement> farewell;
  for (auto& [id, work] : attempts) {
    // What is being stored may still succeed: then this changes nothing.
    if (!work.is_ending)
      work.stop.request_stop();
    farewell.push_back(job_tables::give_back(work.key));
  }
  farewell.push_back(job_tables::forget_node(node));
  transaction last{std::move(farewell), {}, 5s, {}};
  auto leave = [this] {
    notify_others({});
    refuse_callers();
    for (auto& promise : draining)
      promise.deliver();
    self->quit();
  };
  self->request(pool, caf::infinite, transact_atom_v, std::move(last))
      .then([leave](const std::vector<result>&) { leave(); },
            [this, leave](const caf::error& error) {
              log().warn("jobs: the jobs of this node are given to others after its lease only: {}", describe(error));
              leave();
            });
}

void queue_state::pool_has_ended() {
  log().info("jobs: the pool has ended, and so does the queue");
  refuse_callers();
  is_leaving = true;
  self->quit();
}

/// Nobody else will answer them.
void queue_state::refuse_callers() {
  failure reason;
  reason.code = errc::shutting_down;
  reason.outcome = outcome::unavailable;
  reason.text = "the job queue has ended";
  for (auto& [id, promises] : awaiting)
    for (auto& promise : promises)
      promise.deliver(make_error(reason));
  awaiting.clear();
  for (auto& each : submissions)
    each.promise.deliver(make_error(reason));
  submissions.clear();
}

failure queue_state::unreadable(const char* problem) {
  failure reason;
  reason.code = errc::invalid_statement;
  reason.outcome = outcome::unknown;
  reason.text = std::string{"the tables of the jobs are not of the version that this program knows: "} + problem;
  return reason;
}

void queue_state::defect(const char* problem) {
  log().error("an exception in the job queue: {}; it continues", problem);
}

job_queue spawn_job_queue(caf::actor_system& sys, pool_actor pool, const job_settings& settings) {
  if (caf::detail::global_meta_object(caf::type_id_v<job>) == nullptr)
    throw std::logic_error{"call cenote::init() at the start of main, before the actor system and its configuration"};
  check(settings);
  if (!pool)
    throw std::invalid_argument{"spawn_job_queue needs a pool"};
  using impl = internal_job_queue::stateful_impl<queue_state>;
  return job_queue{sys.spawn<impl>(std::move(pool), settings, random_id())};
}

} // namespace cenote
