#include "metrics/reading.hpp"

#include "metrics/catalogue.hpp"

#include <caf/telemetry/metric.hpp>
#include <caf/telemetry/metric_family.hpp>
#include <caf/telemetry/metric_registry.hpp>

namespace cenote::metrics {

namespace {

std::string_view view(caf::string_view x) {
  return {x.data(), x.size()};
}

std::string_view label(const caf::telemetry::metric& series, std::string_view name) {
  for (auto& x : series.labels())
    if (view(x.name()) == name)
      return view(x.value());
  return {};
}

/// Adds up what a registry visits.
class reader {
public:
  using family = caf::telemetry::metric_family;
  using instance = caf::telemetry::metric;

  explicit reader(std::string_view pool) : pool_{pool} {
    // nop
  }

  void operator()(const family* which, const instance* series, const caf::telemetry::int_gauge* x) {
    if (is(*which, *series, metric::sessions_held))
      out_.sessions += x->value();
    else if (x->value() > 0 && is(*which, *series, metric::breaker_state))
      out_.breakers[std::string{label(*series, "server")}] = label(*series, "state");
  }

  void operator()(const family* which, const instance* series, const caf::telemetry::int_counter* x) {
    if (is(*which, *series, metric::requests_refused))
      add(out_.refused, *series, x->value());
    else if (is(*which, *series, metric::connects_failed))
      add(out_.failed_connects, *series, x->value());
    else if (is(*which, *series, metric::retries))
      add(out_.retries, *series, x->value());
  }

  void operator()(const family* which, const instance* series, const caf::telemetry::dbl_histogram* x) {
    if (is(*which, *series, metric::wait_time)) {
      add(out_.waits, *x);
    } else if (is(*which, *series, metric::operation_duration)) {
      auto count = add(out_.operations, *x);
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

  bool is(const family& which, const instance& series, metric what) const {
    auto& x = definition_of(what);
    return view(which.name()) == x.name && view(which.prefix()) == x.prefix
           && (!x.of_pool || label(series, pool_label) == pool_);
  }

  static void add(std::map<std::string, int64_t>& to, const instance& series, int64_t value) {
    to[std::string{label(series, error)}] += value;
  }

  /// @returns how many that are.
  static int64_t add(std::vector<int64_t>& to, const caf::telemetry::dbl_histogram& x) {
    int64_t sum = 0;
    auto buckets = x.buckets();
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
