#pragma once

#include "cenote/settings.hpp"
#include "simulation/schedule.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cenote::simulation {

/// What may go wrong in a run, and what may be done in it. Each can be left out, to see whether a run fails without it.
struct ingredients {
  bool cuts = true;         ///< Connections are cut, at whatever moment.
  bool silences = true;     ///< The network says nothing for long.
  bool congestion = true;   ///< The network takes only part of what is sent.
  bool restarts = true;     ///< The server restarts, or is away.
  bool demotions = true;    ///< The server becomes read-only.
  bool refusals = true;     ///< The server is full, or refuses the login.
  bool kills = true;        ///< Somebody stops statements and ends sessions at the server.
  bool freezes = true;      ///< The server stands still.
  bool slowness = true;     ///< Some statements take long.
  bool collisions = true;   ///< Callers want the same rows.
  bool errors = true;       ///< Statements that the server refuses, resets that fail.
  bool time_limits = true;  ///< Requests have time limits.
  bool deaths = true;       ///< Callers end without a word.
  bool latecomers = true;   ///< Callers come with old sessions.
  bool sessions = true;     ///< Callers check out sessions.
  bool transactions = true; ///< Callers send whole transactions.
  bool retries = true;      ///< Requests go through a retrier.
  bool operators = true;    ///< Somebody disposes, pauses and resumes.
  bool early_drain = true;  ///< The drain begins while callers are at work.
  bool lost_stops = true;   ///< The server cannot always be told to stop a statement.
};

/// Everything about a run that is decided before it begins.
struct plan {
  explicit plan(uint64_t seed);

  uint64_t seed;
  ingredients with;

  size_t callers = 1;
  uint64_t absent = 0; ///< The callers that do not come, one bit for each.
  size_t rounds = 1;   ///< What each caller does, one after the other.
  size_t rows = 1;     ///< Over which they spread: few collide often.
  size_t servers = 1;
  bool is_mariadb = true;
  duration think_time{0}; ///< Between two rounds, at most.

  duration network_delay{0};     ///< One way, usually.
  duration statement_time{0};    ///< Of the server, usually.
  duration mail_delay{0};        ///< Between two actors, at most.
  duration lock_wait_timeout{0}; ///< Of the server.
  duration wait_timeout{0};      ///< Of the server: an idle session ends.
  duration connect_timeout{0};   ///< Of the pool, also for pings, resets and stops.
  uint64_t fault_gap = 0;        ///< Microseconds between two faults, about; zero: no faults at all.

  pool_settings rules;
  retry_settings retry;

  /// One line.
  std::string describe() const;
};

/// The names of the ingredients, and where they are.
struct ingredient {
  const char* name;
  bool ingredients::*member;
};
const std::vector<ingredient>& all_ingredients();

} // namespace cenote::simulation
