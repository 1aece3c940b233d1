#pragma once

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "pool/budget.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace cenote {

/// The statements by which pools share a budget through a table. One row for each pool; the row with the empty id
/// exists from the beginning, and whoever holds its lock has the turn. All times are those of the server, in UTC,
/// because sessions may have different time zones.
class budget_table {
public:
  /// @param name `table` or `schema.table`.
  /// @throws configuration_error if it is neither.
  explicit budget_table(std::string_view name);

  const std::string& name() const noexcept { return name_; }

  /// Creates the table if it is missing.
  statement create() const;

  /// Nobody waits for long for a lock in this session.
  static statement set_up();

  /// Begins the turn and reads all rows.
  statement lock_and_read() const;

  /// Begins the time in which all have to write their rows, and nobody may grow. It is in the row with the empty id,
  /// which is added if it is missing.
  statement rest(std::chrono::nanoseconds lease) const;

  /// Writes a pool's row, which holds for this time from now on.
  statement write(const pool::budget_row& row, const std::string& pool, const std::string& process,
                  std::chrono::nanoseconds lease) const;

  /// Removes the rows whose time is up.
  statement remove_expired() const;

  /// Removes a row, in one text.
  std::string remove(const std::string& id) const;

private:
  std::string name_; ///< Quoted.
};

/// What `lock_and_read` has found.
struct budget_rows {
  std::vector<pool::budget_row> others; ///< Those whose time is not up.
  bool has_first = false;               ///< The row with the empty id exists.
  bool settled = false;                 ///< It has existed for long enough.
  bool expired = false;                 ///< There are rows whose time is up.
};

/// @param own the id of the pool's own row.
/// @throws std::exception if this is not such a table.
budget_rows read_budget_rows(const result& answer, std::string_view own);

} // namespace cenote
