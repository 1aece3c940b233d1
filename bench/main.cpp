// cenote-bench: point selects through cenote beside hand-written threads.
#include "baseline.hpp"
#include "report.hpp"
#include "sides.hpp"
#include "support/fault_proxy.hpp"

#include "cenote/configuration.hpp"
#include "cenote/pool.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <thread>

#include <CLI/CLI.hpp>
#include <caf/config.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace {

using namespace cenote;
using namespace cenote::bench;

struct options {
  std::vector<std::string> transports{"tcp", "unix"};
  std::vector<size_t> callers{1, 10, 256};
  size_t connections = 10;
  size_t depth = pool_settings{}.pipeline_depth;
  size_t workers = 1;
  size_t rounds = 3;
  double seconds = 1;
  double round_trip = 0; ///< Milliseconds that the network adds to each.
  int rows = 10'000;
  std::string json_file;

  round_length length() const {
    auto measured = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
    return {std::max<std::chrono::nanoseconds>(measured / 4, std::chrono::milliseconds{250}), measured};
  }
};

/// The server's other door: the same URI says TCP or unix socket, the server knows the rest.
server_settings through(const std::string& transport, server_settings where, const server_facts& facts) {
  if (transport == "unix") {
    where.unix_socket = facts.unix_socket;
  } else if (!where.unix_socket.empty()) {
    where.unix_socket.clear();
    where.host = "127.0.0.1";
    where.port = facts.port;
  }
  return where;
}

std::vector<outcome_line> measure_all(const options& opts, const server_settings& where, const server_facts& facts,
                                      const catalogue& all) {
  std::vector<outcome_line> lines;
  for (const auto& transport : opts.transports)
    for (auto callers : opts.callers)
      lines.push_back({transport, callers, {}});
  auto steps = opts.rounds * lines.size();
  auto begin = steady::now();
  size_t step = 0;
  for (size_t round = 0; round < opts.rounds; ++round) {
    for (auto& line : lines) {
      scenario what{through(line.transport, where, facts),
                    line.callers,
                    opts.connections,
                    opts.depth,
                    0,
                    opts.workers,
                    opts.length()};
      pairing both;
      // They take turns in going first, so that a machine that becomes slower favours neither.
      if (round % 2 == 0) {
        both.threads = run_threads(what, all);
        both.actors = run_actors(what, all);
      } else {
        both.actors = run_actors(what, all);
        both.threads = run_threads(what, all);
      }
      line.rounds.push_back(both);
      ++step;
      auto left = (steady::now() - begin) / step * (steps - step);
      fmt::print(stderr, "bench: round {}/{}, {}, {} callers: {} ({} s left)\n", round + 1, opts.rounds, line.transport,
                 line.callers, to_string(both), std::chrono::duration_cast<std::chrono::seconds>(left).count());
    }
  }
  return lines;
}

/// The same, with a network in between that takes its time if it is to.
std::vector<outcome_line> measure_through_network(const options& opts, server_settings where, server_facts facts,
                                                  const catalogue& all) {
  if (opts.round_trip == 0)
    return measure_all(opts, where, facts, all);
  test::fault_proxy network{facts.port};
  network.delay(std::chrono::microseconds{static_cast<int64_t>(opts.round_trip * 500)});
  where.unix_socket.clear();
  where.host = "127.0.0.1";
  where.port = facts.port = network.port();
  return measure_all(opts, where, facts, all);
}

/// Processes that wanted to run during the last minute.
double load_average() {
  double x = 0;
  getloadavg(&x, 1);
  return x;
}

circumstances describe(const options& opts, const server_facts& facts, double load) {
  return {
      {"workload",
       fmt::format("point select by primary key, one row of 4 columns, {} rows; every answer compared", opts.rows)},
      {"connections", fmt::format("{} for both sides", opts.connections)},
      {"network", opts.round_trip == 0
                      ? "loopback"
                      : fmt::format("{} ms per round trip, by a proxy on the same machine", opts.round_trip)},
      {"hand-written",
       fmt::format("a blocking thread per caller, at most {}: with more callers than threads its latency "
                   "lacks the wait for a thread",
                   opts.connections)},
      {"cenote", fmt::format("an actor per caller, one statement in flight each, {} scheduler threads", opts.workers)},
      {"rounds", fmt::format("{} of {} s each, both sides in turn; medians", opts.rounds, opts.seconds)},
      {"CPU", "of the client process, user and system"},
      {"machine", fmt::format("{} hardware threads, load average {:.1f} before; the server on the same machine",
                              std::thread::hardware_concurrency(), load)},
      {"versions", fmt::format("server {}, Connector/C {}, CAF {}.{}.{}", facts.version, client_version(),
                               CAF_MAJOR_VERSION, CAF_MINOR_VERSION, CAF_PATCH_VERSION)},
      {"build", CENOTE_BUILD_TYPE},
  };
}

void warn_of_false_figures(double load) {
#ifndef NDEBUG
  constexpr bool debug = true;
#else
  constexpr bool debug = false;
#endif
  if (debug || !std::string_view{CENOTE_SANITIZE}.empty())
    fmt::print(stderr, "bench: warning: this is no release build, its figures say nothing\n");
  if (load > std::thread::hardware_concurrency() / 2.0)
    fmt::print(stderr, "bench: warning: the machine is busy (load average {:.1f}), its figures will vary\n", load);
}

int run(const options& opts) {
  // The table alone goes to stdout. Pools that come and go are no news here.
  spdlog::stderr_logger_mt("cenote")->set_level(spdlog::level::warn);
  auto load = load_average();
  warn_of_false_figures(load);
  auto uri = std::getenv("DATABASE_URI");
  if (!uri)
    throw std::runtime_error{"DATABASE_URI is not set; scripts/bench starts a server of its own"};
  auto where = parse_uri(uri);
  auto facts = ask_server(where);
  catalogue all{opts.rows};
  load_table(where, all);
  auto lines = measure_through_network(opts, where, facts, all);
  drop_table(where);
  auto how = describe(opts, facts, load);
  fmt::print("{}", to_markdown(lines, how));
  if (!opts.json_file.empty()) {
    std::ofstream out{opts.json_file};
    if (!(out << to_json(lines, how) << std::flush))
      throw std::runtime_error{"cannot write " + opts.json_file};
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  bool quick = false;
  bool full = false;
  CLI::App app{"Measures point selects through cenote beside hand-written threads with blocking Connector/C.\n"
               "Prints a Markdown table; progress goes to stderr.\n\n"
               "The environment variable DATABASE_URI names the server, which must be on this machine:\n"
               "mysql://user:password@host:port/database. Its table bench_point is replaced and, at the end, removed.",
               "cenote-bench"};
  auto quick_flag = app.add_flag("--quick", quick, "3 rounds of 1 s: about 50 s (the default)");
  app.add_flag("--full", full, "9 rounds of 3 s: about 7 minutes")->excludes(quick_flag);
  auto rounds =
      app.add_option("--rounds", opts.rounds, "rounds, of which the median counts")->check(CLI::PositiveNumber);
  auto seconds = app.add_option("--seconds", opts.seconds, "length of a side's turn in a round, without its warm-up")
                     ->check(CLI::Range(0.1, 3600.0));
  app.add_option("--transport", opts.transports, "tcp, unix or both")
      ->delimiter(',')
      ->check(CLI::IsMember({"tcp", "unix"}))
      ->capture_default_str();
  app.add_option("--callers", opts.callers, "numbers of callers")
      ->delimiter(',')
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--connections", opts.connections, "connections of each side")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--depth", opts.depth, "cenote's pipeline-depth")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--workers", opts.workers, "scheduler threads of cenote's side")
      ->check(CLI::Range(1, 1'024))
      ->capture_default_str();
  app.add_option("--round-trip", opts.round_trip, "milliseconds that the network adds to a round trip; TCP only")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--rows", opts.rows, "rows of the table")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--json", opts.json_file, "also write all rounds to this file");
  CLI11_PARSE(app, argc, argv);
  if (opts.round_trip > 0)
    opts.transports = {"tcp"};
  if (full && rounds->empty())
    opts.rounds = 9;
  if (full && seconds->empty())
    opts.seconds = 3;
  try {
    init();
    return run(opts);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: error: {}\n", e.what());
    return 1;
  }
}
