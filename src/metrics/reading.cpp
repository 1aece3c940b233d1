#include "metrics/reading.hpp"

#include "metrics/catalogue.hpp"

#include <caf/telemetry/metric.hpp>
#include <caf/telemetry/metric_family.hpp>
#include <caf/telemetry/metric_registry.hpp>

namespace cenote::metrics {

namespace {

std::string_view view(caf::string_view text) {
  return {text.data(), text.size()};
}

std::string_view label(const caf::telemetry::metric& series, std::string_view name) {
  for (auto& pair : series.labels())
    if (view(pair.name()) == name)
      return view(pair.value());
  return {};
}

/// Adds up the metrics that a registry visits.
class reader {
public:
  using family = caf::telemetry::metric_family;
  using instance = caf::telemetry::metric;

  explicit reader(std::string_view pool) : pool_{pool} {
    // nop
  }

  void operator()(const family* described, const instance* series, const caf::telemetry::int_gauge* gauge) {
    if (is(*described, *series, metric::sessions_held))
      out_.sessions += gauge->value();
    else if (gauge->value() > 0 && is(*described, *series, metric::breaker_state))
      out_.breakers[std::string{label(*series, "server")}] = label(*series, "state");
  }

  void operator()(const family* described, const instance* series, const caf::telemetry::int_counter* counter) {
    if (is(*described, *series, metric::requests_refused))
      add(out_.refused, *series, counter->value());
    else if (is(*described, *series, metric::connects_failed))
      add(out_.failed_connects, *series, counter->value());
    else if (is(*described, *series, metric::retries))
      add(out_.retries, *series, counter->value());
  }

  void operator()(const family* described, const instance* series, const caf::telemetry::dbl_histogram* histogram) {
    if (is(*described, *series, metric::wait_time)) {
      add(out_.waits, *histogram);
    } else if (is(*described, *series, metric::operation_duration)) {
      auto count = add(out_.operations, *histogram);
      if (!label(*series, error).empty())
        add(out_.failed_operations, *series, count);
    }
  }

  template <class T>
  void operator()(const family*, const instance*, const T*) {
    // Not needed.
  }

  reading take() { return std::move(out_); }

private:
  static constexpr std::string_view error = "error_type";

  bool is(const family& described, const instance& series, metric id) const {
    auto& entry = definition_of(id);
    return view(described.name()) == entry.name && view(described.prefix()) == entry.prefix
           && (!entry.of_pool || label(series, pool_label) == pool_);
  }

  static void add(std::map<std::string, int64_t>& to, const instance& series, int64_t value) {
    to[std::string{label(series, error)}] += value;
  }

  /// @returns their number.
  static int64_t add(std::vector<int64_t>& to, const caf::telemetry::dbl_histogram& histogram) {
    int64_t sum = 0;
    auto buckets = histogram.buckets();
    to.resize(buckets.size());
    for (size_t i = 0; i < buckets.size(); ++i) {
      auto count = buckets[i].count.value();
      to[i] += count;
      sum += count;
    }
    return sum;
  }

  std::string_view pool_;
  reading out_;
};

} // namespace

reading read(const caf::telemetry::metric_registry& registry, std::string_view pool) {
  reader out{pool};
  registry.collect(out);
  return out.take();
}

} // namespace cenote::metrics
