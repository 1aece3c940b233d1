#include "app/readable_numbers.hpp"

#include <cmath>
#include <cstdio>

namespace cenote::app {

namespace {

std::string format(const char* form, double number) {
  char out[48];
  std::snprintf(out, sizeof(out), form, number);
  return out;
}

/// Three digits, or more before the point. `%g` would write the exponents of numbers that round up to 1000.
std::string three_digits(double number) {
  return format(number < 9.995 ? "%.2f" : number < 99.95 ? "%.1f" : "%.0f", number);
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

std::string readable_count(double number) {
  constexpr double largest = 999e12;
  if (!(number > 0))
    return "0";
  if (number < 10 && number != std::floor(number))
    return format("%.1f", number);
  if (number < 999999.5)
    return format("%.0f", number);
  if (number < 999.5e6)
    return three_digits(number / 1e6) + " M";
  if (number < 999.5e9)
    return three_digits(number / 1e9) + " G";
  return three_digits(std::fmin(number, largest) / 1e12) + " T";
}

} // namespace cenote::app
