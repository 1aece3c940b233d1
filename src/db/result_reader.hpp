#pragma once

// Private to src/db: a header that includes mysql.h.

#include "cenote/result.hpp"
#include "db/binary_row.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <mysql.h>

namespace cenote::db {

/// Collects the results of one statement, row by row, and counts what they hold against a limit.
class result_reader {
public:
  /// Starts again.
  /// @param max_bytes the most that all results together may hold.
  /// @param each whether the limit applies to each of them alone.
  void start(uint64_t max_bytes, bool each = false);

  /// A result set begins.
  /// @returns false if it would exceed the limit, like `add`.
  bool begin_rows(shared_columns columns);

  /// Adds a row.
  /// @returns false if it would exceed the limit; then the result is unusable.
  bool add(MYSQL_ROW cells, const unsigned long* lengths);

  /// Adds a row of the binary protocol.
  /// @returns false if it is malformed; then the result is unusable, as it is beyond the limit.
  bool add_binary(std::span<const binary_format> columns, std::string_view packet);

  bool is_within_limit() noexcept { return held() <= max_bytes_; }

  /// The result set is complete.
  void end_rows(uint16_t warnings);

  /// The statement changed something, or a `CALL` has ended.
  void effects(uint64_t affected_rows, uint64_t last_insert_id, uint16_t warnings);

  /// Number of result sets that have arrived completely.
  size_t complete_sets() const noexcept { return ended_sets_; }

  /// Bytes of the last row that was added.
  size_t last_row() const noexcept { return last_row_; }

  /// The first result set with all others in its `more()`, and the effects.
  result finish();

private:
  result_builder& current() noexcept { return sets_ > 1 ? further_ : first_; }

  /// Bytes that count against the limit.
  uint64_t held() noexcept { return each_ ? current().size() : complete_ + first_.size() + further_.size(); }

  result_builder first_;
  result_builder further_;
  size_t sets_ = 0;
  size_t ended_sets_ = 0;
  size_t columns_ = 0;
  uint64_t max_bytes_ = 0;
  bool each_ = false;
  uint64_t complete_ = 0; ///< Bytes held by the further results that are complete.
  size_t last_row_ = 0;
};

/// The columns of a result set, as the server describes them.
shared_columns columns_of(const MYSQL_FIELD* fields, unsigned count);

/// How the values of a column are represented.
column_type type_of(const MYSQL_FIELD& field) noexcept;

/// How they are sent in the binary protocol.
binary_format format_of(const MYSQL_FIELD& field) noexcept;

} // namespace cenote::db
