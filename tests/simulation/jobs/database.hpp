#pragma once

#include "simulation/dice.hpp"
#include "simulation/jobs/tables.hpp"

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace cenote::job_simulation {

/// What is known about a request that failed.
enum class request_failure : uint8_t {
  unavailable, ///< It was not sent.
  rolled_back, ///< It has had no effect; trying again may help.
  unknown,     ///< It may have had its effect, or may still have it.
  fenced,      ///< Its fence has stopped it.
  refused,     ///< The server refuses what stands behind the fence.
};

/// Who sends requests: a process with connections of its own. Must live as long as the run.
class client {
public:
  virtual ~client() = default;

  /// Runs an event of this process, unless it has ended; later if it is frozen.
  virtual void post(std::function<void()> event) = 0;
  /// Its connections have been bad until now, for whoever asks why it was silent.
  virtual void suffers() {}

  std::map<std::string_view, size_t> requests; ///< By what they are.
};

/// The server and the network between it and the clients: requests take their time, get lost, are blocked by others.
class database {
public:
  database(const plan& run_plan, simulation::schedule& time, tables& of_server, simulation::transcript& log);

  /// Sends a request. Exactly one of the two is called, unless the process ends before.
  template <class Answer, class Then, class Failed>
  void ask(client& from, query<Answer> what, Then then, Failed failed) {
    send(
        from, std::move(what.sent), [answer = what.answer, then]() mutable { then(*answer); }, std::move(failed));
  }

  /// A transaction in a session that a handler has: begins, and waits with what its request changes for `commit`.
  using session = std::shared_ptr<struct call>;
  void open(client& from, request what, std::function<void(const session&)> begun,
            std::function<void(request_failure)> failed);
  void commit(const session& held, std::function<void()> then, std::function<void(request_failure)> failed);

  // -- weather ----------------------------------------------------------------------------

  /// Connections of a process are cut. What was sent may still arrive, or go on.
  void cut(client& from);
  /// Connections deliver nothing any more, and nobody is told.
  void silence(client& from);
  /// The process has ended: nobody waits for answers.
  void forget(client& from);
  void restart(duration down_for);
  /// Requests take up to so long, for a while.
  void slow_down(duration most, duration span);
  void calm_down();

  bool is_down() const { return time_.now() < down_until_; }
  /// The end of its last restart; in the far past without one.
  time_point down_until() const { return down_until_; }

  size_t open_requests() const noexcept { return calls_.size(); }

private:
  using call_ptr = std::shared_ptr<call>;

  void send(client& from, request what, std::function<void()> then, std::function<void(request_failure)> failed);
  void start(const call_ptr& one);
  void try_send(const call_ptr& one);
  void arrive(const call_ptr& one);
  bool begin(const call_ptr& one);
  void execute(const call_ptr& one);
  void commit_now(const call_ptr& one);
  void leave_server(const call_ptr& one);
  void wake_blocked();
  void answer(const call_ptr& one);
  void fail(const call_ptr& one, request_failure reason, duration after);
  duration travel();
  duration statement_time(client& from);

  const plan& run_plan_;
  simulation::schedule& time_;
  tables& tables_;
  simulation::transcript& log_;
  simulation::dice random_;
  std::list<call_ptr> calls_;   ///< Not finished, for the client or for the server.
  std::list<call_ptr> blocked_; ///< Wait for locks, first come first served.
  uint32_t last_transaction_ = 0;
  time_point down_until_ = time_point::min();
  time_point slow_until_ = time_point::min();
  duration slowest_{0};
  bool is_calm_ = false;
};

} // namespace cenote::job_simulation
