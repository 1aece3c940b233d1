#pragma once

#include <caf/telemetry/gauge.hpp>

#include <cstdint>
#include <utility>

namespace cenote::metrics {

/// The contribution of one pool, or one client, to a gauge. Those of the same name share their series, which shows the
/// sum. It ends with this.
class contribution {
public:
  explicit contribution(caf::telemetry::int_gauge* series) : series_{series} {
    // nop
  }

  contribution(contribution&& other) noexcept : series_{other.series_}, value_{std::exchange(other.value_, 0)} {
    // nop
  }

  ~contribution() { set(0); }

  /// Writes to the series only if the value has changed: writing locks a cache line.
  void set(int64_t value) {
    if (value == value_)
      return;
    series_->inc(value - value_);
    value_ = value;
  }

private:
  caf::telemetry::int_gauge* series_;
  int64_t value_ = 0;
};

} // namespace cenote::metrics
