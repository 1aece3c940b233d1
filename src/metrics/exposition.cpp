#include "metrics/exposition.hpp"

#include "cenote/metrics.hpp"

#include <caf/actor_system.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace cenote::metrics {

namespace {

bool is_allowed(char x) {
  return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9') || x == '_';
}

/// CAF's own names have dots and hyphens.
std::string normalized(caf::string_view name) {
  std::string result{name.begin(), name.end()};
  for (auto& x : result)
    if (!is_allowed(x))
      x = '_';
  return result;
}

/// @param quotes whether quotation marks are escaped, too: in labels, but not in help texts.
std::string escaped(caf::string_view text, bool quotes) {
  std::string result;
  for (auto x : text) {
    if (x == '\n') {
      result += "\\n";
      continue;
    }
    if (x == '\\' || (quotes && x == '"'))
      result += '\\';
    result += x;
  }
  return result;
}

} // namespace

std::string exposition::take() {
  current_ = nullptr;
  return std::exchange(out_, {});
}

std::string exposition::text(int64_t x) {
  return std::to_string(x);
}

std::string exposition::text(double x) {
  if (std::isnan(x))
    return "NaN";
  if (std::isinf(x))
    return x > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer{};
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x).ptr;
  return {buffer.data(), end};
}

void exposition::begin(const family& which, std::string_view type) {
  if (current_ == &which)
    return;
  current_ = &which;
  name_ = normalized(which.prefix()) + '_' + normalized(which.name());
  if (which.unit() != "1")
    name_ += '_' + normalized(which.unit());
  if (which.is_sum() && type == "counter")
    name_ += "_total";
  out_ += "# HELP " + name_ + ' ' + escaped(which.helptext(), false) + '\n';
  out_.append("# TYPE ").append(name_).append(" ").append(type).append("\n");
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
  for (auto& x : series.labels())
    if (!x.value().empty()) // The same as a label that is missing.
      label(normalized(x.name()), escaped(x.value(), true));
  if (!bound.empty())
    label("le", bound);
  if (separator == ',')
    out_ += '}';
  out_ += ' ' + value + '\n';
}

} // namespace cenote::metrics

namespace cenote {

std::string collect_metrics(caf::actor_system& sys) {
  metrics::exposition out;
  sys.metrics().collect(out);
  return out.take();
}

} // namespace cenote
