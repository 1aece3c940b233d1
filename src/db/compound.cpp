#include "db/compound.hpp"

#include "db/statement_text.hpp"
#include "types/first_word.hpp"

#include <algorithm>

namespace cenote::db {

namespace {

bool gives_rows(const statement& x) {
  return detail::first_word(x.sql) == "SELECT";
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

std::vector<result> results_of_compound(result all, const std::vector<bool>& give_rows) {
  auto sets = result_builder::take_apart(std::move(all));
  for (size_t i = 0; i < sets.size(); ++i) {
    if (give_rows.at(i))
      continue;
    auto row = sets[i][0];
    auto rows = row.get<int64_t>(0);
    result_builder made;
    made.effects(static_cast<uint64_t>(std::max<int64_t>(rows, 0)), row.get<uint64_t>(1), 0);
    sets[i] = made.finish();
  }
  return sets;
}

} // namespace cenote::db
