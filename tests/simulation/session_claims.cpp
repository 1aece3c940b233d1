#include "simulation/caller.hpp"
#include "simulation/session_story.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace cenote::simulation {

namespace {

using action = session_command::action;
using kind = ledger::claim_kind;

const failure* failure_of(const session_step& step) {
  return step.answer ? std::get_if<failure>(&*step.answer) : nullptr;
}

bool succeeded(const session_step& step) {
  return step.answer && failure_of(step) == nullptr;
}

/// Whether it is unknown whether the step was carried out.
bool is_unknown(const session_step& step) {
  auto reason = failure_of(step);
  return !step.answer || (reason != nullptr && reason->outcome == outcome::unknown);
}

bool has_ended_transaction(const session_step& step) {
  auto reason = failure_of(step);
  return reason != nullptr && reason->code == errc::transaction_ended;
}

/// Derives the claims from the answers, one by one.
class accountant {
public:
  accountant(ledger& books, time_point now) : books_{books}, now_{now} {
    // nop
  }

  void add(const session_step& step) {
    because_ = step.answer ? describe(*step.answer) : "never answered";
    switch (step.action) {
    case action::execute:
      executed(step);
      break;
    case action::begin:
      if (succeeded(step)) {
        forget_open();
        state_ = state::inside;
      } else if (is_unknown(step)) {
        state_ = state::uncertain;
      }
      break;
    case action::commit:
      committed(step);
      break;
    case action::rollback:
      if (succeeded(step)) {
        forget_open();
        state_ = state::outside;
      } else if (is_unknown(step)) {
        doubt_open();
      }
      break;
    case action::savepoint:
      if (succeeded(step))
        savepoints_[step.savepoint] = open_.size();
      else
        savepoints_.erase(step.savepoint);
      break;
    case action::rollback_to:
      rolled_back_to(step);
      break;
    }
  }

  /// The session has ended.
  void close() {
    because_ = "its session has ended";
    forget_open();
  }

private:
  enum class state : uint8_t { outside, inside, uncertain };

  void claim(kind claimed, std::vector<stamp> marks) {
    if (!marks.empty())
      books_.claim_that({claimed, std::move(marks), because_, now_});
  }

  void executed(const session_step& step) {
    auto may_commit = step.op == operation::restart || step.op == operation::define;
    if (is_unknown(step) && (may_commit || has_ended_transaction(step)))
      doubt_open();
    if (succeeded(step) && step.op == operation::restart)
      state_ = state_ == state::inside ? state::inside : state::uncertain;
    if (!leaves_effect(step.op))
      return;
    auto by_itself = step.op == operation::note || step.op == operation::restart || step.op == operation::define;
    // Tables without transactions keep what is written to them although the server loses its client.
    auto stays = step.op == operation::note && state_ != state::outside;
    if (is_unknown(step) || (stays && !succeeded(step)))
      claim(kind::unknown, {step.mark});
    else if (!succeeded(step))
      claim(kind::absent, {step.mark});
    else if (by_itself || state_ == state::outside)
      claim(state_ == state::outside ? kind::there : kind::unknown, {step.mark});
    else if (state_ == state::inside)
      open_.push_back(step.mark);
    else
      claim(kind::unknown, {step.mark});
  }

  void committed(const session_step& step) {
    if (succeeded(step)) {
      claim(kind::there, std::exchange(open_, {}));
      state_ = state::outside;
    } else if (is_unknown(step)) {
      claim(kind::all_or_nothing, std::exchange(open_, {}));
      state_ = state::uncertain;
    }
    savepoints_.clear();
  }

  void rolled_back_to(const session_step& step) {
    auto i = savepoints_.find(step.savepoint);
    if (!succeeded(step) && !is_unknown(step))
      return;
    if (i == savepoints_.end() || i->second > open_.size()) {
      doubt_open();
      return;
    }
    auto first = open_.begin() + static_cast<ptrdiff_t>(i->second);
    claim(succeeded(step) ? kind::absent : kind::unknown, {first, open_.end()});
    open_.erase(first, open_.end());
    std::erase_if(savepoints_, [this](auto& savepoint) { return savepoint.second > open_.size(); });
  }

  /// Uncommitted statements have no effect.
  void forget_open() {
    claim(kind::absent, std::exchange(open_, {}));
    savepoints_.clear();
  }

  void doubt_open() {
    claim(kind::unknown, std::exchange(open_, {}));
    savepoints_.clear();
    state_ = state::uncertain;
  }

  ledger& books_;
  time_point now_;
  state state_ = state::outside;
  std::vector<stamp> open_; ///< Statements that have succeeded in the transaction.
  std::map<std::string, size_t> savepoints_;
  std::string because_;
};

} // namespace

void claim_effects(ledger& books, const std::vector<session_step>& steps, time_point now) {
  accountant by_answers{books, now};
  for (auto& step : steps)
    by_answers.add(step);
  by_answers.close();
}

} // namespace cenote::simulation
