// cenote-bench-transactions: a transaction of one update and one insert, in one round trip, step by step, and by
// hand-written threads with blocking Connector/C, on a network with a delay of the bench's own. scripts/bench runs it.

#include "cenote/configuration.hpp"
#include "cenote/database.hpp"
#include "cenote/pool.hpp"
#include "support/fault_proxy.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <mysql.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace {

using namespace cenote;
using clock_type = std::chrono::steady_clock;

constexpr size_t connections = 10;

struct options {
  size_t rounds = 3;
  double seconds = 2;
  size_t callers = 64;
  unsigned delay = 1; ///< Milliseconds of a round trip.
};

/// Lets threads repeat `work` for that long; returns how often all of them did per second.
double rate(size_t threads, double seconds, const std::function<void(size_t thread, uint64_t number)>& work) {
  std::atomic<uint64_t> done = 0;
  auto end =
      clock_type::now() + std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds));
  {
    std::vector<std::jthread> crowd;
    for (size_t i = 0; i < threads; ++i)
      crowd.emplace_back([&, i] {
        while (clock_type::now() < end) {
          work(i, done);
          ++done;
        }
      });
  }
  return static_cast<double>(done) / seconds;
}

struct closer {
  void operator()(MYSQL* x) const noexcept { mysql_close(x); }
};

using handle = std::unique_ptr<MYSQL, closer>;

handle connect(const server_settings& where) {
  handle result{mysql_init(nullptr)};
  if (mysql_real_connect(result.get(), where.host.c_str(), where.user.c_str(), where.password.reveal().c_str(),
                         where.database.c_str(), where.port, nullptr, 0)
      == nullptr)
    throw std::runtime_error{mysql_error(result.get())};
  return result;
}

void query(MYSQL* session, const std::string& sql) {
  if (mysql_real_query(session, sql.data(), sql.size()) != 0)
    throw std::runtime_error{mysql_error(session)};
}

double by_hand(const server_settings& where, const options& opts) {
  std::vector<handle> sessions;
  for (size_t i = 0; i < connections; ++i)
    sessions.push_back(connect(where));
  return rate(connections, opts.seconds, [&](size_t i, uint64_t) {
    query(sessions[i].get(), "BEGIN");
    query(sessions[i].get(), "UPDATE bench_account SET balance = balance + 1 WHERE id = " + std::to_string(i));
    query(sessions[i].get(), "INSERT INTO bench_entry (account) VALUES (" + std::to_string(i) + ")");
    query(sessions[i].get(), "COMMIT");
  });
}

/// @param hint a comment makes cenote go step by step.
double by_cenote(database& db, const options& opts, const std::string& hint) {
  return rate(opts.callers, opts.seconds, [&](size_t i, uint64_t) {
    db.transact(all_or_nothing(write("UPDATE bench_account SET balance = balance + 1 WHERE id = ?" + hint, i),
                               write("INSERT INTO bench_entry (account) VALUES (?)", i)));
  });
}

double median(std::vector<double> xs) {
  std::ranges::sort(xs);
  return xs[xs.size() / 2];
}

/// Compares what was counted with what is in the tables: a transaction that was torn apart would show.
void audit(database& db) {
  auto row = db.execute(read("SELECT (SELECT SUM(balance) FROM bench_account) = (SELECT COUNT(*) FROM bench_entry)"));
  if (row[0].get<int>(0) != 1)
    throw std::runtime_error{"the two tables disagree"};
}

int run(const options& opts) {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr)
    throw std::runtime_error{"DATABASE_URI is not set; scripts/bench starts a server of its own"};
  settings how;
  how.server = parse_uri(uri);
  test::fault_proxy network{how.server.port};
  network.delay(std::chrono::milliseconds{0});
  how.server.port = network.port();
  how.pool.size = connections;
  how.pool.max_overflow = 0;
  database db{how};
  db.initialize();
  db.execute(write("CREATE OR REPLACE TABLE bench_account (id INT PRIMARY KEY, balance INT NOT NULL) ENGINE=InnoDB"));
  db.execute(
      write("CREATE OR REPLACE TABLE bench_entry (id INT AUTO_INCREMENT PRIMARY KEY, account INT) ENGINE=InnoDB"));
  for (size_t i = 0; i < opts.callers; ++i)
    db.execute(write("INSERT INTO bench_account VALUES (?, 0)", i));
  network.delay(std::chrono::milliseconds{opts.delay});
  std::vector<double> hand, steps, one;
  for (size_t round = 0; round < opts.rounds; ++round) {
    fmt::print(stderr, "bench: round {} of {}\n", round + 1, opts.rounds);
    hand.push_back(by_hand(how.server, opts));
    steps.push_back(by_cenote(db, opts, " /* step by step */"));
    one.push_back(by_cenote(db, opts, ""));
  }
  network.delay(std::chrono::milliseconds{0});
  audit(db);
  for (auto table : {"bench_account", "bench_entry"})
    db.execute(write(std::string{"DROP TABLE "} + table));
  fmt::print(
      "| a transaction of two statements, {} ms each way, {} connections | per second | ratio |\n|---|---:|---:|\n",
      opts.delay, connections);
  auto base = median(hand);
  fmt::print("| hand-written threads, blocking: BEGIN, 2 statements, COMMIT | {:.0f} | 1.0 |\n", base);
  fmt::print("| cenote, {} callers, step by step | {:.0f} | {:.2f} |\n", opts.callers, median(steps),
             median(steps) / base);
  fmt::print("| cenote, {} callers, in one round trip | {:.0f} | {:.2f} |\n", opts.callers, median(one),
             median(one) / base);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  CLI::App app{"Measures transactions over a network with a delay. DATABASE_URI names a server on this machine.",
               "cenote-bench-transactions"};
  app.add_option("--rounds", opts.rounds, "rounds, of which the median counts")->check(CLI::PositiveNumber);
  app.add_option("--seconds", opts.seconds, "length of each turn")->check(CLI::Range(0.1, 3600.0));
  app.add_option("--callers", opts.callers, "callers of cenote's side")->check(CLI::Range(1, 1000));
  app.add_option("--delay", opts.delay, "milliseconds each way")->check(CLI::Range(0, 1000));
  CLI11_PARSE(app, argc, argv);
  try {
    init();
    spdlog::stderr_logger_mt("cenote")->set_level(spdlog::level::warn);
    return run(opts);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: error: {}\n", e.what());
    return 1;
  }
}
