#include "app/readable_numbers.hpp"

#include <cmath>
#include <cstdio>

namespace cenote::app {

namespace {

std::string format(const char* how, double x) {
  char out[48];
  std::snprintf(out, sizeof(out), how, x);
  return out;
}

/// Three digits, or more before the point. `%g` would write the exponents of numbers that round up to 1000.
std::string three_digits(double x) {
  return format(x < 9.995 ? "%.2f" : x < 99.95 ? "%.1f" : "%.0f", x);
}

} // namespace

std::string readable_time(double seconds) {
  constexpr double minute = 60;
  constexpr double hour = 60 * minute;
  constexpr double day = 24 * hour;
  constexpr double max_days = 99999;
  if (!(seconds > 0))
    return "0 s";
  if (seconds < 0.9995e-3)
    return format("%.0f us", seconds * 1e6);
  if (seconds < 0.9995)
    return three_digits(seconds * 1e3) + " ms";
  if (seconds < 2 * minute)
    return three_digits(seconds) + " s";
  if (seconds < 2 * hour)
    return format("%.0f min", seconds / minute);
  if (seconds < 2 * day)
    return format("%.0f h", seconds / hour);
  return format("%.0f d", std::fmin(seconds / day, max_days));
}

std::string readable_count(double x) {
  constexpr double largest = 999e12;
  if (!(x > 0))
    return "0";
  if (x < 10 && x != std::floor(x))
    return format("%.1f", x);
  if (x < 999999.5)
    return format("%.0f", x);
  if (x < 999.5e6)
    return three_digits(x / 1e6) + " M";
  if (x < 999.5e9)
    return three_digits(x / 1e9) + " G";
  return three_digits(std::fmin(x, largest) / 1e12) + " T";
}

} // namespace cenote::app
