#pragma once

#include "cenote/failure.hpp"
#include "types/connection_id.hpp"

#include <cstdint>
#include <string_view>

namespace cenote::pool {

/// How far the work had got when an error was observed.
enum class stage : uint8_t {
  connecting, ///< No session yet.
  setting_up, ///< Logged in: one of the statements that bring a new session into its state, `init_command` included.
  unsent,     ///< The server cannot have run the statement.
  sent,       ///< It may have run it.
  committing, ///< It was a COMMIT, and has been sent.
};

/// The lasting effects of a statement that the server answered with an error.
enum class partial_effect : uint8_t {
  none,    ///< Nothing: the server undoes it as a whole, as far as the tables have transactions.
  at_end,  ///< It is one transaction, which it commits at its end: an error is either from before the COMMIT or of it.
  objects, ///< It changes several objects one after the other: some may have been changed.
  any,     ///< It runs statements of its own, which may have been committed: its error may be the error of the last.
};

/// An error as the server or Connector/C reported it.
struct observed_error {
  uint32_t number = 0;
  pool::stage stage = pool::stage::sent;
  std::string_view text{};     ///< Examined only where one number means two things (1290, 2026).
  bool is_mariadb = true;      ///< Some numbers mean something else on MySQL. While connecting it does not matter.
  std::string_view sqlstate{}; ///< Classifies the numbers that the table does not know.
};

/// What an error means.
struct classification {
  errc code = errc::server_error; ///< Its class. Of a failed connect it also determines what the pool does.
  /// Of the statement, or of the whole transaction if it was a COMMIT.
  cenote::outcome outcome = cenote::outcome::rejected;
  /// How the connection is released; `lost` and `demoted` end others, too.
  disposition connection = disposition::reusable;
  bool operator==(const classification&) const = default;
};

/// The one place that knows error numbers. An unknown number is classified by its sqlstate: lost connections (08),
/// refused logins (28, and 42 while connecting), rollbacks (40), read-only transactions (25006), interruptions (70100),
/// a lack of resources (53); any other is an ordinary refusal by the server.
/// @param kept what the statement may have done before it failed.
classification classify(const observed_error& x, partial_effect kept = partial_effect::none);

/// "Query execution was interrupted": a statement was stopped.
constexpr uint32_t query_interrupted = 1317;

/// Whether the error shows by itself that the statement has not begun: the server could not make sense of it, or
/// refused it for lack of a privilege. Not for statements that run others.
bool never_began(const observed_error& error);

} // namespace cenote::pool
