#include "support/exposition_text.hpp"

#include "cenote/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace cenote::test {

namespace {

const std::regex help_line{R"re(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)*))re"};
const std::regex type_line{R"re(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))re"};
const std::regex sample_line{R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? ([^ ]+))re"};
const std::regex label_pair{R"re(([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\n|\\")*)"(,|$))re"};

double number(const std::string& text) {
  if (text == "+Inf")
    return std::numeric_limits<double>::infinity();
  double result = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (problem != std::errc{} || end != text.data() + text.size())
    throw std::runtime_error{"not a number: " + text};
  return result;
}

struct reader {
  exposition_text out;
  std::string family;
  std::map<std::string, std::pair<double, double>> buckets; ///< Bound and count of the last one, by series.

  void read(const std::string& line) {
    std::smatch found;
    if (std::regex_match(line, found, help_line))
      begin(found[1], found[2]);
    else if (std::regex_match(line, found, type_line))
      type(found[1], found[2]);
    else if (std::regex_match(line, found, sample_line))
      sample(found[1], found[3], number(found[4]));
    else
      throw std::runtime_error{"neither HELP nor TYPE nor a sample"};
  }

  void begin(const std::string& name, const std::string& text) {
    if (!out.help.emplace(name, text).second)
      throw std::runtime_error{"a second HELP"};
    family = name;
  }

  void type(const std::string& name, const std::string& kind) {
    if (name != family || !out.types.emplace(name, kind).second)
      throw std::runtime_error{"a TYPE that does not follow its HELP, or a second one"};
    if (name.ends_with("_total") && kind != "counter")
      throw std::runtime_error{"_total, but no counter"};
  }

  void sample(const std::string& name, const std::string& labels, double value) {
    auto& kind = out.types[family];
    auto suffix = name.starts_with(family) ? name.substr(family.size()) : "another family";
    auto fits = kind == "histogram" ? suffix == "_bucket" || suffix == "_sum" || suffix == "_count" : suffix.empty();
    if (!fits)
      throw std::runtime_error{"does not belong to " + kind + " " + family};
    auto pairs = read_labels(labels);
    std::string bound;
    if (auto le = pairs.extract("le"))
      bound = le.mapped();
    if ((suffix == "_bucket") == bound.empty())
      throw std::runtime_error{"a bucket without a bound, or the other way round"};
    std::string series;
    for (auto& [key, content] : pairs)
      series += (series.empty() ? "" : ",") + key + "=\"" + content + '"';
    if (suffix == "_bucket")
      bucket(series, number(bound), value);
    if (suffix == "_count" && (buckets[series].second != value || buckets[series].first <= 1e300))
      throw std::runtime_error{"the count is not that of the bucket +Inf"};
    if (suffix == "_count")
      buckets.erase(series);
    if (!bound.empty())
      series += (series.empty() ? "" : ",") + ("le=\"" + bound + '"');
    auto& names = out.labels[family];
    for (auto& [key, content] : pairs)
      if (std::ranges::find(names, key) == names.end())
        names.push_back(key);
    std::ranges::sort(names);
    if (!out.values.emplace(series.empty() ? name : name + '{' + series + '}', value).second)
      throw std::runtime_error{"a series for the second time"};
  }

  void bucket(const std::string& series, double bound, double count) {
    if (auto i = buckets.find(series); i != buckets.end() && (i->second.first >= bound || i->second.second > count))
      throw std::runtime_error{"bounds must rise, and counts must not fall"};
    buckets[series] = {bound, count};
  }

  static std::map<std::string, std::string> read_labels(std::string text) {
    std::map<std::string, std::string> result;
    std::smatch found;
    while (!text.empty()) {
      if (!std::regex_search(text, found, label_pair, std::regex_constants::match_continuous)
          || !result.emplace(found[1], found[2]).second)
        throw std::runtime_error{"malformed labels, or one twice"};
      text = found.suffix();
    }
    return result;
  }
};

} // namespace

double exposition_text::operator[](const std::string& series) const {
  auto i = values.find(series);
  return i == values.end() ? 0 : i->second;
}

double exposition_text::sum(const std::string& name, const std::string& part) const {
  double result = 0;
  for (auto& [series, value] : values)
    if (series.substr(0, series.find('{')) == name && series.find(part) != std::string::npos)
      result += value;
  return result;
}

exposition_text exposition_text::parse(const std::string& text) {
  if (!text.empty() && text.back() != '\n')
    throw std::runtime_error{"the last line has no end"};
  reader parsed;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) {
    try {
      parsed.read(line);
    } catch (const std::exception& err) {
      throw std::runtime_error{std::string{err.what()} + ": " + line};
    }
  }
  return std::move(parsed.out);
}

exposition_text metrics_of(caf::actor_system& sys) {
  return exposition_text::parse(collect_metrics(sys));
}

} // namespace cenote::test
