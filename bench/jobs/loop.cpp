// cenote-bench-job-loop: what an application would write by hand. Threads with a connection each that claim one job at
// a time, on the same table. bench/jobs.py runs it.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <mysql.h>

namespace {

using steady = std::chrono::steady_clock;

constexpr auto now = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";
constexpr auto kind = "cenote::bench::empty_job";

struct server {
  std::string host, user, password, database;
  unsigned port = 3306;
};

class worker {
public:
  explicit worker(const server& to) : link_{mysql_init(nullptr)} {
    if (!mysql_real_connect(link_, to.host.c_str(), to.user.c_str(), to.password.c_str(), to.database.c_str(), to.port,
                            nullptr, 0))
      fail();
    run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  }
  worker(const worker&) = delete;
  ~worker() { mysql_close(link_); }

  /// Does one job. @returns false if there was none.
  bool do_one() {
    run("START TRANSACTION");
    auto id =
        first(std::string{"SELECT HEX(id), payload FROM cenote_job FORCE INDEX (claim) WHERE queue = 'default' AND "
                          "kind = '"}
              + kind + "' AND state = 1 ORDER BY place, id LIMIT 1 FOR UPDATE SKIP LOCKED");
    if (id.empty()) {
      run("COMMIT");
      return false;
    }
    run("UPDATE cenote_job SET state = 2, place = 1, attempt = attempt + 1, node = 'loop', started_at = "
        + std::string{now} + " WHERE id = UNHEX('" + id + "')");
    run("COMMIT");
    // The job itself does nothing.
    run("UPDATE cenote_job SET state = 4, progress = 1000, error = NULL, ended_at = " + std::string{now}
        + ", place = " + now + " + 86400000000 WHERE id = UNHEX('" + id + "') AND state = 2");
    return true;
  }

private:
  void run(const std::string& sql) {
    if (mysql_real_query(link_, sql.data(), sql.size()) != 0)
      fail();
  }

  /// The first column of the first row.
  std::string first(const std::string& sql) {
    run(sql);
    auto rows = mysql_store_result(link_);
    if (rows == nullptr)
      fail();
    auto row = mysql_fetch_row(rows);
    std::string out = row == nullptr ? "" : row[0];
    mysql_free_result(rows);
    return out;
  }

  [[noreturn]] void fail() { throw std::runtime_error{mysql_error(link_)}; }

  MYSQL* link_;
};

void work(const server& to) {
  try {
    worker one{to};
    while (one.do_one()) {
      // nop
    }
  } catch (const std::exception& error) {
    std::cerr << "bench: error: " << error.what() << std::endl;
    std::_Exit(1);
  }
}

} // namespace

int main(int argc, char** argv) {
  server to;
  size_t threads = 4;
  CLI::App app{"Threads that claim one job at a time, until there are none; bench/jobs.py runs it.",
               "cenote-bench-job-loop"};
  app.add_option("--host", to.host)->required();
  app.add_option("--port", to.port)->required();
  app.add_option("--user", to.user)->required();
  app.add_option("--database", to.database)->required();
  app.add_option("--threads", threads)->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  if (auto password = std::getenv("MYSQL_PWD"))
    to.password = password;
  mysql_library_init(0, nullptr, nullptr);
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  auto begin = steady::now().time_since_epoch().count();
  {
    std::vector<std::jthread> crowd;
    for (size_t i = 0; i < threads; ++i)
      crowd.emplace_back([&] { work(to); });
  }
  std::cout << "times " << begin << ' ' << begin << ' ' << steady::now().time_since_epoch().count() << std::endl;
  std::getline(std::cin, line);
}
