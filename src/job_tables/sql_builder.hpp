#pragma once

// Private to src/job_tables: building statements of varying length.

#include "cenote/jobs/job.hpp"
#include "cenote/statement.hpp"
#include "types/printable.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cenote::job_tables {

/// As the tables store it.
inline value id_value(const job_id& id) {
  return bytes{std::string{reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}};
}

/// As the tables store it.
constexpr int64_t code_of(job_state state) noexcept {
  return static_cast<int64_t>(state);
}

/// Any text, as a line of valid UTF-8 that fits into its column.
inline std::string stored_text(std::string_view text) {
  return show_within(text, 2000).text;
}

/// A statement that stops its transaction with `fence_error` unless there is such a row. In every SQL mode, a subquery
/// with two rows is an error where one value is wanted.
/// @param row a table, a condition, and how the row is locked.
template <class... Ts>
statement stop_unless_exists(std::string_view row, Ts&&... params) {
  return read("SELECT (SELECT 1 UNION ALL SELECT 1 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM " + std::string{row}
                  + "))",
              std::forward<Ts>(params)...);
}

/// A statement that grows.
class sql_builder {
public:
  explicit sql_builder(statement_kind kind) { built_.kind = kind; }

  /// Appends text, and the parameters for its `?` placeholders.
  template <class... Ts>
  sql_builder& add(std::string_view text, Ts&&... params) {
    built_.sql += text;
    (built_.params.push_back(to_value(std::forward<Ts>(params))), ...);
    return *this;
  }

  /// Appends what `write` appends for each element, with `separator` between.
  template <class Range, class F>
  sql_builder& add_each(const Range& range, std::string_view separator, F write) {
    auto between = std::string_view{};
    for (auto& element : range) {
      add(std::exchange(between, separator));
      write(element);
    }
    return *this;
  }

  /// Appends the ids of a list, with commas between.
  sql_builder& add_ids(std::span<const job_id> ids) {
    return add_each(ids, ", ", [this](const job_id& id) { add("?", id_value(id)); });
  }

  statement finish() && { return std::move(built_); }

private:
  statement built_;
};

} // namespace cenote::job_tables
