#pragma once

#include <cstdint>
#include <string>

namespace cenote {

/// What a job queue of this process does at this moment, and has done since it began.
struct job_queue_status {
  std::string node;             ///< Its name in `job_status`.
  bool draining = false;        ///< It claims no more jobs.
  uint64_t running = 0;         ///< Jobs that its handlers have.
  uint64_t ending = 0;          ///< Jobs whose end is being stored.
  uint64_t submitted = 0;       ///< Jobs that were stored through it.
  uint64_t claimed = 0;         ///< Attempts begun.
  uint64_t done = 0;            ///< Attempts that ended well.
  uint64_t retried = 0;         ///< Attempts that failed and are repeated.
  uint64_t discarded = 0;       ///< Jobs that failed for good.
  uint64_t snoozed = 0;         ///< Jobs that were put off.
  uint64_t lost = 0;            ///< Attempts whose end did not count: cancelled, or given to another node.
  uint64_t leases_lost = 0;     ///< How often this node was silent for too long.
  uint64_t database_errors = 0; ///< Statements of the queue's own that failed.
  std::string last_error;       ///< The last of these failures.
  bool operator==(const job_queue_status&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, job_queue_status& x) {
  return f.object(x).fields(f.field("node", x.node), f.field("draining", x.draining), f.field("running", x.running),
                            f.field("ending", x.ending), f.field("submitted", x.submitted),
                            f.field("claimed", x.claimed), f.field("done", x.done), f.field("retried", x.retried),
                            f.field("discarded", x.discarded), f.field("snoozed", x.snoozed), f.field("lost", x.lost),
                            f.field("leases-lost", x.leases_lost), f.field("database-errors", x.database_errors),
                            f.field("last-error", x.last_error));
}

} // namespace cenote
