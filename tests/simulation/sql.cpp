#include "simulation/sql.hpp"

#include <array>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace cenote::simulation {

namespace {

struct entry {
  operation op;
  const char* name;
  const char* text;
  statement_kind kind = statement_kind::write;
};

/// Those of callers have two parameters: the stamp and the row.
constexpr auto of_callers = std::to_array<entry>({
    {operation::read, "read", "SELECT n, ? FROM counters WHERE id = ?", statement_kind::read},
    {operation::lock, "lock", "SELECT n, ? FROM counters WHERE id = ? FOR UPDATE"},
    {operation::set, "set", "UPDATE counters SET n = ? WHERE id = ?", statement_kind::idempotent_write},
    {operation::add, "add", "UPDATE counters SET n = n + 1, last = ? WHERE id = ?"},
    {operation::insert, "insert", "INSERT INTO entries (id, n) VALUES (?, ?)"},
    {operation::insert_key, "insert key", "INSERT INTO keys (n, id) VALUES (?, ?)"},
    {operation::note, "note", "INSERT INTO notes (n, id) VALUES (?, ?)"},
    {operation::set_variable, "set variable", "SET @mark = ?, @row = ?"},
    {operation::set_mode, "set mode", "SET sql_mode = CONCAT(@@sql_mode, ?, ?)"},
    {operation::touch, "touch", "SELECT touch(?, ?)"},
    {operation::restart, "restart", "CALL restart(?, ?)"},
    {operation::define, "define", "CREATE OR REPLACE VIEW v AS SELECT ?, ?"},
    {operation::wrong, "wrong", "SELEC ?, ?"},
    {operation::odd, "odd", "INSERT INTO odd (n, id) VALUES (?, ?)"},
    {operation::invalid, "invalid", "SELECT ?, ?, ?"},
});

constexpr auto of_cenote = std::to_array<entry>({
    {operation::begin, "begin", "START TRANSACTION"},
    {operation::begin_read_only, "begin read only", "START TRANSACTION READ ONLY"},
    {operation::commit, "commit", "COMMIT"},
    {operation::rollback, "rollback", "ROLLBACK"},
    {operation::nothing, "do nothing", "DO 0"},
    {operation::show_warnings, "show warnings", "SHOW WARNINGS"},
});

struct prefix {
  operation op;
  const char* name;
  std::string_view text;
};

constexpr auto prefixes = std::to_array<prefix>({
    {operation::set_isolation, "set isolation", "SET TRANSACTION ISOLATION LEVEL "},
    {operation::savepoint, "savepoint", "SAVEPOINT "},
    {operation::rollback_to, "rollback to", "ROLLBACK TO SAVEPOINT "},
    {operation::release, "release", "RELEASE SAVEPOINT "},
    {operation::ask_tables, "ask for tables", "SELECT t.TABLE_NAME"},
    {operation::ask_functions, "ask for functions", "SELECT ''"},
});

const std::unordered_map<std::string_view, operation>& texts() {
  static const auto result = [] {
    std::unordered_map<std::string_view, operation> by_text;
    for (auto& form : of_callers)
      by_text.emplace(form.text, form.op);
    for (auto& form : of_cenote)
      by_text.emplace(form.text, form.op);
    return by_text;
  }();
  return result;
}

const char* name_of(operation op) {
  for (auto& form : of_callers)
    if (form.op == op)
      return form.name;
  for (auto& form : of_cenote)
    if (form.op == op)
      return form.name;
  for (auto& form : prefixes)
    if (form.op == op)
      return form.name;
  return "unknown";
}

template <class T>
T number(const value& param) {
  auto integer = std::get_if<int64_t>(&param);
  return static_cast<T>(integer != nullptr ? *integer : 0);
}

/// Whether one of the tables that are asked for has no transactions.
constexpr auto notes = std::string_view{"notes"};

} // namespace

std::string to_string(const command& command) {
  std::string result = name_of(command.op);
  if (has_stamp(command.op))
    result += " #" + std::to_string(static_cast<uint32_t>(command.mark)) + " of row " + std::to_string(command.row);
  if (!command.name.empty())
    result += ' ' + command.name;
  return result;
}

statement statement_for(operation op, stamp mark, uint32_t row) {
  auto& form = of_callers[static_cast<size_t>(op)];
  statement result;
  result.sql = form.text;
  result.kind = form.kind;
  result.params.reserve(2);
  result.params.emplace_back(static_cast<int64_t>(mark));
  result.params.emplace_back(static_cast<int64_t>(row));
  return result;
}

command parse(const statement& query) {
  if (auto i = texts().find(query.sql); i != texts().end()) {
    command result{i->second, {}, 0, {}};
    if (query.params.size() == 2) {
      result.mark = number<stamp>(query.params[0]);
      result.row = number<uint32_t>(query.params[1]);
    }
    return result;
  }
  for (auto& known : prefixes)
    if (query.sql.starts_with(known.text)) {
      command result{known.op, {}, 0, query.sql.substr(known.text.size())};
      if (known.op != operation::ask_tables && known.op != operation::ask_functions)
        return result;
      result.name.clear();
      for (auto& param : query.params)
        if (auto text = std::get_if<std::string>(&param); text != nullptr && *text == notes)
          result.name = notes;
      return result;
    }
  return {};
}

bool is_write(operation op) {
  switch (op) {
  case operation::set:
  case operation::add:
  case operation::insert:
  case operation::insert_key:
  case operation::note:
  case operation::restart:
  case operation::odd:
  case operation::define:
    return true;
  default:
    return false;
  }
}

bool has_stamp(operation op) {
  return op <= operation::invalid;
}

} // namespace cenote::simulation
