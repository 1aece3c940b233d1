#include "connection.hpp"

#include <charconv>
#include <stdexcept>

namespace cenote::bench {

namespace {

constexpr std::string_view select_sql = "SELECT id, title, link, chapters FROM bench_point WHERE id = ?";

[[noreturn]] void fail(const char* why, unsigned number) {
  throw std::runtime_error{why + (" (" + std::to_string(number) + ")")};
}

[[noreturn]] void fail(MYSQL* x) {
  fail(mysql_error(x), mysql_errno(x));
}

} // namespace

connection_ptr open(const server_settings& where) {
  connection_ptr x{mysql_init(nullptr)};
  mysql_options(x.get(), MYSQL_SET_CHARSET_NAME, where.charset.c_str());
  auto by_socket = !where.unix_socket.empty();
  if (!mysql_real_connect(x.get(), by_socket ? "localhost" : where.host.c_str(), where.user.c_str(),
                          where.password.reveal().c_str(), where.database.empty() ? nullptr : where.database.c_str(),
                          where.port, by_socket ? where.unix_socket.c_str() : nullptr, 0))
    fail(x.get());
  return x;
}

void ping(MYSQL* x) {
  if (mysql_ping(x) != 0)
    fail(x);
}

result_ptr query(MYSQL* x, std::string_view sql) {
  if (mysql_real_query(x, sql.data(), sql.size()) != 0)
    fail(x);
  result_ptr rows{mysql_store_result(x)};
  if (!rows && mysql_field_count(x) != 0)
    fail(x);
  return rows;
}

uint64_t change(MYSQL* x, std::string_view sql) {
  query(x, sql);
  return mysql_affected_rows(x);
}

int number(const char* text, unsigned long size) {
  int x = 0;
  std::from_chars(text, text + size, x);
  return x;
}

prepared_statement::prepared_statement(MYSQL* x, std::string_view sql) : statement_{mysql_stmt_init(x)} {
  if (mysql_stmt_prepare(handle(), sql.data(), sql.size()) != 0)
    fail();
  parameter_.buffer_type = MYSQL_TYPE_LONG;
  parameter_.buffer = &value_;
  if (mysql_stmt_bind_param(handle(), &parameter_) != 0)
    fail();
}

void prepared_statement::execute(int parameter) {
  value_ = parameter;
  if (mysql_stmt_execute(handle()) != 0)
    fail();
}

void prepared_statement::fail() const {
  bench::fail(mysql_stmt_error(handle()), mysql_stmt_errno(handle()));
}

prepared_select::prepared_select(MYSQL* x) : prepared_statement{x, select_sql} {
  bind(0, MYSQL_TYPE_LONG, &id_, sizeof id_);
  bind(1, MYSQL_TYPE_STRING, title_, sizeof title_);
  bind(2, MYSQL_TYPE_STRING, link_, sizeof link_);
  bind(3, MYSQL_TYPE_LONG, &chapters_, sizeof chapters_);
  if (mysql_stmt_bind_result(handle(), columns_) != 0)
    fail();
}

manga prepared_select::operator()(int id) {
  execute(id);
  if (mysql_stmt_store_result(handle()) != 0)
    fail();
  if (mysql_stmt_fetch(handle()) != 0)
    throw std::runtime_error{"no row " + std::to_string(id)};
  manga row{id_, text(1), text(2), chapters_};
  mysql_stmt_free_result(handle());
  return row;
}

void prepared_select::bind(size_t column, enum_field_types type, void* buffer, unsigned long size) {
  columns_[column].buffer_type = type;
  columns_[column].buffer = buffer;
  columns_[column].buffer_length = size;
  columns_[column].length = &sizes_[column];
}

std::string prepared_select::text(size_t column) const {
  return {static_cast<const char*>(columns_[column].buffer), sizes_[column]};
}

uint64_t prepared_change::operator()(int parameter) {
  execute(parameter);
  return mysql_stmt_affected_rows(handle());
}

} // namespace cenote::bench
