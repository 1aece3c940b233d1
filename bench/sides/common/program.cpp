#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <nlohmann/json.hpp>

namespace cenote::bench {

namespace {

/// Prints the error in one line.
int fail(const CLI::App& app, std::string reason, int code) {
  std::ranges::replace(reason, '\n', ' ');
  std::fprintf(stderr, "%s: error: %s\n", app.get_name().c_str(), reason.c_str());
  return code;
}

double tenths(double number) {
  return std::round(number * 10) / 10;
}

std::string to_json(const figures& round) {
  nlohmann::ordered_json result{{"operations", round.operations},
                                {"seconds", round.seconds},
                                {"p50_us", tenths(round.p50_us)},
                                {"p99_us", tenths(round.p99_us)},
                                {"cpu_ms", tenths(round.cpu_ms)}};
  if (round.resumed_at) {
    result["resumed_at"] = *round.resumed_at;
    result["errors"] = round.errors;
  }
  return result.dump();
}

} // namespace

int run_side(CLI::App& app, int argc, char** argv, const std::function<figures(const options&)>& run) {
  options opts;
  add_to(app, opts);
  try {
    app.parse(argc, argv);
    std::puts(to_json(run(opts)).c_str());
    return 0;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0)
      return app.exit(e);
    return fail(app, e.what(), 1);
  } catch (const not_applicable& e) {
    return fail(app, e.what(), 3);
  } catch (const std::exception& e) {
    return fail(app, e.what(), 1);
  }
}

} // namespace cenote::bench
