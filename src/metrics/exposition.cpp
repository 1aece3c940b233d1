#include "metrics/exposition.hpp"

#include <caf/actor_system.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace cenote::metrics {

namespace {

bool is_allowed(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z')
         || (character >= '0' && character <= '9') || character == '_';
}

/// CAF's own names have dots and hyphens.
std::string normalized(caf::string_view name) {
  std::string result{name.begin(), name.end()};
  for (auto& character : result)
    if (!is_allowed(character))
      character = '_';
  return result;
}

/// @param quotes whether quotation marks are escaped, too.
std::string escaped(caf::string_view text, bool quotes) {
  std::string result;
  for (auto character : text) {
    if (character == '\n') {
      result += "\\n";
      continue;
    }
    if (character == '\\' || (quotes && character == '"'))
      result += '\\';
    result += character;
  }
  return result;
}

} // namespace

std::string exposition::take() {
  if (format_ == metrics_format::open_metrics)
    out_ += "# EOF\n";
  return std::move(out_);
}

std::string exposition::text(int64_t number) {
  return std::to_string(number);
}

std::string exposition::text(double number) {
  if (std::isnan(number))
    return "NaN";
  if (std::isinf(number))
    return number > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer{};
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

/// OpenMetrics asks that the same bound is the same text, whoever writes it.
std::string exposition::canonical(std::string bound) const {
  if (format_ == metrics_format::open_metrics && bound.find_first_not_of("-0123456789") == std::string::npos)
    bound += ".0";
  return bound;
}

void exposition::begin(const family& described, std::string_view type) {
  if (current_ == &described)
    return;
  current_ = &described;
  auto is_total = described.is_sum() && type == "counter";
  auto unit = described.unit() == "1" ? std::string{} : normalized(described.unit());
  name_ = normalized(described.prefix()) + '_' + normalized(described.name());
  if (!unit.empty())
    name_ += '_' + unit;
  if (format_ == metrics_format::prometheus) {
    auto name = is_total ? name_ + "_total" : name_; // There, families are named as their series.
    describe("HELP", name, escaped(described.helptext(), false));
    describe("TYPE", name, type);
    return;
  }
  describe("HELP", name_, escaped(described.helptext(), true));
  describe("TYPE", name_, type == "counter" && !is_total ? "unknown" : type); // Counters must end in `_total`.
  if (!unit.empty())
    describe("UNIT", name_, unit);
}

void exposition::describe(std::string_view keyword, std::string_view name, std::string_view text) {
  out_.append("# ").append(keyword).append(" ").append(name).append(" ").append(text).append("\n");
}

/// @param bound of a bucket; empty for everything else.
void exposition::line(std::string_view suffix, const instance& series, const std::string& bound,
                      const std::string& value) {
  out_.append(name_).append(suffix);
  auto separator = '{';
  auto label = [&](const std::string& name, const std::string& content) {
    out_ += separator;
    out_ += name + "=\"" + content + '"';
    separator = ',';
  };
  for (auto& pair : series.labels())
    if (!pair.value().empty()) // The same as a label that is missing.
      label(normalized(pair.name()), escaped(pair.value(), true));
  if (!bound.empty())
    label("le", bound);
  if (separator == ',')
    out_ += '}';
  out_ += ' ' + value + '\n';
}

} // namespace cenote::metrics

namespace cenote {

std::string_view content_type_of(metrics_format format) {
  return format == metrics_format::open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                : "text/plain; version=0.0.4; charset=utf-8";
}

std::string collect_metrics(caf::actor_system& sys, metrics_format format) {
  metrics::exposition out{format};
  sys.metrics().collect(out);
  return out.take();
}

} // namespace cenote
