// Resetting a session: back into the state in which it was opened.

#include "db/connection_impl.hpp"

#include <cassert>

#include <mysqld_error.h>

namespace cenote::db {

progress connection::impl::start_reset() {
  assert(step_ == step::idle);
  if (!has_database && session->db != nullptr && *session->db != '\0') {
    step_ = step::done;
    fail(driver_error{error_source::invalid_statement, phase::preparing, 0, "",
                      "a statement has selected a database, which only a new connection undoes"});
    return progress::done;
  }
  limit_each_ = false;
  if (after_error_ || (session->server_status & SERVER_STATUS_IN_TRANS) != 0) {
    stage_ = reset_stage::rollback;
    sql_ = "ROLLBACK";
    step_ = step::send;
  } else {
    stage_ = reset_stage::reset;
    step_ = step::reset;
  }
  return run(0);
}

void connection::impl::begin_set_up() {
  prepared_.forget_all(); // As the server has.
  stage_ = reset_stage::set_up;
  set_up_done_ = 0;
  sql_ = set_up.front();
  step_ = step::send;
}

/// A statement of the reset has been answered.
void connection::impl::next_of_reset() {
  if (stage_ == reset_stage::rollback) {
    stage_ = reset_stage::reset;
    step_ = step::reset;
  } else if (++set_up_done_ < set_up.size()) {
    sql_ = set_up[set_up_done_];
    step_ = step::send;
  } else {
    stage_ = reset_stage::none;
    touched = false;
    step_ = step::done;
  }
}

/// A database that has been dropped may be created again: until then its statements fail, as they would on any other
/// connection, and the next reset tries again.
bool connection::impl::tolerates(unsigned error) {
  return stage_ == reset_stage::set_up && set_up_done_ == 0 && has_database && error == ER_BAD_DB_ERROR;
}

} // namespace cenote::db
