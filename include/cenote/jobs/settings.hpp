#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cenote {

/// What limits the jobs of one kind in a queue, over all nodes together.
struct job_limit {
  std::string kind;         ///< See `job::kind`. Empty: the queue as a whole.
  uint32_t max_running = 0; ///< How many may run at the same time. Zero: no limit.
  double per_second = 0;    ///< How many may begin per second on average, ten at once at most. Zero: no limit.
  bool operator==(const job_limit&) const = default;
};

/// A queue that a node works on.
struct job_queue_settings {
  std::string name = "default"; ///< See `job::queue`.
  uint32_t max_running = 10;    ///< How many of its jobs run on this node at the same time. From 1 to 10000.
  /// For all nodes together. They are stored in the database; those of the node that began last count.
  std::vector<job_limit> limits;
  bool operator==(const job_queue_settings&) const = default;
};

/// How a node works with jobs.
struct job_settings {
  std::string node; ///< For people: the node's name in `job_status`. Empty: the host's name and the process's id.

  std::vector<job_queue_settings> queues{job_queue_settings{}}; ///< None: it only submits.

  /// How long a node may be silent before its jobs are given to others. Renewed every third of it. From 1 s to 1 h.
  std::chrono::nanoseconds lease{std::chrono::seconds{15}};

  /// Pause between two looks for jobs of other nodes; it grows to `poll_longest` while there are none. From 10 ms.
  std::chrono::nanoseconds poll{std::chrono::seconds{1}};
  std::chrono::nanoseconds poll_longest{std::chrono::seconds{5}}; ///< At least `poll`, at most 1 h.

  /// Whether this node gives the jobs of silent nodes to others, fires periodic jobs and removes old ones. One node
  /// that does so is enough, several share it.
  bool housekeeping = true;
  std::chrono::nanoseconds keep_done{std::chrono::hours{24}};        ///< Then a job that is done is removed.
  std::chrono::nanoseconds keep_failed{std::chrono::hours{24 * 14}}; ///< The same for discarded and cancelled ones.

  bool operator==(const job_settings&) const = default;
};

/// Checks ranges. @throws configuration_error naming the setting.
void check(const job_settings& settings);

} // namespace cenote
