#include "node/session_record.hpp"

#include "pool/sql_rules.hpp"

namespace cenote::node {

outcome session_record::if_unsent(session_step step) const {
  if (transaction_ == state::open)
    return outcome::rolled_back;
  return step == session_step::commit && transaction_ == state::doubtful ? outcome::unknown : outcome::not_sent;
}

outcome session_record::send(session_step step, std::string_view sql) {
  switch (step) {
  case session_step::begin:
    ++begins_;
    transaction_ = state::doubtful; // Until it is answered.
    return outcome::rolled_back;    // A node refuses it rather than to commit a transaction that is open.
  case session_step::commit:
    ended_begins_ = begins_;
    transaction_ = state::doubtful;
    return outcome::unknown;
  case session_step::rollback:
    ended_begins_ = begins_;
    if (transaction_ == state::open)
      transaction_ = state::none;
    return transaction_ == state::doubtful ? outcome::unknown : outcome::rolled_back;
  case session_step::savepoint:
    return transaction_ == state::open ? outcome::rolled_back : outcome::unknown;
  case session_step::execute:
    break;
  }
  // A statement that may commit leaves nothing certain, not even about those behind it.
  if (pool::may_commit(sql)) {
    ended_begins_ = begins_;
    if (transaction_ == state::open)
      transaction_ = state::doubtful;
  }
  return transaction_ == state::open ? outcome::rolled_back : outcome::unknown;
}

void session_record::answered(session_step step, bool succeeded) {
  if (step == session_step::begin) {
    ++answered_begins_;
    // What was sent behind it may have ended its transaction, or begins another one.
    if (answered_begins_ == begins_ && ended_begins_ < begins_)
      transaction_ = succeeded ? state::open : state::none;
  } else if (succeeded && (step == session_step::commit || step == session_step::rollback)) {
    // Of the request behind it, nothing is known yet.
    if (answered_begins_ == begins_)
      transaction_ = state::none;
  }
}

} // namespace cenote::node
