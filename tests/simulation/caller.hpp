#pragma once

#include "simulation/retrier.hpp"
#include "simulation/session_story.hpp"
#include "simulation/simulated_pool.hpp"

#include <memory>
#include <vector>

namespace cenote::simulation {

/// One who uses the pool: does one thing after the other, each at random, and keeps account of what came of it. If it
/// ends, a new one takes its place.
class caller {
public:
  caller(world& all, simulated_pool& pool, retrier& retries, size_t number);

  void start();
  bool is_done() const noexcept { return done_; }

  /// Nothing more will come: says what must be true now.
  void close_books();

private:
  void next_round();
  void round_ends();

  void several_statements();
  void one_statement(operation what);
  void ask(operation what);
  void whole_transaction();
  void verify();
  void use_session();
  void come_late();
  void die_soon();

  void told(operation what, stamp mark, const content& x);
  void told(const std::vector<stamp>& marks, bool restarts, const content& x);
  void awaited() { ++open_; }
  void one_done();
  uint32_t row();

  world& all_;
  simulated_pool& pool_;
  retrier& retries_;
  size_t number_;
  dice random_;
  caller_id id_{};
  uint64_t incarnation_ = 0;
  size_t rounds_ = 0;
  size_t open_ = 0; ///< What this round still waits for.
  bool done_ = false;
  std::vector<std::unique_ptr<session_story>> stories_;
  std::vector<session_id> old_sessions_;
};

/// A time limit as callers have them: usually none, sometimes very short, over, or as long as can be said.
duration random_limit(const world& all, dice& random);

/// Whether the answer is that to the statement.
bool carries(const result& x, stamp mark);

/// Objects if not.
void check_answer(world& all, const result& x, stamp mark);

/// Whether what it has done can be seen afterwards.
bool leaves_effect(operation x);

} // namespace cenote::simulation
