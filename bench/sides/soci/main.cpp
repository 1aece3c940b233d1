// SOCI's side: a thread per caller, and a connection_pool.
#include "program.hpp"
#include "threads.hpp"

#include <stdexcept>
#include <string>

#include <soci/mysql/soci-mysql.h>
#include <soci/soci.h>

namespace {

using namespace cenote;
using namespace cenote::bench;
using soci::into;
using soci::session;
using soci::use;

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (auto c : text) {
    if (c == '\'' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "'";
}

std::string connection_string(const server_settings& where) {
  auto way = where.unix_socket.empty() ? "host=" + quoted(where.host) + " port=" + std::to_string(where.port)
                                       : "host=localhost unix_socket=" + quoted(where.unix_socket);
  return way + " user=" + quoted(where.user) + " password=" + quoted(where.password.reveal())
         + " db=" + quoted(where.database) + " charset=utf8mb4";
}

void select(session& sql, caller& self) {
  manga row;
  auto id = self.id();
  sql << "SELECT id, title, link, chapters FROM bench_point WHERE id = :id", into(row.id), into(row.title),
      into(row.link), into(row.chapters), use(id);
  self.answered(row);
}

void transact(session& sql, caller& self) {
  auto id = self.id();
  soci::transaction both{sql};
  soci::statement update = (sql.prepare << "UPDATE bench_account SET balance = balance + 1 WHERE id = :id", use(id));
  update.execute(true);
  auto updated = update.get_affected_rows();
  soci::statement insert = (sql.prepare << "INSERT INTO bench_entry (account) VALUES (:id)", use(id));
  insert.execute(true);
  auto inserted = insert.get_affected_rows();
  both.commit();
  self.answered(static_cast<uint64_t>(updated), static_cast<uint64_t>(inserted));
}

void read_large(session& sql, caller& self) {
  large_answer all;
  int id = 0;
  std::string body;
  soci::statement rows = (sql.prepare << "SELECT id, body FROM bench_large", into(id), into(body));
  rows.execute();
  while (rows.fetch())
    all.add(id, body);
  self.answered(all);
}

void operate(session& sql, caller& self, workload load) {
  switch (load) {
  case workload::point:
  case workload::recovery:
    return select(sql, self);
  case workload::transaction:
    return transact(sql, self);
  case workload::large:
    return read_large(sql, self);
  case workload::checkout:
    return;
  }
}

void with_session(soci::connection_pool& pool, const options& opts, caller& self) {
  session sql{pool};
  // The pool leaves broken connections to its users.
  if (opts.pre_ping && !sql.is_connected())
    sql.reconnect();
  try {
    operate(sql, self, opts.load);
  } catch (const std::exception&) {
    if (!sql.is_connected())
      sql.reconnect();
    throw;
  }
}

void run_once(soci::connection_pool& pool, const options& opts, caller& self) {
  with_session(pool, opts, self);
  if (opts.load == workload::checkout)
    self.answered();
}

figures run(const options& opts) {
  auto where = connection_string(server_of_environment());
  soci::connection_pool pool{opts.connections};
  for (size_t i = 0; i < opts.connections; ++i)
    pool.at(i).open(soci::mysql, where);
  return measure_threads(opts, opts.callers, [&] { return [&](caller& self) { run_once(pool, opts, self); }; });
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Threads that share a connection_pool of SOCI.", "cenote-bench-soci"};
  return run_side(app, argc, argv, run);
}
