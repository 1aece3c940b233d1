// cenote-bench-sizing: how a pool follows a load that rises and falls. scripts/bench --sizing runs it.
#include "cenote/configuration.hpp"
#include "cenote/database.hpp"
#include "cenote/pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct options {
  std::vector<size_t> callers{1, 4, 16, 64, 16, 4, 1};
  double seconds = 2;   ///< Of each step of the load.
  double statement = 5; ///< Milliseconds.
};

/// Lets so many threads ask for that long; returns how long each statement took, in milliseconds, sorted.
std::vector<double> ask(database& db, size_t threads, const options& opts) {
  std::vector<double> took;
  std::mutex lock;
  auto end = steady::now() + std::chrono::duration<double>{opts.seconds};
  auto what = write("SELECT SLEEP(?)", opts.statement / 1000); // A write: it has its connection alone.
  std::vector<std::jthread> crowd;
  for (size_t i = 0; i < threads; ++i)
    crowd.emplace_back([&] {
      while (steady::now() < end) {
        auto begin = steady::now();
        db.execute(what);
        std::lock_guard guard{lock};
        took.push_back(std::chrono::duration<double, std::milli>{steady::now() - begin}.count());
      }
    });
  crowd.clear();
  std::ranges::sort(took);
  return took;
}

void run(const options& opts) {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr)
    throw std::runtime_error{"DATABASE_URI is not set; scripts/bench starts a server of its own"};
  settings how;
  how.server = parse_uri(uri);
  how.pool.min_size = 1;
  how.pool.size = 10;
  how.pool.max_overflow = 5;
  how.pool.idle_timeout = 1s;
  database db{how};
  db.initialize();
  fmt::print("| callers | connections | connects so far | statements/s | p50 / p99 ms |\n|---:|---:|---:|---:|---:|\n");
  for (auto callers : opts.callers) {
    fmt::print(stderr, "bench: {} callers for {} s\n", callers, opts.seconds);
    auto took = ask(db, callers, opts);
    auto now = db.get_pool_status();
    fmt::print("| {} | {} | {} | {:.0f} | {:.1f} / {:.1f} |\n", callers, now.total_connections, now.connects,
               static_cast<double>(took.size()) / opts.seconds, took[took.size() / 2], took[took.size() * 99 / 100]);
  }
  std::this_thread::sleep_for(2 * how.pool.idle_timeout);
  auto now = db.get_pool_status();
  fmt::print("| none | {} | {} | | |\n", now.total_connections, now.connects);
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  CLI::App app{"Shows how a pool of 1 to 10 connections, and 5 more, with an idle-timeout of 1 s follows its load.\n"
               "DATABASE_URI names the server.",
               "cenote-bench-sizing"};
  app.add_option("--callers", opts.callers, "numbers of callers, one step each")
      ->delimiter(',')
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--seconds", opts.seconds, "length of each step")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  app.add_option("--statement", opts.statement, "milliseconds that a statement takes")
      ->check(CLI::Range(0.0, 10'000.0))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    init();
    spdlog::stderr_logger_mt("cenote")->set_level(spdlog::level::warn);
    run(opts);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: error: {}\n", e.what());
    return 1;
  }
}
