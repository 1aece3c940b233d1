#include "db/compound.hpp"

#include "db/statement_text.hpp"
#include "types/first_word.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace cenote::db {

namespace {

bool gives_rows(const statement& x) {
  return detail::first_word(x.sql) == "SELECT";
}

/// Reads a number whatever the column's type says: a proxy may have changed that.
template <class T>
bool read_number(std::string_view text, T& out) {
  auto end = text.data() + text.size();
  auto [ptr, ec] = std::from_chars(text.data(), end, out);
  return ec == std::errc{} && ptr == end;
}

bool may_create_ids(const statement& x) {
  auto word = detail::first_word(x.sql);
  return word == "INSERT" || word == "REPLACE";
}

} // namespace

std::optional<std::string> write_compound(std::string& out, const transaction& what, quoting mode, MYSQL& session) {
  std::string text;
  // No handler that rolls back: a statement that is killed does not reach it, and one that fails in the middle of its
  // rows would look complete.
  std::string all = "BEGIN NOT ATOMIC ";
  if (auto level = to_string(what.options.level); !level.empty())
    all += "SET TRANSACTION ISOLATION LEVEL " + level + "; ";
  all += what.options.read_only ? "START TRANSACTION READ ONLY; " : "START TRANSACTION; ";
  for (size_t i = 0; i < what.statements.size(); ++i) {
    auto& x = what.statements[i];
    if (auto wrong = fill_in(text, x, mode, session))
      return "statement " + std::to_string(i) + ": " + *wrong;
    // Else an INSERT that creates no id would report that of an earlier one.
    if (may_create_ids(x))
      all += "DO LAST_INSERT_ID(0); ";
    all += text;
    all += "; ";
    if (!gives_rows(x))
      all += may_create_ids(x) ? "SELECT ROW_COUNT(), LAST_INSERT_ID(); " : "SELECT ROW_COUNT(), 0; ";
  }
  all += "COMMIT; END";
  out = std::move(all);
  return std::nullopt;
}

std::vector<bool> which_give_rows(const transaction& what) {
  std::vector<bool> result;
  for (auto& x : what.statements)
    result.push_back(gives_rows(x));
  return result;
}

std::optional<std::vector<result>> results_of_compound(result all, const std::vector<bool>& give_rows) {
  auto sets = result_builder::take_apart(std::move(all));
  if (sets.size() != give_rows.size())
    return std::nullopt;
  for (size_t i = 0; i < sets.size(); ++i) {
    if (sets[i].columns().empty()) // Not a result set at all.
      return std::nullopt;
    if (give_rows[i])
      continue;
    int64_t rows = 0;
    uint64_t id = 0;
    if (sets[i].size() != 1 || sets[i].columns().size() != 2 || !read_number(sets[i][0].text(0), rows)
        || !read_number(sets[i][0].text(1), id))
      return std::nullopt;
    result_builder made;
    made.effects(static_cast<uint64_t>(std::max<int64_t>(rows, 0)), id, 0);
    sets[i] = made.finish();
  }
  return sets;
}

} // namespace cenote::db
