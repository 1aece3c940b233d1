#pragma once

#include "simulation/simulated_pool.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cenote::simulation {

/// One request of the holder of a session, and its answer.
struct session_step {
  session_command::action action = session_command::action::execute;
  operation op = operation::read; ///< For `execute`.
  stamp mark{};
  std::string savepoint;
  duration timeout{0};
  std::optional<content> answer{}; ///< Nothing: no answer.
};

/// Claims what must be true after a session, by the answers alone, as its holder would.
void claim_effects(ledger& books, const std::vector<session_step>& steps, time_point now);

/// A session from its checkout to its end, by one holder or, after a handover, another.
class session_story {
public:
  session_story(world& world, simulated_pool& pool, caller_id holder, uint64_t seed, uint32_t row);

  /// @param then is called when it is over, with the session that was checked in, if any.
  void start(std::function<void(session_id)> then);

  /// Its first holder is about to end. The present holder ends as well.
  void holder_dies();

  /// No more answers will come: states what must be true now.
  void close_books();

private:
  void write_script();
  void checked_out(const content& answer);
  void go_on();
  void ask(size_t i);
  void answered(size_t i, const content& answer);
  void react_to(const session_step& step);
  void hand_over();
  void come_late();
  void leave();
  uint32_t row();

  world& world_;
  simulated_pool& pool_;
  caller_id first_holder_;
  caller_id holder_;
  dice random_;
  uint32_t row_;
  use_id use_;
  std::function<void(session_id)> then_;
  session_id session_{};
  duration time_limit_{0};
  time_point until_ = time_point::max(); ///< Its time limit.
  std::vector<session_step> steps_;
  size_t next_ = 0;         ///< The next step.
  size_t open_ = 0;         ///< Answers that are awaited.
  bool hurries_ = false;    ///< Does not wait for answers.
  bool hands_over_ = false; ///< In its middle.
  bool lost_ = false;       ///< It has ended, according to an answer.
  bool closed_ = false;
};

} // namespace cenote::simulation
