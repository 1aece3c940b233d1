#pragma once

#include "cenote/jobs/settings.hpp"
#include "simulation/schedule.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cenote::job_simulation {

using simulation::duration;
using simulation::time_point;

/// The faults and features that may occur in a run. Each can be left out, to see whether a run fails without it.
struct ingredients {
  bool kills = true;         ///< Nodes are killed, and come back as new ones.
  bool freezes = true;       ///< Nodes do nothing for longer than their lease, and go on.
  bool cuts = true;          ///< Connections are cut: what was sent may or may not take effect, even later.
  bool silences = true;      ///< A connection delivers nothing any more, and nobody is told.
  bool restarts = true;      ///< The server restarts, or is down.
  bool slowness = true;      ///< Some statements take long.
  bool drains = true;        ///< Nodes end in an orderly way.
  bool lost_notices = true;  ///< What nodes tell each other gets lost.
  bool handler_ends = true;  ///< A handler ends, and comes back.
  bool failures = true;      ///< Handlers fail, hang, put off, discard, ask for effects that are refused.
  bool poison = true;        ///< Jobs that kill their process.
  bool sessions = true;      ///< Handlers store the end themselves.
  bool chains = true;        ///< Effects enqueue further jobs.
  bool delays = true;        ///< Jobs have a time or a delay.
  bool unique_keys = true;   ///< Jobs have unique keys.
  bool batches = true;       ///< Jobs of a batch have a follower.
  bool limits = true;        ///< Queues have limits over all nodes.
  bool strangers = true;     ///< Some nodes do not know of the limits.
  bool some_kinds = true;    ///< Nodes have handlers for some kinds only.
  bool cancellations = true; ///< Jobs are cancelled, or done again.
  bool pauses = true;        ///< Queues are paused and resumed.
  bool periodic = true;      ///< There are periodic jobs.
  bool wrong_clocks = true;  ///< Clocks of nodes are an hour wrong.
};

/// Everything about a run that is decided before it begins.
struct plan {
  explicit plan(uint64_t seed);

  uint64_t seed;
  ingredients with;

  size_t callers = 1;
  uint64_t absent = 0; ///< The callers that are left out, one bit for each.
  size_t rounds = 1;   ///< Of each caller, one after the other.
  duration think_time{0};

  size_t nodes = 1;
  size_t queues = 1;
  size_t kinds = 1;
  size_t periodic_jobs = 0;
  size_t wave = 0; ///< Jobs that are submitted when all is calm.
  bool nodes_tell_each_other = true;
  duration storm{0};        ///< How long things go wrong, at least.
  duration forget_after{0}; ///< A node that has been silent for so long is forgotten.
  job_settings rules;       ///< Of all nodes. Their `queues` have the limits that all know but strangers.

  duration work_time{0};     ///< Of handlers, at most.
  duration network_delay{0}; ///< One way, usually.
  duration statement_time{0};
  duration mail_delay{0};   ///< Between two actors, at most.
  duration pool_timeout{0}; ///< How long a request waits for a server that is down.
  duration lock_wait_timeout{0};
  duration fault_gap{0}; ///< Between two faults, about; zero: no faults at all.

  /// One line.
  std::string describe() const;
};

/// The name of an ingredient, and its member.
struct ingredient {
  const char* name;
  bool ingredients::*member;
};
const std::vector<ingredient>& all_ingredients();

/// Names of queues and kinds.
std::string name_of_queue(size_t queue);
std::string name_of_kind(size_t kind);
size_t kind_named(const std::string& name);

} // namespace cenote::job_simulation
