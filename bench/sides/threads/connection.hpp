#pragma once

#include "catalogue.hpp"

#include "cenote/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <mysql.h>

namespace cenote::bench {

struct closer {
  void operator()(MYSQL* x) const { mysql_close(x); }
  void operator()(MYSQL_RES* x) const { mysql_free_result(x); }
  void operator()(MYSQL_STMT* x) const { mysql_stmt_close(x); }
};

using connection_ptr = std::unique_ptr<MYSQL, closer>;
using result_ptr = std::unique_ptr<MYSQL_RES, closer>;
using statement_ptr = std::unique_ptr<MYSQL_STMT, closer>;

// All of these throw std::runtime_error with the server's or the library's words.

connection_ptr open(const server_settings& where);
void ping(MYSQL* x);
result_ptr query(MYSQL* x, std::string_view sql);

/// A query that changes rows.
/// @returns how many.
uint64_t change(MYSQL* x, std::string_view sql);

/// @returns the number that a cell holds.
int number(const char* text, unsigned long size);

/// A prepared statement of the server, with a number as its parameter. Must not outlive its connection.
class prepared_statement {
public:
  prepared_statement(MYSQL* x, std::string_view sql);
  prepared_statement(const prepared_statement&) = delete;
  prepared_statement& operator=(const prepared_statement&) = delete;

protected:
  MYSQL_STMT* handle() const { return statement_.get(); }
  void execute(int parameter);
  [[noreturn]] void fail() const;

private:
  statement_ptr statement_;
  int value_ = 0;
  MYSQL_BIND parameter_ = {};
};

/// The point select. Results come in binary form, right into the row.
class prepared_select : prepared_statement {
public:
  explicit prepared_select(MYSQL* x);
  manga operator()(int id);

private:
  void bind(size_t column, enum_field_types type, void* buffer, unsigned long size);
  std::string text(size_t column) const;

  int id_ = 0;
  int chapters_ = 0;
  char title_[1024] = {};
  char link_[1024] = {};
  MYSQL_BIND columns_[4] = {};
  unsigned long sizes_[4] = {};
};

/// A statement that changes rows.
class prepared_change : prepared_statement {
public:
  using prepared_statement::prepared_statement;

  /// @returns how many rows.
  uint64_t operator()(int parameter);
};

} // namespace cenote::bench
