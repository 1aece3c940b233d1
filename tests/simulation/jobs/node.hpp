#pragma once

#include "jobs/attempt_end.hpp"
#include "jobs/claim_groups.hpp"
#include "jobs/lease_clock.hpp"
#include "jobs/queue_pace.hpp"
#include "simulation/jobs/world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cenote::job_simulation {

/// What a handler answers; see `cenote::job_answer`.
struct handler_answer {
  job_verdict verdict = job_verdict::done;
  effects wanted;
  duration pause{-1};
  std::string reason;
  bool has_result = false;
};

/// A process with a job queue: what `queue_state` does, message by message, around the same rules. Another one after it
/// has been killed.
class node : public client {
public:
  node(world& shared, size_t index, uint64_t incarnation);

  void start();

  // -- what others do to it ---------------------------------------------------------------

  void kill();
  void freeze(duration span);
  /// Ends it in an orderly way.
  void drain(duration limit);
  void submit(job_terms work, std::function<void(job_no)> stored, std::function<void(request_failure)> failed);
  void submit(std::vector<job_terms> works, std::function<void(std::vector<job_no>)> stored,
              std::function<void(request_failure)> failed);
  void submit_batch(std::vector<job_terms> works, job_terms follower, std::function<void()> stored,
                    std::function<void(request_failure)> failed);
  void cancel(job_no id, std::function<void()> done, std::function<void(request_failure)> failed);
  void rerun(job_no id);
  void pause(size_t queue, bool paused, std::function<void()> done, std::function<void(request_failure)> failed);
  void submit_periodic(periodic_row row);
  void notified(std::optional<size_t> queue);
  void lose_handler(size_t kind);
  void gain_handler(size_t kind);

  void post(std::function<void()> event) override;
  void suffers() override { bad_until_ = std::max(bad_until_, world_.now()); }

  // -- for the claims -----------------------------------------------------------------------

  size_t index() const noexcept { return index_; }
  bool is_up() const noexcept { return is_up_; }
  bool is_frozen() const { return world_.now() < frozen_until_; }
  node_name known_as() const noexcept { return known_as_; }
  /// Whether nothing has been wrong with it for so long that it must not be taken for silent.
  bool is_well() const;
  bool has_handler(size_t kind) const { return handlers_.contains(kind); }
  bool is_draining() const noexcept { return drain_until_.has_value(); }
  /// Since when it has had a free place in a queue, and could claim.
  std::optional<time_point> free_since(size_t queue) const { return queues_[queue].free_since; }
  const std::string& name() const noexcept { return name_; }

private:
  using dice = simulation::dice;

  void plan_event();

  struct queue_of_node {
    job_queue_settings settings;
    jobs::queue_pace pace;
    size_t index = 0;
    size_t running = 0;
    size_t ending = 0;
    bool has_limits = false;
    jobs::group_turns turns{};
    std::optional<time_point> free_since{}; ///< For the claims only.
    size_t found_again = 0;                 ///< The same.

    size_t occupied() const noexcept { return jobs::occupied_places(running, ending, settings.max_running); }
  };

  struct attempt {
    attempt_key key;
    job_terms terms;
    size_t queue = 0;
    uint32_t max_attempts = 0;
    job_no batch{};
    time_point begun;
    time_point deadline;
    bool is_ending = false;
    jobs::attempt_end how;
    handler_answer answer;
    bool in_doubt = false;
    unsigned failures = 0;
  };

  struct submission {
    job_terms work;
    std::function<void(job_no)> stored;
    std::function<void(request_failure)> failed;
  };

  template <class Answer, class Then, class Failed>
  void ask(query<Answer> what, Then then, Failed failed) {
    world_.server.ask(
        *this, std::move(what), [this, then](Answer& answer) mutable { turn([&] { then(answer); }); },
        [this, failed](request_failure reason) mutable { turn([&] { failed(reason); }); });
  }

  template <class F>
  void turn(F f) {
    f();
    advance();
  }

  // -- node.cpp -----------------------------------------------------------------------------

  void advance();
  time_point next_event() const;
  void set_timer();
  void end_drain();
  /// Of its own clock, which began at another time than others.
  time_point now() const { return world_.now() + clock_ahead_; }
  double random() { return random_.fraction(); }
  /// Later, unless it has ended by then.
  void run_delayed(duration pause, std::function<void()> event);
  void step(const std::string& event) { world_.log.step(name_, event); }

  // -- node_submissions.cpp -----------------------------------------------------------------

  void store_submissions();
  void notify_others(std::optional<size_t> queue);
  void has_stored(const std::vector<job_terms>& works);
  void has_stored_effects(const std::vector<job_terms>& works);
  void some_may_wait();

  // -- node_claims.cpp ----------------------------------------------------------------------

  void renew_lease();
  void register_node();
  void give_up_identity();
  void work_on(queue_of_node& queue);
  void look(queue_of_node& queue);
  void claim(queue_of_node& queue, bool some_are_due);
  claim_order make_order(queue_of_node& queue, std::vector<size_t> kinds, size_t count, bool some_are_due);
  void claim_within_limits(queue_of_node& queue);
  void claim_group(queue_of_node& queue, const limits_seen& seen);
  void group_is_empty(queue_of_node& queue, size_t groups, duration pause);
  void claim_later(queue_of_node& queue, duration pause);
  void claim_has_failed(queue_of_node& queue, const claim_order& order, request_failure reason);
  void find_again(const claim_order& order, size_t queue, unsigned tries);
  void begin(queue_of_node& queue, const std::vector<claimed_job>& jobs, bool found_again);

  // -- node_attempts.cpp --------------------------------------------------------------------

  void hand_over(attempt& work);
  void answered(attempt_key key, handler_answer answer);
  void failed(attempt_key key, std::string reason);
  void end_as_failed(attempt& work, std::string reason);
  void end(attempt& work, jobs::attempt_end how, handler_answer answer);
  void store_end(attempt& work);
  void store_next_ends();
  void store_now(attempt& work);
  void store_plain_ends();
  void end_not_stored(attempt_key key, request_failure reason);
  void resolve_doubts(std::vector<attempt_key> keys);
  void has_ended_as(attempt_key key, job_verdict verdict);
  void is_superseded(const attempt& work);
  void is_lost(attempt_key key);
  void check_loss(const attempt& work);
  void leave_handler(const attempt& work);
  void forget(attempt& work);
  void pass_deadlines();
  void check_attempts();
  attempt* find(const attempt_key& key);

  // -- handlers.cpp -------------------------------------------------------------------------

  /// The handler of a kind gets a job: answers, later or never.
  void run_handler(const attempt& work);
  void run_session(const attempt& work, duration takes, bool believes_it);
  handler_answer choose_answer(const attempt& work, dice& of_attempt, bool& never);

  // -- node_house.cpp -----------------------------------------------------------------------

  void keep_house();
  void give_to_others(const std::vector<abandoned_job>& jobs);
  void remove_old();
  void remove_old(size_t queue, size_t kind, job_state state, duration keep);
  void plan_periodic();
  void fire_periodic();
  void fire(const due_periodic_job& found);
  void plan_after_firing(bool well);
  void has_fired(uint32_t number, bool well);

  world& world_;
  size_t index_;
  std::string name_;
  dice random_;
  job_settings rules_;
  duration clock_ahead_{0};
  std::chrono::hours wrong_by_{0}; ///< Its clock of the day.

  bool is_up_ = true;
  time_point frozen_until_ = time_point::min();
  std::deque<std::function<void()>> mailbox_; ///< One event is planned for each.
  time_point bad_until_;                      ///< Until then, something was wrong with it.

  node_name known_as_{};
  jobs::lease_clock lease_;
  bool is_registered_ = false;
  std::vector<queue_of_node> queues_;
  std::set<size_t> handlers_;

  std::map<job_no, attempt> attempts_;
  std::set<std::pair<time_point, job_no>> deadlines_;
  std::deque<attempt_key> ends_;
  size_t ends_under_way_ = 0;
  std::vector<attempt_key> plain_ends_;
  bool is_storing_plain_ends_ = false;
  time_point next_check_;
  bool is_checking_ = false;

  std::vector<submission> submissions_;
  bool is_storing_ = false;

  time_point next_housekeeping_;
  unsigned rounds_of_housekeeping_ = 0;
  bool is_keeping_house_ = false;
  time_point next_periodic_ = time_point::max();
  bool is_firing_ = false;
  std::set<uint32_t> firings_;

  std::optional<time_point> drain_until_;
  bool is_leaving_ = false;
  time_point timer_at_ = time_point::max();
  uint64_t timer_ = 0;
};

} // namespace cenote::job_simulation
