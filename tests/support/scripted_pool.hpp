#pragma once

#include "support/virtual_time.hpp"

#include <functional>

namespace cenote::test {

/// A pool under the control of a test: what it answers, and when.
class scripted_pool {
public:
  explicit scripted_pool(virtual_time& time);

  const pool_actor& handle() const { return handle_; }

  /// The messages that came since the last call, in order: `execute a, drain 5 s`. Statements show their SQL.
  std::string heard();

  /// The statement that came last.
  const statement& last() const;

  /// Requests to execute that wait for their answer.
  size_t open() const;

  /// @name Answers
  /// They go to the request that waits longest.
  /// @{
  void answer(result reply = {});
  void answer(failure reason);
  /// @}

  /// Ends the pool as a drain does: all waiting requests are refused, and in the same moment it is gone.
  void end();

  /// Ends it without a word.
  void crash();

private:
  struct shared;
  struct state;

  void act(std::function<void(shared&)> action);

  virtual_time& time_;
  std::shared_ptr<shared> shared_;
  pool_actor handle_;
};

} // namespace cenote::test
