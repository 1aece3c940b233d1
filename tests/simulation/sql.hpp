#pragma once

#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"
#include "simulation/stamps.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cenote::simulation {

/// The statements that the model of a server understands: those of callers, which carry their stamp and name a row, and
/// those that cenote sends by itself.
enum class operation : uint8_t {
  // of callers
  read,
  lock,         ///< SELECT ... FOR UPDATE
  set,          ///< May be done twice.
  add,          ///< Must not be done twice.
  insert,       ///< The row's key is the stamp.
  insert_key,   ///< The key is given: there may be one.
  note,         ///< Writes to a table without transactions.
  set_variable, ///< Changes the session, and so do the next two.
  set_mode,
  touch,   ///< By way of a function.
  restart, ///< A procedure that writes, commits, and begins another transaction.
  define,  ///< Commits what is open.
  wrong,   ///< Is refused, as is the next.
  odd,     ///< ... with an error that may be the session's.
  invalid, ///< Is refused before it is sent.

  // of cenote
  begin,
  begin_read_only,
  set_isolation,
  commit,
  rollback,
  savepoint,
  rollback_to,
  release,
  nothing, ///< DO 0
  show_warnings,
  ask_tables,
  ask_functions,
  unknown, ///< Nothing that the model knows.
};

/// One statement, as the server reads it.
struct command {
  operation op = operation::unknown;
  stamp mark{};
  uint32_t row = 0;
  std::string name; ///< Of a savepoint.
};

/// For transcripts.
std::string to_string(const command& command);

/// The text of a statement of a caller.
statement statement_for(operation op, stamp mark, uint32_t row);

command parse(const statement& query);

/// Whether it changes rows.
bool is_write(operation op);

/// Whether it comes from a caller.
bool has_stamp(operation op);

} // namespace cenote::simulation
