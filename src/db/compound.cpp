#include "db/compound.hpp"

#include "db/statement_text.hpp"
#include "types/first_word.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace cenote::db {

namespace {

bool gives_rows(const statement& query) {
  return detail::first_word(query.sql) == "SELECT";
}

/// Reads a number whatever the column's type: a proxy may have changed that.
template <class T>
bool read_number(std::string_view text, T& out) {
  auto end = text.data() + text.size();
  auto [ptr, ec] = std::from_chars(text.data(), end, out);
  return ec == std::errc{} && ptr == end;
}

bool may_create_ids(const statement& query) {
  auto word = detail::first_word(query.sql);
  return word == "INSERT" || word == "REPLACE";
}

/// The variable that keeps the warning count of a statement. No statement names a column like that.
std::string warnings_of(size_t statement) {
  return "`cenote: warnings of " + std::to_string(statement) + "`";
}

/// The protocol has 16 bits for a count of warnings.
uint16_t warning_count(uint64_t count) {
  return static_cast<uint16_t>(std::min<uint64_t>(count, UINT16_MAX));
}

/// The same rows, which rarely have warnings.
result with_warnings(const result& rows, uint16_t warnings) {
  result_builder builder;
  builder.columns(rows.columns());
  for (auto row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (row.is_null(i))
        builder.add_null();
      else
        builder.add(row.text(i));
    }
  }
  builder.effects(0, 0, warnings);
  return builder.finish();
}

} // namespace

std::optional<std::string> write_compound(std::string& out, const transaction& request,
                                          const MARIADB_CHARSET_INFO& charset) {
  std::string part_text;
  // No handler that rolls back: a statement that is killed does not reach it, and one that fails in the middle of its
  // rows would look complete.
  std::string all = "BEGIN NOT ATOMIC ";
  auto rows = which_give_rows(request);
  auto any_rows = std::ranges::find(rows, true) != rows.end();
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i])
      all += "DECLARE " + warnings_of(i) + " INT DEFAULT 0; ";
  if (auto level = to_string(request.options.level); !level.empty())
    all += "SET TRANSACTION ISOLATION LEVEL " + level + "; ";
  all += request.options.read_only ? "START TRANSACTION READ ONLY; " : "START TRANSACTION; ";
  for (size_t i = 0; i < request.statements.size(); ++i) {
    auto& part = request.statements[i];
    if (auto problem = fill_in(part_text, part, charset))
      return "statement " + std::to_string(i) + ": " + *problem;
    // Otherwise a SELECT without a table would report the warnings of an earlier statement: it does not reset the
    // count.
    if (rows[i] && i > 0)
      all += "IF @@warning_count > 0 THEN DO (SELECT 1 FROM (SELECT 1) x); END IF; ";
    // Otherwise an INSERT that creates no id would report that of an earlier one.
    if (may_create_ids(part))
      all += "DO LAST_INSERT_ID(0); ";
    all += part_text;
    all += "; ";
    if (rows[i])
      all += "SET " + warnings_of(i) + " = @@warning_count; ";
    else
      all +=
          "SELECT ROW_COUNT(), " + std::string{may_create_ids(part) ? "LAST_INSERT_ID()" : "0"} + ", @@warning_count; ";
  }
  // Rows carry no warning count while a compound statement runs: all counts follow.
  if (any_rows) {
    auto separator = "SELECT ";
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i])
        all += std::exchange(separator, ", ") + warnings_of(i);
    }
    all += "; ";
  }
  all += "COMMIT; END";
  out = std::move(all);
  return std::nullopt;
}

std::vector<bool> which_give_rows(const transaction& request) {
  std::vector<bool> result;
  for (auto& part : request.statements)
    result.push_back(gives_rows(part));
  return result;
}

std::optional<std::vector<result>> results_of_compound(result all, const std::vector<bool>& give_rows) {
  auto sets = result_builder::take_apart(std::move(all));
  size_t selects = 0;
  auto expected_selects = static_cast<size_t>(std::ranges::count(give_rows, true));
  result warnings;
  if (expected_selects > 0) {
    if (sets.size() != give_rows.size() + 1 || sets.back().size() != 1
        || sets.back().columns().size() != expected_selects)
      return std::nullopt;
    warnings = std::move(sets.back());
    sets.pop_back();
  }
  if (sets.size() != give_rows.size())
    return std::nullopt;
  for (size_t i = 0; i < sets.size(); ++i) {
    if (sets[i].columns().empty()) // Not a result set at all.
      return std::nullopt;
    uint64_t number = 0;
    if (give_rows[i]) {
      if (!read_number(warnings[0].text(selects++), number))
        return std::nullopt;
      if (warning_count(number) != sets[i].warnings())
        sets[i] = with_warnings(sets[i], warning_count(number));
      continue;
    }
    int64_t rows = 0;
    uint64_t id = 0;
    if (sets[i].size() != 1 || sets[i].columns().size() != 3 || !read_number(sets[i][0].text(0), rows)
        || !read_number(sets[i][0].text(1), id) || !read_number(sets[i][0].text(2), number))
      return std::nullopt;
    result_builder builder;
    builder.effects(static_cast<uint64_t>(std::max<int64_t>(rows, 0)), id, warning_count(number));
    sets[i] = builder.finish();
  }
  return sets;
}

} // namespace cenote::db
