#include "actors/budget_table.hpp"

#include "cenote/configuration.hpp"
#include "types/quoted_name.hpp"

#include <algorithm>
#include <cstdint>

namespace cenote {

namespace {

/// Longer names are refused by the server.
constexpr size_t max_name_length = 64;

bool is_name(std::string_view text) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$'
           || c == '-';
  };
  return !text.empty() && text.size() <= max_name_length && std::ranges::all_of(text, fits);
}

std::string quoted(std::string_view name) {
  auto dot = name.find('.');
  auto schema = dot == name.npos ? std::string_view{} : name.substr(0, dot);
  auto table = dot == name.npos ? name : name.substr(dot + 1);
  if (!is_name(table) || (dot != name.npos && !is_name(schema)))
    throw configuration_error{"budget.table must be the name of a table, or schema.table, of letters, digits, _, $ and "
                              "-, not \""
                              + std::string{name} + "\""};
  return (dot == name.npos ? "" : detail::quoted_name(schema) + ".") + detail::quoted_name(table);
}

int64_t microseconds(std::chrono::nanoseconds span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

} // namespace

budget_table::budget_table(std::string_view name) : name_{quoted(name)} {
  // nop
}

statement budget_table::create() const {
  return cenote::idempotent_write(
      "CREATE TABLE IF NOT EXISTS " + name_
      + " (id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, pool VARCHAR(100) CHARACTER SET "
        "utf8mb4, process VARCHAR(100) CHARACTER SET utf8mb4, budget INT UNSIGNED NOT NULL, granted INT UNSIGNED NOT "
        "NULL, held INT UNSIGNED NOT NULL, wanted INT UNSIGNED NOT NULL, expires DATETIME(6) NOT NULL) ENGINE=InnoDB");
}

statement budget_table::set_up() {
  return cenote::write("SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1");
}

statement budget_table::lock_and_read() const {
  // In the order of the key, so that the row with the empty id is locked first. With a limit, in case that
  // sql_select_limit is 0.
  return cenote::read("SELECT id, budget, granted, held, wanted, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), expires) "
                      "FROM "
                      + name_ + " ORDER BY id LIMIT 100000 FOR UPDATE");
}

statement budget_table::rest(std::chrono::nanoseconds lease) const {
  return cenote::write("INSERT INTO " + name_
                           + " (id, budget, granted, held, wanted, expires) VALUES ('', 0, 0, 0, 0, UTC_TIMESTAMP(6) + "
                             "INTERVAL ? MICROSECOND) ON DUPLICATE KEY UPDATE expires = VALUES(expires)",
                       microseconds(lease));
}

statement budget_table::write(const pool::budget_row& row, const std::string& pool, const std::string& process,
                              std::chrono::nanoseconds lease) const {
  auto number = [](size_t count) { return static_cast<int64_t>(count); };
  return cenote::idempotent_write(
      "INSERT INTO " + name_
          + " (id, pool, process, budget, granted, held, wanted, expires) VALUES (?, LEFT(?, 100), LEFT(?, 100), ?, ?, "
            "?, ?, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND) ON DUPLICATE KEY UPDATE pool = VALUES(pool), process = "
            "VALUES(process), budget = VALUES(budget), granted = VALUES(granted), held = VALUES(held), wanted = "
            "VALUES(wanted), expires = VALUES(expires)",
      row.id, pool, process, number(row.budget), number(row.granted), number(row.held), number(row.wanted),
      microseconds(lease));
}

statement budget_table::remove_expired() const {
  return cenote::idempotent_write("DELETE FROM " + name_ + " WHERE id <> '' AND expires <= UTC_TIMESTAMP(6)");
}

std::string budget_table::remove(const std::string& id) const {
  return "DELETE FROM " + name_ + " WHERE id = '" + id + "'";
}

budget_rows read_budget_rows(const result& answer, std::string_view own) {
  budget_rows result;
  for (size_t i = 0; i < answer.size(); ++i) {
    auto row = answer[i];
    // Whatever types the columns have: somebody else may have created the table.
    auto number = [&row](size_t column) { return std::stoll(std::string{row.text(column)}); };
    auto count = [&number](size_t column) { return static_cast<size_t>(std::max(0LL, number(column))); };
    auto id = row.text(0);
    auto is_over = number(5) <= 0;
    if (id.empty()) {
      result.has_first = true;
      result.settled = is_over;
      continue;
    }
    if (id == own)
      continue;
    result.expired |= is_over;
    if (!is_over)
      result.others.push_back({std::string{id}, count(1), count(2), count(3), count(4)});
  }
  return result;
}

} // namespace cenote
