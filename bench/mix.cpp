// cenote-bench-mix: what slow statements do to the fast ones beside them, with and without pipelining.
#include "baseline.hpp"
#include "sides.hpp"

#include "cenote/configuration.hpp"
#include "cenote/pool.hpp"

#include <cstdlib>
#include <exception>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace {

using namespace cenote;
using namespace cenote::bench;

struct options {
  std::vector<size_t> callers{10, 64, 256};
  size_t depth = pool_settings{}.pipeline_depth;
  size_t rounds = 5;
  double seconds = 3;
  double share = 0.01;
};

/// All rounds at one depth.
struct rounds {
  std::vector<double> per_second, p50, p99;

  void add(const figures& x) {
    per_second.push_back(x.per_second);
    p50.push_back(x.p50_us);
    p99.push_back(x.p99_us);
  }
};

int run(const options& opts) {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr)
    throw std::runtime_error{"DATABASE_URI is not set; scripts/bench starts a server of its own"};
  auto where = parse_uri(uri);
  catalogue all{10'000};
  load_table(where, all);
  fmt::print("| callers | depth 1: fast statements/s | p50 / p99 ms | depth {}: fast statements/s | p50 / p99 ms | "
             "p99, ratio |\n|---:|---:|---:|---:|---:|---:|\n",
             opts.depth);
  for (auto callers : opts.callers) {
    rounds alone, shared;
    for (size_t i = 0; i < opts.rounds; ++i) {
      fmt::print(stderr, "bench: {} callers, round {} of {}\n", callers, i + 1, opts.rounds);
      scenario what;
      what.server = where;
      what.callers = callers;
      what.slow_share = opts.share;
      what.length = {std::chrono::milliseconds{500},
                     std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{opts.seconds})};
      what.depth = 1;
      alone.add(run_actors(what, all));
      what.depth = opts.depth;
      shared.add(run_actors(what, all));
    }
    fmt::print("| {} | {:.0f} | {:.2f} / {:.1f} | {:.0f} | {:.2f} / {:.1f} | **{:.2f}** |\n", callers,
               median(alone.per_second), median(alone.p50) / 1e3, median(alone.p99) / 1e3, median(shared.per_second),
               median(shared.p50) / 1e3, median(shared.p99) / 1e3, median(shared.p99) / median(alone.p99));
  }
  drop_table(where);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  options opts;
  CLI::App app{"Measures point selects among which some statements take 100 ms, on 10 connections, without and with\n"
               "pipelining. DATABASE_URI names a server on this machine.",
               "cenote-bench-mix"};
  app.add_option("--callers", opts.callers, "numbers of callers")->delimiter(',')->capture_default_str();
  app.add_option("--depth", opts.depth, "the pipeline-depth to compare with 1")
      ->check(CLI::Range(2, 64))
      ->capture_default_str();
  app.add_option("--rounds", opts.rounds, "rounds, of which the median counts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seconds", opts.seconds, "length of each turn")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--share", opts.share, "share of slow statements")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    init();
    spdlog::stderr_logger_mt("cenote")->set_level(spdlog::level::err);
    return run(opts);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: error: {}\n", e.what());
    return 1;
  }
}
