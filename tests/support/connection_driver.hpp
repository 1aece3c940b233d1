#pragma once

#include "connection/connection_core.hpp"

#include <deque>
#include <string>
#include <vector>

namespace cenote::test {

/// The other side of a scripted link. The test sets its state before it delivers an answer.
struct scripted_server {
  std::vector<std::string> asked; ///< Operations begun since the last event: `ping`, `run SELECT 1` ...
  std::deque<std::string> under_way;

  bool in_transaction = false;
  bool autocommit_off = false;
  bool touched = false;
  bool lacks_database = false;
  bool usable = true;
  bool alive = true;
  size_t unsent = 0;
  tl::expected<result, db::driver_error> next_answer;
};

/// Drives a `connection_core` by hand, in virtual time. Requests are named by plain numbers. Every event returns its
/// effects as text, in order: `run SELECT 1, answer 1: result, report reusable (1), requeue 2, return 3, stop, end`.
class connection_driver {
public:
  connection_driver();

  time_point now() const { return now_; }

  /// What an operator sees.
  connection_view view() const { return core_.view(now_); }

  // -- from the pool -------------------------------------------------------------

  /// Grants the connection to a request alone.
  std::string give(uint64_t request, work_item work, std::chrono::nanoseconds limit = {});
  std::string give(uint64_t request, work_item work, liveness_check check);

  /// Grants it to a statement that may share it.
  std::string share(uint64_t request, const statement& query);

  /// Grants it to a session, number 7.
  std::string check_out(uint64_t request, const session_options& options = {});

  /// Requests of the holder of the session.
  std::string execute(uint64_t request, const statement& query);
  std::string begin(uint64_t request);
  std::string commit(uint64_t request);

  std::string check_in() {
    return event([&] { core_.check_in(session_id{7}, false, now_); });
  }
  /// Ends the session for an operator.
  std::string kill() {
    return event([&] {
      if (core_.kill(session_id{7}, now_))
        server.asked.push_back("refused");
    });
  }
  std::string requeue_waiting() {
    return event([&] { core_.requeue_waiting(now_); });
  }
  std::string ping() {
    return event([&] { core_.ping(now_); });
  }
  std::string close() {
    return event([&] { core_.close(now_); });
  }
  std::string check_callers(std::vector<ticket> ended, bool holder_ended = false) {
    return event([&] { core_.check_callers(ended, holder_ended, now_); });
  }

  // -- from the server -----------------------------------------------------------

  /// The running operation, or the first of the statements in flight, has succeeded.
  std::string ok();

  /// It has failed on the server.
  std::string fails(uint32_t number, const std::string& sqlstate = "HY000");

  /// It has not run, because the server no longer knows its prepared statement.
  std::string not_prepared();

  /// The connection broke while it waited for the answer.
  std::string lost();

  /// The connection broke before the running statement was handed over.
  std::string not_sent();

  /// The connection broke while nothing was under way.
  std::string hangs_up();

  std::string stop_confirmed() {
    return event([&] { core_.stop_confirmed(now_); });
  }
  std::string stop_failed() {
    return event([&] { core_.stop_failed(false, now_); });
  }
  std::string stop_unanswered() {
    return event([&] { core_.stop_failed(true, now_); });
  }

  // -- time ----------------------------------------------------------------------

  /// Lets time pass, with a tick at each moment that the connection asks for.
  std::string wait(std::chrono::nanoseconds span);

  scripted_server server;

private:
  template <class F>
  std::string event(F f) {
    f();
    core_.end_turn(now_);
    return take();
  }

  grant made(work_item work) const;
  std::string answer_comes(tl::expected<result, db::driver_error> outcome);
  std::string take();

  time_point now_ = time_point{} + std::chrono::hours{1};
  connection_core core_;
};

} // namespace cenote::test
