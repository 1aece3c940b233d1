#pragma once

#include "http/client.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::app {

/// A part of what `cenote top` shows, or in a few words why it cannot be shown.
template <class T>
using top_part = tl::expected<T, std::string>;

/// Counts that the program refreshes every few seconds.
struct top_history {
  /// Quantiles, in seconds; empty: nothing happened that could be measured.
  struct quantiles {
    std::optional<double> p50;
    std::optional<double> p99;
  };
  double closing = 0; ///< Connections.
  double statements_per_second = 0;
  std::string no_times; ///< Why quantiles and retries are not known; empty: they are.
  quantiles wait;
  quantiles statement;
  double span = 0;                             ///< Seconds that the errors and retries below are from.
  std::map<std::string, double> errors;        ///< By code; those of connects after `connect: `.
  std::map<std::string, double> retries;       ///< By cause.
  std::map<std::string, std::string> breakers; ///< Their states by server.
};

/// A session, or a statement that runs.
struct top_session {
  std::string id;
  std::string connection;
  std::string owner;
  double age = 0; ///< Seconds.
  bool in_transaction = false;
  std::string last_statement;
  std::optional<double> running; ///< Seconds; empty: none runs.
};

struct top_running {
  std::string connection;
  std::string server_connection_id;
  std::string server;
  std::string state;
  std::string statement;
  double running = 0; ///< Seconds.
};

struct top_statement {
  std::string digest;
  double calls = 0;
  double errors = 0;
  double rows = 0;
  double total = 0; ///< Seconds, as the following ones.
  double mean = 0;
  double p99 = 0;
  double max = 0;
};

/// A client of the pool node.
struct top_client {
  std::string name;
  std::string address;
  double connected = 0; ///< Seconds.
  double in_flight = 0;
  double waiting = 0;
  double sessions = 0;
  double answered = 0;
  double failed = 0;
};

struct top_node {
  std::string address;
  bool tls = false;
  bool draining = false;
  double turned_away = 0;
  double lost = 0;
  std::vector<top_client> clients; ///< Those with the most work at it first.
};

struct top_event {
  double at = 0; ///< Unix time in seconds.
  std::string text;
};

/// All that `cenote top` shows. Texts are as the program sent them: not yet safe for a terminal.
struct top_view {
  double at = 0;                     ///< When it was asked for: Unix time in seconds.
  std::string url;                   ///< Who was asked.
  std::string problem;               ///< Why there is nothing to show but this; empty: there is.
  std::string state;                 ///< `serving`, `degraded`, `down`, ...; `unreachable` if there is a problem.
  std::optional<double> state_since; ///< Unix time in seconds; empty: not known.
  std::vector<std::string> state_reasons;
  std::string version;
  std::string pool;
  std::string endpoint;
  std::string breaker;
  double in_use = 0;
  double idle = 0;
  double connecting = 0;
  double limit = 0;
  double waiting = 0;
  double in_flight = 0;
  top_part<top_history> history;
  top_part<std::vector<top_session>> sessions;     ///< The oldest first.
  top_part<std::vector<top_running>> running;      ///< Connections on which a statement runs; the longest first.
  top_part<std::vector<top_statement>> statements; ///< The costliest first.
  top_part<std::vector<top_event>> events;         ///< The newest first.
  std::optional<top_node> node;                    ///< Empty: the pool is not published, or that is not told.
};

/// What the program has answered.
struct top_answers {
  http::fetched status;
  http::fetched history; ///< Two samples.
  http::fetched sessions;
  http::fetched connections;
  http::fetched statements;
  http::fetched events;
};

/// Understands answers, whatever they are: what is missing or of the wrong kind counts as empty or zero.
top_view read_answers(const top_answers& answers);

} // namespace cenote::app
