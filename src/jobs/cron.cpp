#include "jobs/cron.hpp"

#include "types/printable.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <span>
#include <vector>

namespace cenote::jobs {

namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

constexpr size_t max_length = 256;
constexpr local_days first_day{year{1900} / 1 / 1};
constexpr local_days last_day{year{9999} / 1 / 1};

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
  std::string_view name;
  unsigned min;
  unsigned max;
  unsigned max_with_step_only; ///< Of `*`: Sunday is there once.
  std::span<const std::string_view> names;
};

constexpr std::array<field, 5> fields{{
    {"minute", 0, 59, 59, {}},
    {"hour", 0, 23, 23, {}},
    {"day of month", 1, 31, 31, {}},
    {"month", 1, 12, 12, month_names},
    {"day of week", 0, 7, 6, day_names},
}};

struct nickname {
  std::string_view name;
  std::string_view expression;
};

constexpr std::array<nickname, 7> nicknames{{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

std::string quoted(std::string_view text) {
  return "'" + show_within(text, 40).text + "'";
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string range_of(const field& which) {
  return std::to_string(which.min) + "-" + std::to_string(which.max);
}

/// Reads one field; the first mistake is kept.
class field_parser {
public:
  explicit field_parser(const field& which) : field_{which} {
    // nop
  }

  /// A bit for each value; `problem` is set if there is a mistake.
  uint64_t parse(std::string_view text) {
    uint64_t bits = 0;
    while (problem.empty()) {
      auto comma = text.find(',');
      bits |= part(text.substr(0, comma));
      if (comma == std::string_view::npos)
        break;
      text.remove_prefix(comma + 1);
    }
    return bits;
  }

  std::string problem;

private:
  uint64_t fail(std::string text) {
    if (problem.empty())
      problem = "cron: " + std::string{field_.name} + " " + std::move(text);
    return 0;
  }

  /// `*`, `5`, `mon-fri`, `*/2`, `8-18/2`.
  uint64_t part(std::string_view text) {
    if (text.empty())
      return fail("has an empty part: write *, a number, or a list such as 1,2");
    auto slash = text.find('/');
    auto range = text.substr(0, slash);
    auto dash = range.find('-');
    auto from = field_.min;
    auto to = field_.max_with_step_only;
    if (range != "*") {
      if (slash != std::string_view::npos && dash == std::string_view::npos)
        return fail(quoted(text) + " has a step without a range: write " + show_within(range, 8).text + "-"
                    + std::to_string(field_.max_with_step_only) + show_within(text.substr(slash), 8).text);
      from = value(range.substr(0, dash), false);
      to = dash == std::string_view::npos ? from : value(range.substr(dash + 1), true);
    }
    unsigned step = slash == std::string_view::npos ? 1 : step_of(text.substr(slash + 1));
    if (!problem.empty())
      return 0;
    if (from > to)
      return fail(quoted(range) + " runs backwards: write two ranges with a comma between them");
    uint64_t bits = 0;
    for (auto i = from; i <= to; i += step)
      bits |= uint64_t{1} << i;
    return bits;
  }

  unsigned value(std::string_view text, bool ends_range) {
    auto name = std::ranges::find(field_.names, lower(text));
    if (name != field_.names.end()) {
      auto found = field_.min + static_cast<unsigned>(name - field_.names.begin());
      return found == 0 && ends_range ? 7 : found; // `fri-sun`
    }
    unsigned number = 0;
    switch (read(text, number)) {
    case outcome::good:
      if (number >= field_.min && number <= field_.max)
        return number;
      [[fallthrough]];
    case outcome::too_large:
      fail(std::string{text.substr(0, 20)} + " is out of range " + range_of(field_));
      break;
    case outcome::no_number:
      fail(quoted(text) + " is neither * nor a number " + range_of(field_)
           + (field_.names.empty()
                  ? ""
                  : " nor a name " + std::string{field_.names.front()} + "-" + std::string{field_.names.back()}));
    }
    return 0;
  }

  unsigned step_of(std::string_view text) {
    auto longest = field_.max_with_step_only - field_.min + 1;
    auto range = "1-" + std::to_string(longest);
    unsigned number = 0;
    auto read_as = read(text, number);
    if (read_as == outcome::good && number >= 1 && number <= longest)
      return number;
    if (read_as == outcome::no_number)
      fail("step " + quoted(text) + " is no number " + range);
    else
      fail("step " + std::string{text.substr(0, 20)} + " is out of range " + range);
    return 1;
  }

  enum class outcome { good, too_large, no_number };

  static outcome read(std::string_view text, unsigned& out) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
      return outcome::no_number;
    auto failed = std::from_chars(text.data(), text.data() + text.size(), out).ec;
    return failed == std::errc{} ? outcome::good : outcome::too_large;
  }

  const field& field_;
};

std::vector<std::string_view> split(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  std::vector<std::string_view> out;
  for (auto begin = text.find_first_not_of(blanks); begin != std::string_view::npos;) {
    auto end = std::min(text.find_first_of(blanks, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(blanks, end);
  }
  return out;
}

/// Whether one of the months has one of the days, in some year.
bool can_match(uint32_t days, uint16_t months) {
  for (unsigned month = 1; month <= 12; ++month) {
    auto length = static_cast<unsigned>((year{2024} / month / last).day());
    auto days_of_month = (uint64_t{2} << length) - 2;
    if ((months >> month & 1) != 0 && (days & days_of_month) != 0)
      return true;
  }
  return false;
}

/// The first bit of the set from this one on; nothing if there is none.
std::optional<unsigned> bit_from(uint64_t bits, unsigned from) {
  auto rest = from < 64 ? bits >> from << from : 0;
  if (rest == 0)
    return std::nullopt;
  return static_cast<unsigned>(std::countr_zero(rest));
}

} // namespace

tl::expected<cron_expression, std::string> cron_expression::parse(std::string_view text) {
  auto fail = [](std::string why) { return tl::make_unexpected("cron: " + std::move(why)); };
  if (text.size() > max_length)
    return fail("the expression has " + std::to_string(text.size()) + " bytes, at most " + std::to_string(max_length)
                + " are allowed");
  auto parts = split(text);
  if (parts.size() == 1 && parts[0].front() == '@') {
    auto known = std::ranges::find(nicknames, lower(parts[0]), &nickname::name);
    if (known == nicknames.end())
      return fail(quoted(parts[0]) + " is none of @hourly, @daily, @weekly, @monthly, @yearly");
    parts = split(known->expression);
  }
  if (parts.size() != fields.size())
    return fail(std::to_string(parts.size()) + (parts.size() == 1 ? " field" : " fields")
                + " instead of 5: minute, hour, day of month, month, day of week");
  std::array<uint64_t, fields.size()> bits{};
  for (size_t i = 0; i < fields.size(); ++i) {
    field_parser parser{fields[i]};
    bits[i] = parser.parse(parts[i]);
    if (!parser.problem.empty())
      return tl::make_unexpected(std::move(parser.problem));
  }
  cron_expression out;
  out.minutes_ = bits[0];
  out.hours_ = static_cast<uint32_t>(bits[1]);
  out.days_ = static_cast<uint32_t>(bits[2]);
  out.months_ = static_cast<uint16_t>(bits[3]);
  out.weekdays_ = static_cast<uint8_t>((bits[4] | bits[4] >> 7) & 0x7f);
  out.either_day_ = parts[2].front() != '*' && parts[4].front() != '*';
  if (!out.either_day_ && !can_match(out.days_, out.months_))
    return fail("day of month " + quoted(parts[2]) + " is in none of the months " + quoted(parts[3]));
  return out;
}

bool cron_expression::matches(year_month_day date) const {
  auto day = (days_ >> static_cast<unsigned>(date.day()) & 1) != 0;
  auto weekday_of = (weekdays_ >> weekday{local_days{date}}.c_encoding() & 1) != 0;
  return either_day_ ? day || weekday_of : day && weekday_of;
}

std::optional<local_time<minutes>> cron_expression::next(local_time<minutes> from) const {
  from = std::max<local_time<minutes>>(from, first_day);
  auto day = floor<days>(from);
  auto minute_of_day = static_cast<unsigned>((from - day).count());
  // At most 40 years, for 29 February on a certain day of the week.
  while (day < last_day) {
    year_month_day date{day};
    if ((months_ >> static_cast<unsigned>(date.month()) & 1) == 0) {
      day = local_days{(date.year() / date.month() + months{1}) / 1};
    } else {
      if (matches(date)) {
        auto minute = bit_from(minutes_, minute_of_day % 60);
        auto hour = bit_from(hours_, minute_of_day / 60);
        // The first minute of the next hour that matches, unless this hour does.
        if (hour && (*hour != minute_of_day / 60 || !minute)) {
          hour = *hour != minute_of_day / 60 ? hour : bit_from(hours_, minute_of_day / 60 + 1);
          minute = bit_from(minutes_, 0);
        }
        if (hour)
          return day + hours{*hour} + minutes{*minute};
      }
      day += days{1};
    }
    minute_of_day = 0;
  }
  return std::nullopt;
}

std::optional<server_time> next_time(const cron_expression& expression, server_time after, const time_zone& zone) {
  // Years beyond this are not in the calendar.
  if (after >= sys_days{last_day.time_since_epoch()})
    return std::nullopt;
  auto time = floor<seconds>(std::max<server_time>(after, sys_days{first_day.time_since_epoch()}));
  auto found = expression.next(ceil<minutes>(zone.latest_shown(time) + 1s));
  if (!found)
    return std::nullopt;
  auto out = zone.first(*found);
  assert(out > after);
  return out;
}

} // namespace cenote::jobs
