#include "node/session_record.hpp"

#include "pool/partial_effects.hpp"

namespace cenote::node {

outcome session_record::send(session_step step, std::string_view sql) {
  switch (step) {
  case session_step::begin:
    transaction_ = state::doubtful; // Until it is answered.
    return outcome::rolled_back;
  case session_step::commit:
    transaction_ = state::doubtful;
    return outcome::unknown;
  case session_step::rollback:
    if (transaction_ == state::open)
      transaction_ = state::none;
    return transaction_ == state::doubtful ? outcome::unknown : outcome::rolled_back;
  case session_step::savepoint:
    return transaction_ == state::open ? outcome::rolled_back : outcome::unknown;
  case session_step::execute:
    break;
  }
  // A statement that may commit leaves nothing certain, not even about those behind it.
  if (transaction_ == state::open && pool::partial_effect_of(sql) != pool::partial_effect::none)
    transaction_ = state::doubtful;
  return transaction_ == state::open ? outcome::rolled_back : outcome::unknown;
}

void session_record::answered(session_step step, bool succeeded) {
  if (step == session_step::begin)
    transaction_ = succeeded ? state::open : state::none;
  else if (succeeded && (step == session_step::commit || step == session_step::rollback))
    transaction_ = state::none;
}

} // namespace cenote::node
