#include "report.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cenote::bench {

namespace {

/// The median over the rounds of what `get` takes from each.
template <class Get>
double over_rounds(const outcome_line& line, Get get) {
  std::vector<double> xs;
  for (const auto& x : line.rounds)
    xs.push_back(get(x));
  return median(std::move(xs));
}

/// The medians of one side.
figures medians(const outcome_line& line, figures pairing::*side) {
  auto of = [&](double figures::*what) { return over_rounds(line, [=](const pairing& x) { return x.*side.*what; }); };
  return {of(&figures::per_second), of(&figures::p50_us), of(&figures::p99_us), of(&figures::cpu_ms_per_1000)};
}

double ratio(const outcome_line& line) {
  return over_rounds(line, [](const pairing& x) { return x.ratio(); });
}

std::pair<double, double> ratio_range(const outcome_line& line) {
  auto less = [](const pairing& a, const pairing& b) { return a.ratio() < b.ratio(); };
  auto [low, high] = std::minmax_element(line.rounds.begin(), line.rounds.end(), less);
  return {low->ratio(), high->ratio()};
}

std::string markdown_cells(const figures& x) {
  return fmt::format("{:.0f} | {:.0f} / {:.0f} | {:.1f}", x.per_second, x.p50_us, x.p99_us, x.cpu_ms_per_1000);
}

nlohmann::ordered_json json_of(const figures& x) {
  return {
      {"per_second", x.per_second}, {"p50_us", x.p50_us}, {"p99_us", x.p99_us}, {"cpu_ms_per_1000", x.cpu_ms_per_1000}};
}

nlohmann::ordered_json json_of(const outcome_line& line) {
  auto [low, high] = ratio_range(line);
  auto rounds = nlohmann::ordered_json::array();
  for (const auto& x : line.rounds)
    rounds.push_back({{"hand_written", json_of(x.threads)}, {"cenote", json_of(x.actors)}, {"ratio", x.ratio()}});
  return {{"transport", line.transport},
          {"callers", line.callers},
          {"hand_written", json_of(medians(line, &pairing::threads))},
          {"cenote", json_of(medians(line, &pairing::actors))},
          {"ratio", ratio(line)},
          {"lowest_ratio", low},
          {"highest_ratio", high},
          {"rounds", std::move(rounds)}};
}

} // namespace

std::string to_markdown(const std::vector<outcome_line>& lines, const circumstances& how) {
  std::string text = "| transport | callers | hand-written: statements/s | p50 / p99 us | CPU ms per 1000 "
                     "| cenote: statements/s | p50 / p99 us | CPU ms per 1000 | ratio (lowest - highest) |\n"
                     "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
  for (const auto& line : lines) {
    auto [low, high] = ratio_range(line);
    text += fmt::format("| {} | {} | {} | {} | **{:.2f}** ({:.2f} - {:.2f}) |\n", line.transport, line.callers,
                        markdown_cells(medians(line, &pairing::threads)),
                        markdown_cells(medians(line, &pairing::actors)), ratio(line), low, high);
  }
  text += '\n';
  for (const auto& [what, value] : how)
    text += fmt::format("- {}: {}\n", what, value);
  return text;
}

std::string to_json(const std::vector<outcome_line>& lines, const circumstances& how) {
  auto about = nlohmann::ordered_json::object();
  for (const auto& [what, value] : how)
    about[what] = value;
  auto xs = nlohmann::ordered_json::array();
  for (const auto& line : lines)
    xs.push_back(json_of(line));
  return nlohmann::ordered_json{{"about", std::move(about)}, {"results", std::move(xs)}}.dump(2) + '\n';
}

std::string to_string(const pairing& x) {
  return fmt::format("hand-written {:.0f}/s, cenote {:.0f}/s, ratio {:.2f}", x.threads.per_second, x.actors.per_second,
                     x.ratio());
}

} // namespace cenote::bench
