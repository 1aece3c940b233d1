#pragma once

#include "actors/connection_factory.hpp"
#include "support/virtual_time.hpp"

#include <functional>

namespace cenote::test {

/// Connections under the control of a test: when they open, what they do with a statement, when they are free again.
/// They are named by plain numbers, as the pool counts them.
class scripted_connections {
public:
  explicit scripted_connections(virtual_time& time);

  /// The factory for a pool.
  std::unique_ptr<connection_factory> factory();

  /// Messages to connections since the last call, in order: `open 1, run a on 1 (peek), ping 1, close 1`.
  std::string heard();

  /// The grant that connection `id` got last.
  const grant& granted(uint64_t id) const;

  // -- connects --------------------------------------------------------------------

  void succeed(uint64_t id);
  void refuse(uint64_t id, errc code = errc::connect_failed, const std::string& text = "no server");

  /// The next so many attempts to begin a connect throw, as for want of memory.
  void throw_at_open(size_t times);

  /// The next question where the connections lead throws.
  void throw_at_endpoint();

  // -- what a connection does with a statement ---------------------------------------

  /// Answers and is free.
  void answer(uint64_t id, result reply = {});

  /// Answers with an error; `after` is reported to the pool.
  void answer(uint64_t id, failure reason, disposition after = disposition::reusable);

  /// Gives the answer, but does not say that it is free.
  void only_answer(uint64_t id, result reply = {});

  /// Found itself dead before anything was sent.
  void hand_back(uint64_t id, const std::string& reason = "the server had closed the connection");

  /// Gave itself up after it had sent the statement, which does no harm if it runs twice.
  void hand_back_in_doubt(uint64_t id);

  // -- and otherwise -----------------------------------------------------------------

  /// Reports the end of a ping, or of an idle connection.
  void report(uint64_t id, disposition after, const std::string& reason = {});

  /// The actor ends without a word.
  void die(uint64_t id);

  /// From now on connections do not end when they are told to close.
  void close_slowly();

private:
  struct seat;
  struct shared;
  struct state;
  class factory_impl;

  seat& at(uint64_t id) const;
  void act(uint64_t id, std::function<void(seat&)> action);

  virtual_time& time_;
  std::shared_ptr<shared> shared_;
};

} // namespace cenote::test
