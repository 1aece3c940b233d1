#include "options.hpp"

#include "cenote/configuration.hpp"

#include <cstdlib>
#include <map>
#include <string>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace cenote::bench {

namespace {

const std::map<std::string, workload> workloads{{"point", workload::point},
                                                {"transaction", workload::transaction},
                                                {"large", workload::large},
                                                {"checkout", workload::checkout},
                                                {"recovery", workload::recovery}};

} // namespace

void add_to(CLI::App& app, options& opts) {
  app.add_option_function<std::string>(
         "workload", [&opts](const std::string& name) { opts.load = workloads.at(name); }, "what callers do")
      ->required()
      ->check(CLI::IsMember(&workloads));
  app.add_option("--callers", opts.callers, "callers at the same time")->check(CLI::Range(1, 1'000'000));
  app.add_option("--connections", opts.connections, "connections of the pool")->check(CLI::Range(1, 10'000));
  app.add_option("--warm-up", opts.warm_up, "seconds that do not count")->check(CLI::Range(0.0, 3600.0));
  app.add_option("--seconds", opts.measured, "seconds that count")->check(CLI::Range(0.01, 3600.0));
  app.add_option("--rows", opts.rows, "rows of bench_point")->check(CLI::Range(1, 1'000'000));
  app.add_flag("--pre-ping", opts.pre_ping, "ask the server before each use of a connection whether it is there");
}

server_settings server_of_environment() {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr)
    throw configuration_error{"DATABASE_URI is not set"};
  return parse_uri(uri);
}

} // namespace cenote::bench
