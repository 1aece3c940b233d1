#pragma once

#include "simulation/retrier.hpp"
#include "simulation/session_story.hpp"
#include "simulation/simulated_pool.hpp"

#include <memory>
#include <vector>

namespace cenote::simulation {

/// A user of the pool: makes random requests, one round after the other, and keeps account of the answers. If it ends,
/// a new one takes its place.
class caller {
public:
  caller(world& world, simulated_pool& pool, retrier& retries, size_t number);

  void start();
  bool is_done() const noexcept { return done_; }

  /// No more answers will come: states what must be true now.
  void close_books();

private:
  void next_round();
  void round_ends();

  void several_statements();
  void one_statement(operation op);
  void ask(operation op);
  void whole_transaction();
  void verify();
  void use_session();
  void come_late();
  void die_soon();

  void told(operation op, stamp mark, const content& answer);
  void told(const std::vector<stamp>& marks, bool restarts, const content& answer);
  void awaited() { ++open_; }
  void one_done();
  uint32_t row();

  world& world_;
  simulated_pool& pool_;
  retrier& retries_;
  size_t number_;
  dice random_;
  caller_id id_{};
  uint64_t incarnation_ = 0;
  size_t rounds_ = 0;
  size_t open_ = 0; ///< Answers that this round still waits for.
  bool done_ = false;
  std::vector<std::unique_ptr<session_story>> stories_;
  std::vector<session_id> old_sessions_;
};

/// A caller's time limit: usually none, sometimes very short, in the past, or the longest possible.
duration random_limit(const world& world, dice& random);

/// Whether the answer belongs to the statement.
bool carries(const result& answer, stamp mark);

/// Objects if it does not.
void check_answer(world& world, const result& answer, stamp mark);

/// Whether its effect can be seen afterwards.
bool leaves_effect(operation op);

} // namespace cenote::simulation
