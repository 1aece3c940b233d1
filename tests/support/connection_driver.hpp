#pragma once

#include "connection/connection_core.hpp"

#include <deque>
#include <string>
#include <vector>

namespace cenote::test {

/// What the other side of a scripted link is made to say. The test sets it before it lets an answer come.
struct scripted_server {
  std::vector<std::string> asked; ///< What the connection has begun since the last look: `ping`, `run SELECT 1` ...
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

/// Drives a `connection_core` by hand, in virtual time. Requests are named by plain numbers. Every event returns what
/// it led to, as text, in order: `run SELECT 1, answer 1: result, report reusable (1), requeue 2, return 3, stop, end`.
class connection_driver {
public:
  connection_driver();

  time_point now() const { return now_; }

  /// What an operator sees.
  connection_view view() const { return core_.view(now_); }

  // -- from the pool -------------------------------------------------------------

  /// Gives the connection to one alone.
  std::string give(uint64_t request, work_item what, std::chrono::nanoseconds limit = {});
  std::string give(uint64_t request, work_item what, liveness_check check);

  /// Gives it a statement that may share it.
  std::string share(uint64_t request, const statement& text);

  /// Gives it for a session, number 7.
  std::string check_out(uint64_t request, const session_options& how = {});

  /// For the holder of the session.
  std::string execute(uint64_t request, const statement& text);
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

  /// What runs, or the first of what was sent, has succeeded.
  std::string ok();

  /// It has failed on the server.
  std::string fails(uint32_t number, const std::string& sqlstate = "HY000");

  /// The connection broke while it waited for the answer.
  std::string lost();

  /// The connection broke before what runs was handed over.
  std::string not_sent();

  /// The connection broke while nothing was under way.
  std::string hangs_up();

  std::string stop_confirmed() {
    return event([&] { core_.stop_confirmed(now_); });
  }
  std::string stop_failed() {
    return event([&] { core_.stop_failed(now_); });
  }

  // -- time ----------------------------------------------------------------------

  /// Lets time pass, with a tick at each moment that the connection asks for.
  std::string wait(std::chrono::nanoseconds x);

  scripted_server server;

private:
  template <class F>
  std::string event(F f) {
    f();
    core_.end_turn(now_);
    return take();
  }

  grant made(work_item what) const;
  std::string answer_comes(tl::expected<result, db::driver_error> x);
  std::string take();

  time_point now_ = time_point{} + std::chrono::hours{1};
  connection_core core_;
};

} // namespace cenote::test
