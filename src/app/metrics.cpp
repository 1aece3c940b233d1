#include "app/metrics.hpp"

#include <set>
#include <sstream>
#include <string_view>
#include <vector>

namespace cenote::app {

namespace {

constexpr std::string_view suffix = "_total";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

/// A sample without its time stamp: OpenMetrics counts seconds, Prometheus' older format milliseconds.
std::string without_time(const std::string& sample) {
  auto labels = sample.rfind('}');
  auto name = labels == std::string::npos ? sample.find(' ') : labels + 1;
  if (name >= sample.size())
    return sample;
  auto words = words_of(sample.substr(name));
  return words.empty() ? sample : sample.substr(0, name) + " " + words.front();
}

} // namespace

std::string to_open_metrics(const std::string& prometheus) {
  std::istringstream in{prometheus};
  std::vector<std::string> lines;
  std::set<std::string> counters;
  for (std::string line; std::getline(in, line);) {
    if (line.empty())
      continue;
    auto words = words_of(line);
    if (words.size() == 4 && words[1] == "TYPE" && words[3] == "counter" && words[2].ends_with(suffix))
      counters.insert(words[2]);
    lines.push_back(std::move(line));
  }
  std::string out;
  for (auto& line : lines) {
    if (!line.starts_with('#')) {
      out += without_time(line) + "\n";
      continue;
    }
    auto words = words_of(line);
    if (words.size() < 3 || (words[1] != "TYPE" && words[1] != "HELP"))
      continue;
    auto& name = words[2];
    auto rest = line.substr(line.find(name) + name.size());
    if (counters.contains(name))
      name.erase(name.size() - suffix.size());
    else if (words[1] == "TYPE" && rest == " counter")
      rest = " unknown"; // A counter without the suffix is none for OpenMetrics.
    out += "# " + words[1] + " " + name + rest + "\n";
  }
  return out + "# EOF\n";
}

} // namespace cenote::app
