// The hand-written side: what one would write without cenote. It uses Connector/C as it is, by intention: threads that
// block, one connection each.
#include "baseline.hpp"

#include "sides.hpp"

#include <charconv>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <mysql.h>

namespace cenote::bench {

namespace {

struct closer {
  void operator()(MYSQL* x) const { mysql_close(x); }
  void operator()(MYSQL_RES* x) const { mysql_free_result(x); }
};

using connection_ptr = std::unique_ptr<MYSQL, closer>;
using result_ptr = std::unique_ptr<MYSQL_RES, closer>;

[[noreturn]] void fail(MYSQL* x) {
  throw std::runtime_error{"hand-written side: " + std::string{mysql_error(x)} + " (" + std::to_string(mysql_errno(x))
                           + ")"};
}

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

result_ptr query(MYSQL* x, std::string_view sql) {
  if (mysql_real_query(x, sql.data(), sql.size()) != 0)
    fail(x);
  result_ptr rows{mysql_store_result(x)};
  if (!rows && mysql_field_count(x) != 0)
    fail(x);
  return rows;
}

int number(const char* text, unsigned long size) {
  int x = 0;
  std::from_chars(text, text + size, x);
  return x;
}

manga select(MYSQL* x, std::string& sql, int id) {
  sql.assign(point_select);
  sql += std::to_string(id);
  auto rows = query(x, sql);
  auto cells = mysql_fetch_row(rows.get());
  if (!cells)
    throw std::runtime_error{"hand-written side: no row " + std::to_string(id)};
  auto sizes = mysql_fetch_lengths(rows.get());
  return {number(cells[0], sizes[0]), std::string{cells[1], sizes[1]}, std::string{cells[2], sizes[2]},
          number(cells[3], sizes[3])};
}

} // namespace

figures run_threads(const scenario& what, const catalogue& all) {
  auto count = std::min(what.callers, what.connections);
  return measure(all, count, what.length, [&](std::vector<caller>& crew, const std::function<void()>& started) {
    std::vector<connection_ptr> connections;
    for (size_t i = 0; i < count; ++i)
      connections.push_back(open(what.server));
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < count; ++i)
      threads.emplace_back([&self = crew[i], x = connections[i].get()] {
        std::string sql;
        try {
          while (auto id = self.next())
            self.answered(select(x, sql, *id));
        } catch (const std::exception& e) {
          self.failed(e.what());
        }
        mysql_thread_end();
      });
    started();
    threads.clear();
  });
}

server_facts ask_server(const server_settings& where) {
  auto x = open(where);
  auto rows = query(x.get(), "SELECT @@version, @@socket, @@port");
  auto cells = mysql_fetch_row(rows.get());
  return {cells[0], cells[1], static_cast<uint16_t>(std::stoi(cells[2]))};
}

void load_table(const server_settings& where, const catalogue& all) {
  auto x = open(where);
  query(x.get(), "CREATE OR REPLACE TABLE bench_point (id INT PRIMARY KEY, title VARCHAR(200), link VARCHAR(300), "
                 "chapters INT) CHARACTER SET utf8mb4");
  constexpr size_t batch = 500;
  std::string sql;
  for (const auto& row : all.rows()) {
    sql += sql.empty() ? "INSERT INTO bench_point VALUES " : ", ";
    sql += "(" + std::to_string(row.id) + ", '" + row.title + "', '" + row.link + "', " + std::to_string(row.chapters)
           + ")";
    if (static_cast<size_t>(row.id) % batch == 0 || row.id == all.size()) {
      query(x.get(), sql);
      sql.clear();
    }
  }
  query(x.get(), "ANALYZE TABLE bench_point");
}

void drop_table(const server_settings& where) {
  query(open(where).get(), "DROP TABLE IF EXISTS bench_point");
}

std::string client_version() {
  return mysql_get_client_info();
}

} // namespace cenote::bench
