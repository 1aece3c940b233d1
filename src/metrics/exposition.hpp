#pragma once

#include "cenote/metrics.hpp"

#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/histogram.hpp>
#include <caf/telemetry/metric.hpp>
#include <caf/telemetry/metric_family.hpp>

#include <string>
#include <string_view>

namespace cenote::metrics {

/// Writes the metrics that a registry visits as text for Prometheus. CAF's own collector does not escape the values of
/// labels, rounds sums and bounds to six decimals, and may be used by one thread only.
class exposition {
public:
  using family = caf::telemetry::metric_family;
  using instance = caf::telemetry::metric;

  explicit exposition(metrics_format format) : format_{format} {
    // nop
  }

  // -- called by the registry ------------------------------------------------------

  void operator()(const family* described, const instance* series, const caf::telemetry::int_gauge* gauge) {
    begin(*described, "gauge");
    line({}, *series, {}, text(gauge->value()));
  }

  void operator()(const family* described, const instance* series, const caf::telemetry::dbl_gauge* gauge) {
    begin(*described, "gauge");
    line({}, *series, {}, text(gauge->value()));
  }

  template <class T>
  void operator()(const family* described, const instance* series, const caf::telemetry::counter<T>* counter) {
    begin(*described, "counter");
    line(described->is_sum() ? "_total" : "", *series, {}, text(counter->value()));
  }

  template <class T>
  void operator()(const family* described, const instance* series, const caf::telemetry::histogram<T>* histogram) {
    begin(*described, "histogram");
    int64_t count = 0;
    auto buckets = histogram->buckets();
    for (size_t i = 0; i < buckets.size(); ++i) {
      count += buckets[i].count.value();
      auto is_last = i + 1 == buckets.size();
      line("_bucket", *series, is_last ? "+Inf" : bound(buckets[i].upper_bound), text(count));
    }
    line("_sum", *series, {}, text(histogram->sum()));
    line("_count", *series, {}, text(count));
  }

  // -- result ----------------------------------------------------------------------

  /// Takes the text that has been written; nothing can be added to it.
  std::string take();

private:
  static std::string text(int64_t number);
  static std::string text(double number);

  template <class T>
  std::string bound(T number) const {
    return canonical(text(number));
  }

  std::string canonical(std::string bound) const;
  void begin(const family& described, std::string_view type);
  void describe(std::string_view keyword, std::string_view name, std::string_view text);
  void line(std::string_view suffix, const instance& series, const std::string& bound, const std::string& value);

  metrics_format format_;
  std::string out_;
  const family* current_ = nullptr;
  std::string name_; ///< Of the current family, without `_total`.
};

} // namespace cenote::metrics
