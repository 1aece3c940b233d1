#pragma once

#include "cenote/settings.hpp"
#include "simulation/schedule.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cenote::simulation {

/// The faults and actions that may occur in a run. Each can be left out, to see whether a run fails without it.
struct ingredients {
  bool cuts = true;         ///< Connections are cut, at any moment.
  bool silences = true;     ///< The network delivers nothing for a long time.
  bool congestion = true;   ///< The network accepts only part of the data.
  bool restarts = true;     ///< The server restarts, or is down.
  bool demotions = true;    ///< The server becomes read-only.
  bool refusals = true;     ///< The server is full, or refuses the login.
  bool kills = true;        ///< A third party stops statements and ends sessions on the server.
  bool freezes = true;      ///< The server freezes.
  bool slowness = true;     ///< Some statements take long.
  bool collisions = true;   ///< Callers use the same rows.
  bool errors = true;       ///< Statements that the server refuses, resets that fail.
  bool time_limits = true;  ///< Requests have time limits.
  bool deaths = true;       ///< Callers end without a word.
  bool latecomers = true;   ///< Callers use sessions that have ended.
  bool sessions = true;     ///< Callers check out sessions.
  bool transactions = true; ///< Callers send whole transactions.
  bool retries = true;      ///< Requests go through a retrier.
  bool operators = true;    ///< Operators dispose, pause and resume.
  bool early_drain = true;  ///< The drain begins while callers are at work.
  bool lost_stops = true;   ///< The server cannot always be told to stop a statement.
};

/// Everything about a run that is decided before it begins.
struct plan {
  explicit plan(uint64_t seed);

  uint64_t seed;
  ingredients with;

  size_t callers = 1;
  uint64_t absent = 0; ///< The callers that are left out, one bit for each.
  size_t rounds = 1;   ///< Rounds of each caller, one after the other.
  size_t rows = 1;     ///< Rows that they use: with few they collide often.
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

/// The name of an ingredient, and its member.
struct ingredient {
  const char* name;
  bool ingredients::*member;
};
const std::vector<ingredient>& all_ingredients();

} // namespace cenote::simulation
