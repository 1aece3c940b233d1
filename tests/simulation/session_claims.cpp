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

const failure* why_of(const session_step& x) {
  return x.came ? std::get_if<failure>(&*x.came) : nullptr;
}

bool succeeded(const session_step& x) {
  return x.came && why_of(x) == nullptr;
}

/// Whether it is not known whether the step was carried out.
bool is_unknown(const session_step& x) {
  auto why = why_of(x);
  return !x.came || (why != nullptr && why->outcome == outcome::unknown);
}

bool has_ended_transaction(const session_step& x) {
  auto why = why_of(x);
  return why != nullptr && why->code == errc::transaction_ended;
}

/// Follows the answers one by one.
class accountant {
public:
  accountant(ledger& books, time_point now) : books_{books}, now_{now} {
    // nop
  }

  void add(const session_step& x) {
    because_ = x.came ? describe(*x.came) : "never answered";
    switch (x.what) {
    case action::execute:
      executed(x);
      break;
    case action::begin:
      if (succeeded(x)) {
        forget_open();
        state_ = state::inside;
      } else if (is_unknown(x)) {
        state_ = state::uncertain;
      }
      break;
    case action::commit:
      committed(x);
      break;
    case action::rollback:
      if (succeeded(x)) {
        forget_open();
        state_ = state::outside;
      } else if (is_unknown(x)) {
        doubt_open();
      }
      break;
    case action::savepoint:
      if (succeeded(x))
        savepoints_[x.savepoint] = open_.size();
      else
        savepoints_.erase(x.savepoint);
      break;
    case action::rollback_to:
      rolled_back_to(x);
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

  void claim(kind what, std::vector<stamp> about) {
    if (!about.empty())
      books_.claim_that({what, std::move(about), because_, now_});
  }

  void executed(const session_step& x) {
    auto may_commit = x.text == operation::restart || x.text == operation::define;
    if (is_unknown(x) && (may_commit || has_ended_transaction(x)))
      doubt_open();
    if (succeeded(x) && x.text == operation::restart)
      state_ = state_ == state::inside ? state::inside : state::uncertain;
    if (!leaves_effect(x.text))
      return;
    auto by_itself = x.text == operation::note || x.text == operation::restart || x.text == operation::define;
    // Tables without transactions keep what is written to them although the server loses its client.
    auto stays = x.text == operation::note && state_ != state::outside;
    if (is_unknown(x) || (stays && !succeeded(x)))
      claim(kind::unknown, {x.mark});
    else if (!succeeded(x))
      claim(kind::absent, {x.mark});
    else if (by_itself || state_ == state::outside)
      claim(state_ == state::outside ? kind::there : kind::unknown, {x.mark});
    else if (state_ == state::inside)
      open_.push_back(x.mark);
    else
      claim(kind::unknown, {x.mark});
  }

  void committed(const session_step& x) {
    if (succeeded(x)) {
      claim(kind::there, std::exchange(open_, {}));
      state_ = state::outside;
    } else if (is_unknown(x)) {
      claim(kind::all_or_nothing, std::exchange(open_, {}));
      state_ = state::uncertain;
    }
    savepoints_.clear();
  }

  void rolled_back_to(const session_step& x) {
    auto i = savepoints_.find(x.savepoint);
    if (!succeeded(x) && !is_unknown(x))
      return;
    if (i == savepoints_.end() || i->second > open_.size()) {
      doubt_open();
      return;
    }
    auto first = open_.begin() + static_cast<ptrdiff_t>(i->second);
    claim(succeeded(x) ? kind::absent : kind::unknown, {first, open_.end()});
    open_.erase(first, open_.end());
    std::erase_if(savepoints_, [this](auto& y) { return y.second > open_.size(); });
  }

  /// What has not been committed is gone.
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
  for (auto& x : steps)
    by_answers.add(x);
  by_answers.close();
}

} // namespace cenote::simulation
