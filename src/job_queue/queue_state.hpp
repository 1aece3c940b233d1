#pragma once

#include "actors/messages.hpp"
#include "cenote/jobs/queue.hpp"
#include "job_tables/rows.hpp"
#include "job_tables/statements.hpp"
#include "jobs/attempt_end.hpp"
#include "jobs/claim_groups.hpp"
#include "jobs/lease_clock.hpp"
#include "jobs/queue_pace.hpp"
#include "log/log_pacer.hpp"
#include "runtime/guarded_behavior.hpp"

#include <caf/disposable.hpp>
#include <caf/response_promise.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cenote {

/// The queue with the messages that its pool sends.
using internal_job_queue = job_queue_actor::extend<
    // There is a notice on this channel, see `notifying_pool_actor`.
    caf::result<void>(notify_atom, std::string)>;

struct hash_of_job_id {
  size_t operator()(const job_id& id) const noexcept;
};

/// The actor of a job queue: carries out what `jobs` decides, by the statements of `job_tables`.
///
/// Each event changes the state and ends with `advance`, which starts what has become possible and sets the one timer.
struct queue_state {
  using pointer = internal_job_queue::stateful_pointer<queue_state>;
  using time_point = jobs::time_point;
  using duration = jobs::duration;

  static inline const char* name = "cenote.jobs";

  queue_state(pointer this_actor, pool_actor given, const job_settings& settings, uint64_t seed);
  ~queue_state();

  internal_job_queue::behavior_type make_behavior();

  // -- queue_actor.cpp ----------------------------------------------------------------

  void advance();
  void wake_all();
  time_point next_event() const;
  void set_timer();
  job_queue_status status() const;
  caf::result<void> drain(duration limit);
  void end_drain();
  void pool_has_ended();
  void refuse_callers();
  void defect(const char* problem);
  time_point now() const;
  double random();

  /// Asks the pool, and goes on with `then(answer)` or `failed(const failure&)`: the latter also if the answer cannot
  /// be read.
  template <class Then, class Failed>
  void ask(statement query, Then then, Failed failed) {
    request<result>(execute_atom_v, std::move(query), std::move(then), std::move(failed));
  }

  template <class Then, class Failed>
  void ask(transaction whole, Then then, Failed failed) {
    request<std::vector<result>>(transact_atom_v, std::move(whole), std::move(then), std::move(failed));
  }

  template <class Answer, class Atom, class Request, class Then, class Failed>
  void request(Atom atom, Request what, Then then, Failed failed) {
    self->request(pool, caf::infinite, atom, std::move(what))
        .then(
            [this, then, failed](const Answer& answer) mutable {
              turn([&] {
                try {
                  then(answer);
                } catch (const result_error& problem) {
                  failed(noted(unreadable(problem.what())));
                }
              });
            },
            [this, failed](const caf::error& error) mutable { turn([&] { failed(noted(details(error))); }); });
  }

  /// The failure of a statement whose rows are not what the tables of this version give.
  static failure unreadable(const char* problem);

  /// An event: no exception leaves it.
  template <class F>
  void turn(F f) {
    guard(*this, std::move(f));
    guard(*this, [this] { advance(); });
  }

  /// Counts and logs a failure of the queue's own statements.
  failure noted(failure reason);

  // -- queue_submissions.cpp ----------------------------------------------------------

  caf::result<job_id> submit(job work);
  caf::result<std::vector<job_id>> submit(std::vector<job> works);
  caf::result<job_id> submit(job_batch batch);
  caf::result<job_status> await(const job_id& id);
  caf::result<job_status> job_status_of(const job_id& id);
  caf::result<void> cancel(const job_id& id);
  caf::result<void> rerun(const job_id& id);
  caf::result<void> pause(const std::string& queue, bool paused);
  /// A job that waits to be stored, with others in one statement.
  struct submission {
    job work;
    caf::typed_response_promise<job_id> promise;
  };
  void store_submissions();
  void store(std::vector<job> works, std::function<void(std::vector<job_id>)> stored,
             std::function<void(const failure&)> failed);
  void poll_awaited();
  void look_at_awaited(std::vector<job_id> ids);
  void read_ended(std::vector<job_id> ids);
  template <class Answer>
  void answer_awaiting(const job_id& id, const Answer& answer);

  // -- queue_notices.cpp ----------------------------------------------------------------

  struct queue_of_node;

  void listen();
  void notify_others(std::string_view queue);
  void notified(std::string_view channel);
  void has_stored(const std::vector<job>& works);
  void has_stored(const std::vector<statement>& effects);
  void some_may_wait();
  queue_of_node* find_queue(std::string_view name);

  // -- queue_claims.cpp -----------------------------------------------------------------

  struct attempt;

  void renew_lease();
  void register_node();
  void give_up_identity();
  void work_on(queue_of_node& queue);
  void look(queue_of_node& queue);
  void claim(queue_of_node& queue, bool some_are_due);
  job_tables::claim_order make_order(queue_of_node& queue, std::vector<std::string> of_kinds, size_t count,
                                     bool some_are_due);
  void claim_has_failed(queue_of_node& queue, const job_tables::claim_order& order, const failure& reason);
  void begin(queue_of_node& queue, std::vector<job_tables::claimed_job> jobs);
  void find_again(const job_tables::claim_order& order, size_t queue, unsigned tries);
  void add_handler(const std::shared_ptr<const job_handler_entry>& entry);
  void handler_has_ended(const caf::actor_addr& handler);
  void list_kinds();

  // -- queue_limits.cpp -----------------------------------------------------------------

  void claim_within_limits(queue_of_node& queue);
  void claim_group(queue_of_node& queue, const std::vector<job_tables::limit_row>& rows,
                   const std::vector<job_tables::running_of_kind>& running);
  void group_is_empty(queue_of_node& queue, size_t groups, duration pause);
  void claim_later(queue_of_node& queue, duration pause);

  // -- queue_attempts.cpp ---------------------------------------------------------------

  void hand_over(attempt& work, std::string_view payload);
  void answered(job_tables::attempt_key key, job_answer answer);
  void failed(job_tables::attempt_key key, std::string reason);
  void end_as_failed(attempt& work, std::string reason);
  void end(attempt& work, jobs::attempt_end how, job_answer answer);
  void store_end(attempt& work);
  void store_next_ends();
  void store_now(attempt& work);
  void store_plain_ends();
  void end_not_stored(job_tables::attempt_key key, const failure& reason);
  void resolve_doubts(std::vector<job_tables::attempt_key> keys);
  void has_ended_as(job_tables::attempt_key key, job_verdict verdict);
  void is_superseded(const attempt& work);
  void is_lost(job_tables::attempt_key key);
  void check_attempts();
  void pass_deadlines();
  void set_progress(const job_id& id, uint32_t per_mille);
  attempt* find(const job_tables::attempt_key& key);
  void leave_handler(const attempt& work);
  void forget(attempt& work);
  using states = std::unordered_map<job_id, job_tables::state_of_job, hash_of_job_id>;
  static states states_by_id(const result& rows);

  // -- queue_periodic.cpp -----------------------------------------------------------------

  caf::result<void> submit(periodic_job work);
  caf::result<void> remove_periodic(const std::string& periodic);
  void plan_periodic();
  void fire_periodic();
  void fire(const job_tables::due_periodic_job& found);
  void plan_after_firing(bool well);
  void has_fired(const std::string& periodic, bool well);
  void cannot_fire(const std::string& periodic, const std::string& problem);

  // -- queue_housekeeping.cpp -----------------------------------------------------------

  void keep_house();
  void give_to_others(const std::vector<job_tables::abandoned_job>& jobs);
  void remove_old();
  void remove_old(const job_tables::queue_and_kind& of, job_state state, duration keep);

  // -------------------------------------------------------------------------------------

  struct queue_of_node {
    job_queue_settings settings;
    jobs::queue_pace pace;
    size_t index = 0;
    size_t running = 0;        ///< Attempts that the handlers have.
    size_t ending = 0;         ///< Attempts whose end is being stored.
    bool has_limits = false;   ///< As the last look saw.
    jobs::group_turns turns{}; ///< Of kinds with limits.

    /// Places that are not free.
    size_t occupied() const noexcept { return jobs::occupied_places(running, ending, settings.max_running); }
  };

  /// An attempt that this node has begun.
  struct attempt {
    job_tables::attempt_key key;
    size_t queue = 0;
    std::string kind;
    uint32_t max_attempts = 0;
    job_backoff backoff;
    std::optional<job_id> batch;
    time_point begun;
    time_point deadline;
    std::stop_source stop;  ///< The handler's work is in vain.
    bool is_ending = false; ///< The handler has answered, or does not count any more.
    jobs::attempt_end how;  ///< From here on only if it is ending.
    job_answer answer;
    bool in_doubt = false; ///< Storing its end may have succeeded.
    unsigned failures = 0; ///< To store its end, in turn.
  };

  pointer self;
  pool_actor pool;
  job_settings rules;
  std::string node; ///< As the tables name it; a new one each time the lease is lost.
  std::mt19937_64 rng;
  job_queue_status counters;

  jobs::lease_clock lease;
  bool is_registered = false;
  std::vector<queue_of_node> queues;
  std::map<std::string, std::shared_ptr<const job_handler_entry>> handlers; ///< By kind.
  std::vector<std::string> kinds;                                           ///< The keys of `handlers`.

  std::unordered_map<job_id, attempt, hash_of_job_id> attempts;
  std::set<std::pair<time_point, job_id>> deadlines; ///< Of attempts that are not ending.
  std::deque<job_tables::attempt_key> ends;          ///< To be stored, by a transaction each.
  size_t ends_under_way = 0;                         ///< Of these transactions.
  std::vector<job_tables::attempt_key> plain_ends;   ///< To be marked as done, many in one statement.
  bool is_storing_plain_ends = false;
  std::unordered_map<job_id, uint32_t, hash_of_job_id> progress; ///< To be stored with the next check.
  time_point next_check;
  bool is_checking = false;

  bool can_notify = false; ///< The pool passes on notices.
  std::vector<submission> submissions;
  bool is_storing = false; ///< The ones before these.

  std::unordered_map<job_id, std::vector<caf::typed_response_promise<job_status>>, hash_of_job_id> awaiting;
  time_point next_poll_of_awaited;
  duration pause_of_awaited{0};
  bool is_polling_awaited = false;

  time_point next_housekeeping;
  unsigned rounds_of_housekeeping = 0;
  bool is_keeping_house = false;
  time_point next_periodic = time_point::max();
  bool is_firing = false;                   ///< What is due is asked for.
  std::set<std::string> firings;            ///< Names; under way.
  std::set<std::string> unusable_schedules; ///< Of which the log tells.

  std::vector<caf::typed_response_promise<void>> draining;
  std::optional<time_point> drain_until;
  bool is_leaving = false; ///< The last statement before its end is under way.

  caf::disposable timer;
  time_point timer_at = time_point::max();
  log_pacer failure_lines;
};

} // namespace cenote
