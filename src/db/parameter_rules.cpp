#include "db/parameter_rules.hpp"

#include <algorithm>
#include <chrono>

namespace cenote::db {

bool is_decimal(std::string_view text) noexcept {
  constexpr size_t max_length = 200; // Leading zeros do not count as digits, but they take room.
  if (text.size() > max_length)
    return false;
  if (text.starts_with('-'))
    text.remove_prefix(1);
  auto point = std::min(text.find('.'), text.size());
  auto whole = text.substr(0, point);
  auto fraction = text.substr(std::min(point + 1, text.size()));
  if (whole.empty() || (point < text.size() && fraction.empty()) || !std::ranges::all_of(whole, is_digit)
      || !std::ranges::all_of(fraction, is_digit))
    return false;
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  return whole.size() + fraction.size() <= 65;
}

bool is_real(const date& value) noexcept {
  using namespace std::chrono;
  return value.year > 0 && year_month_day{year{value.year}, month{value.month}, day{value.day}}.ok();
}

bool is_real(const datetime& value) noexcept {
  return is_real(date{value.year, value.month, value.day});
}

/// MySQL ends at 838:59:59.
bool is_real(const time& value) noexcept {
  return value.hours < 838 || value.minute < 59 || value.second < 59 || value.microsecond == 0;
}

} // namespace cenote::db
