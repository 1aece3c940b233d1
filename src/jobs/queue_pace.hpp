#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace cenote::jobs {

using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

struct pace_rules {
  size_t max_running = 10;
  duration poll{std::chrono::seconds{1}};
  duration poll_longest{std::chrono::seconds{5}};
};

/// Places of a queue that are not free on this node. As many ends may be stored as jobs may run: a server that does not
/// keep up is not asked for more and more.
/// @param running attempts that the handlers have.
/// @param ending attempts whose end is being stored.
constexpr size_t occupied_places(size_t running, size_t ending, size_t max_running) noexcept {
  return std::max(running, running + ending > max_running ? running + ending - max_running : 0);
}

/// What to ask the database about a queue.
enum class pace_step {
  nothing,
  look,     ///< Whether there is anything to do: one cheap read.
  claim,    ///< Jobs that wait.
  claim_due ///< The same, after those whose time has come.
};

/// Decides when a node asks for the jobs of a queue: at once where it knows of some, otherwise now and then, and less
/// often the longer there are none. One request at a time, so that a claim takes what has come free meanwhile.
class queue_pace {
public:
  /// Between two looks because another node has told of new jobs, at least.
  static constexpr duration look_gap{std::chrono::milliseconds{10}};

  /// A claim for a part of the free places waits this long for more of them.
  static constexpr duration patience{std::chrono::milliseconds{2}};

  queue_pace(const pace_rules& rules, time_point now)
      : rules_{rules}, pause_{rules.poll}, next_look_{now}, last_due_{now}, gave_way_at_{now} {
    // nop
  }

  /// There may be new jobs.
  void wake() noexcept { some_wait_ = true; }

  /// Another node says that there may be new jobs. They may have been taken already: a look tells, for less than a
  /// claim.
  void notified(time_point now) noexcept {
    notified_ = true; // Until the next look: claims do not put it off.
    next_look_ = std::min(next_look_, std::max(now, last_look_ + look_gap));
  }

  /// A job will be due at this time.
  void note_due(time_point at) noexcept {
    if (!next_due_ || at < *next_due_)
      next_due_ = at;
  }

  /// What to do now. Anything but `nothing` is to be followed by `looked`, `claimed` or `failed`.
  /// @param running jobs of the queue that this node has.
  pace_step next(size_t running, time_point now) {
    if (is_busy_ || now < not_before_ || running >= rules_.max_running)
      return pace_step::nothing;
    // While there are always some that wait, there are no looks: others' scheduled jobs would be overtaken for ever.
    auto is_due = (next_due_ && *next_due_ <= now) || (some_wait_ && now >= last_due_ + rules_.poll_longest);
    // A claim that got nothing although some were told to wait may be of the wrong kind: a look says what there is.
    auto knows_some = is_due || some_wait_;
    if (knows_some && !was_empty_) {
      if (!is_due && running > 0 && free_places(running) < rules_.max_running / 2 && now < last_claim_ + patience)
        return pace_step::nothing;
      is_busy_ = true;
      if (std::exchange(is_limited_, false) && !was_cut_short_)
        gave_way_at_ = now;
      some_wait_ = false;
      if (next_due_ && *next_due_ <= now)
        next_due_.reset();
      if (is_due)
        last_due_ = now;
      return is_due ? pace_step::claim_due : pace_step::claim;
    }
    if (now < next_look_ && !knows_some)
      return pace_step::nothing;
    is_busy_ = true;
    some_wait_ = notified_ = false;
    if (is_due)
      next_due_.reset();
    return pace_step::look;
  }

  /// Whether what `next` has said is under way.
  bool is_busy() const noexcept { return is_busy_; }

  size_t free_places(size_t running) const noexcept {
    return running >= rules_.max_running ? 0 : rules_.max_running - running;
  }

  /// The answer to `look`.
  /// @param due_in when the next scheduled job is due; may be less than zero.
  /// @param random from 0 to 1.
  void looked(bool some_wait, std::optional<duration> due_in, double random, time_point now) {
    is_busy_ = was_empty_ = false;
    last_look_ = last_due_ = now;
    some_wait_ |= some_wait;
    if (due_in)
      note_due(now + *due_in);
    auto finds_some = some_wait || (due_in && *due_in <= duration::zero());
    pause_ = finds_some ? rules_.poll : std::min<duration>(pause_ + pause_ / 2, rules_.poll_longest);
    plan_look(random, now);
  }

  /// The answer to a claim.
  void claimed(size_t got, size_t asked, double random, time_point now) {
    is_busy_ = false;
    was_empty_ = got == 0;
    last_claim_ = now;
    some_wait_ |= got == asked;
    if (got > 0)
      pause_ = rules_.poll;
    plan_look(random, now);
  }

  /// A look or a claim failed: not again before `pause` has passed.
  void failed(duration pause, time_point now) {
    is_busy_ = false;
    not_before_ = now + pause;
    next_look_ = not_before_;
  }

  /// A limit over all nodes does not allow a claim of those that may wait: not again before `pause` has passed, or a
  /// job of this node has ended. Not for longer than `poll`: meanwhile there may be jobs that no limit concerns.
  void limited(duration pause, time_point now) {
    failed(std::min(pause, rules_.poll), now);
    some_wait_ = is_limited_ = true;
    was_cut_short_ = false;
    if (std::exchange(has_ended_, false))
      job_ended(now);
  }

  /// The end of a job of this node is stored: a limit may allow another one. Now and then the node sits out a whole
  /// pause all the same: other nodes may have jobs for the same place, and only look now and then.
  void job_ended(time_point now) noexcept {
    if (!is_limited_) {
      has_ended_ = true;
    } else if (now < gave_way_at_ + rules_.poll_longest && now < not_before_) {
      not_before_ = now;
      was_cut_short_ = true;
    }
  }

  /// When `next` may have something else to say, unless a place comes free or `wake` is called before.
  time_point next_event(size_t running) const noexcept {
    if (is_busy_ || running >= rules_.max_running)
      return time_point::max();
    if (some_wait_)
      return std::max(not_before_, was_empty_ ? not_before_ : last_claim_ + patience);
    auto at = next_look_;
    if (next_due_)
      at = std::min(at, *next_due_);
    return std::max(at, not_before_);
  }

private:
  void plan_look(double random, time_point now) {
    if (notified_) {
      next_look_ = now + look_gap;
      return;
    }
    // From three quarters to five quarters of the pause: nodes that began together do not look together.
    next_look_ = now + std::chrono::duration_cast<duration>(pause_ * (0.75 + random / 2));
  }

  pace_rules rules_;
  duration pause_;
  time_point next_look_;
  time_point last_look_ = time_point::min();
  time_point last_due_;   ///< When scheduled jobs whose time has come were looked for.
  bool notified_ = false; ///< Since the last look.
  time_point not_before_ = time_point::min();
  time_point last_claim_ = time_point::min();
  std::optional<time_point> next_due_;
  bool some_wait_ = false;
  bool is_busy_ = false;
  bool was_empty_ = false;     ///< The last claim, and there was no look since then.
  bool is_limited_ = false;    ///< Until the next claim.
  bool was_cut_short_ = false; ///< The pause because of a limit.
  bool has_ended_ = false;     ///< A job, while no limit was in the way.
  time_point gave_way_at_;     ///< When it had sat out such a pause.
};

} // namespace cenote::jobs
