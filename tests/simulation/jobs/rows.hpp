#pragma once

#include "cenote/jobs/job.hpp"
#include "cenote/jobs/periodic.hpp"
#include "jobs/attempt_end.hpp"
#include "simulation/jobs/plan.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cenote::job_simulation {

// What the model of the tables stores, and what the statements of `job_tables` take and give. Columns that no rule
// depends on are left out.

/// A job. Zero: none.
enum class job_no : uint32_t {};

/// A node as the tables name it. Zero: none.
enum class node_name : uint32_t {};

/// Moments of the server's clock, in microseconds.
using server_micros = int64_t;

/// A job as it is submitted.
struct job_terms {
  job_no id{};
  size_t queue = 0;
  size_t kind = 0;
  int32_t priority = 0;
  duration delay{0};
  std::optional<server_micros> run_at;
  uint32_t max_attempts = 1;
  job_backoff backoff;
  duration time_limit{0};
  uint32_t key = 0; ///< Unique key; zero: none.
  unique_scope scope = unique_scope::waiting_or_running;
  duration unique_for{0};
  unsigned depth = 0;       ///< Of a chain.
  bool is_poison = false;   ///< Kills its process each time.
  uint32_t schedule = 0;    ///< The periodic job that it comes from; zero: none.
  bool is_follower = false; ///< Of a batch.
};

struct job_row {
  job_terms terms;
  job_state state = job_state::waiting;
  int64_t place = 0;
  uint32_t attempt = 0;
  uint32_t max_attempts = 1;
  uint32_t key = 0; ///< While it is held.
  server_micros unique_until = 0;
  server_micros run_at = 0;
  server_micros started_at = 0;
  server_micros ended_at = 0;
  node_name node{};
  job_no batch{}; ///< Named by its follower.
};

struct attempt_key {
  job_no id{};
  uint32_t attempt = 0;
  auto operator<=>(const attempt_key&) const = default;
};

struct claim_order {
  size_t queue = 0;
  std::vector<size_t> kinds;
  size_t count = 1;
  int64_t number = 0;
  node_name node{};
  bool some_are_due = false;
};

struct claimed_job {
  attempt_key key;
  job_terms terms;
  uint32_t max_attempts = 1;
  job_no batch{};
};

struct outlook {
  bool waits = false;
  std::optional<duration> due_in;
  bool paused = false;
  bool has_limits = false;
};

struct state_of_job {
  job_no id{};
  job_state state = job_state::waiting;
  uint32_t attempt = 0;
};

struct abandoned_job {
  attempt_key key;
  uint32_t max_attempts = 1;
  job_backoff backoff;
  job_no batch{};
  node_name node{};
};

struct limit_row {
  size_t queue = 0;
  std::string kind; ///< Empty: the queue as a whole.
  bool paused = false;
  uint32_t max_running = 0;
  double per_second = 0;
  int64_t next_at = 0;
  uint64_t version = 0;
};

/// What is read before a claim within limits.
struct limits_seen {
  std::vector<limit_row> rows;
  std::vector<std::pair<size_t, uint64_t>> running; ///< By kind.
  server_micros now = 0;
};

struct periodic_row {
  uint32_t number = 0;
  schedule when;
  duration interval{0}; ///< The same, as the books have it.
  missed_times missed = missed_times::run_once;
  job_terms work;
  server_micros next_at = 0;
  server_micros stored_at = 0;
};

struct due_periodic_job {
  periodic_row row;
  server_micros now = 0;
};

/// What a handler wants to be committed with the end of its attempt.
struct effects {
  bool counts = false;              ///< One effect, which the books count.
  std::vector<job_terms> follow_up; ///< Jobs that it enqueues.
  bool is_refused = false;          ///< The server refuses them.
  bool empty() const noexcept { return !counts && follow_up.empty() && !is_refused; }
};

// -- requests ----------------------------------------------------------------------

/// Identifies a transaction of the server.
enum class transaction_no : uint32_t {};

/// Whether a transaction can go on.
enum class readiness : uint8_t {
  ready,
  blocked, ///< Others have locked what it needs.
  stopped, ///< By its fence.
};

/// Statements that are sent together.
struct request {
  const char* what = "";
  duration limit{0}; ///< Zero: none of its own.
  /// When they begin: locks all that they will change, or nothing. May be empty.
  std::function<readiness(transaction_no)> prepare;
  /// Their effects, at the moment of the commit.
  std::function<void()> apply;
  bool is_refused = false; ///< The server refuses one of them, behind the fence.
};

/// A request, and where its answer will be.
template <class Answer>
struct query {
  request sent;
  std::shared_ptr<Answer> answer = std::make_shared<Answer>();
};

} // namespace cenote::job_simulation
