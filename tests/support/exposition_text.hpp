#pragma once

#include <caf/fwd.hpp>

#include <map>
#include <string>
#include <vector>

namespace cenote::test {

/// A text in Prometheus' format 0.0.4, read strictly.
class exposition_text {
public:
  /// Series by name and labels, the labels in the order of the alphabet: `a_total{code="x",pool="y"}`.
  std::map<std::string, double> values;

  /// `counter`, `gauge` or `histogram` by the name of a family.
  std::map<std::string, std::string> types;

  /// The help by the name of a family.
  std::map<std::string, std::string> help;

  /// The labels' names by family, without `le`.
  std::map<std::string, std::vector<std::string>> labels;

  /// Zero if it is not there.
  double operator[](const std::string& series) const;

  /// The sum of all series of this name whose labels contain `part`.
  double sum(const std::string& name, const std::string& part = {}) const;

  /// @throws std::runtime_error with the wrong line.
  static exposition_text parse(const std::string& text);
};

/// The current answer of `collect_metrics`, parsed.
exposition_text metrics_of(caf::actor_system& sys);

} // namespace cenote::test
