#include "jobs/time_zone.hpp"

#include <array>
#include <charconv>

// The format of compiled time zones, RFC 8536: a header and data with times of 32 bits, the same again with 64 bits,
// and a line with the rule for all later times. Files come from the system, but nothing here trusts them.

namespace cenote::jobs {

namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

constexpr size_t header_size = 44;

/// A number with the most significant byte first. @pre `text` has so many bytes from there on.
template <class Integer>
Integer number_at(std::string_view text, size_t position) {
  std::make_unsigned_t<Integer> out = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i)
    out = static_cast<decltype(out)>(out << 8 | static_cast<unsigned char>(text[position + i]));
  return static_cast<Integer>(out);
}

/// What a header says about the data behind it.
struct counts {
  uint64_t ut_flags, standard_flags, leaps, changes, types, letters;

  /// @param time_size 4 or 8.
  uint64_t size(uint64_t time_size) const {
    return changes * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard_flags + ut_flags;
  }
};

std::optional<counts> read_header(std::string_view file) {
  if (file.size() < header_size || !file.starts_with("TZif"))
    return std::nullopt;
  std::array<uint64_t, 6> n;
  for (size_t i = 0; i < n.size(); ++i)
    n[i] = number_at<uint32_t>(file, 20 + 4 * i);
  return counts{n[0], n[1], n[2], n[3], n[4], n[5]};
}

/// Reads `CET-1CEST,M3.5.0,M10.5.0/3` from left to right.
class rule_parser {
public:
  explicit rule_parser(std::string_view text) : rest_{text} {
    // nop
  }

  std::optional<yearly_rule> parse() {
    yearly_rule out;
    // Offsets are those of UTC from local time.
    if (!name() || !time(out.standard, 24))
      return std::nullopt;
    out.standard = -out.standard;
    if (rest_.empty())
      return out;
    if (!name())
      return std::nullopt;
    out.summer = out.standard + 1h;
    if (!next_is(',')) {
      if (!time(out.summer, 24))
        return std::nullopt;
      out.summer = -out.summer;
    }
    yearly_rule::changes when;
    if (!skip(',') || !change(when.to_summer) || !skip(',') || !change(when.to_standard) || !rest_.empty())
      return std::nullopt;
    out.when = when;
    return out;
  }

private:
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }

  bool skip(char c) {
    if (!next_is(c))
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// `CET`, `<+0330>`.
  bool name() {
    if (skip('<')) {
      auto end = rest_.find('>');
      if (end == std::string_view::npos)
        return false;
      rest_.remove_prefix(end + 1);
      return true;
    }
    auto length = rest_.find_first_of("+-0123456789,");
    length = length == std::string_view::npos ? rest_.size() : length;
    rest_.remove_prefix(length);
    return length >= 3;
  }

  bool number(unsigned& out, unsigned min, unsigned max) {
    auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (failed != std::errc{} || out < min || out > max)
      return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }

  /// `-3`, `2:30`, `+1:02:03`.
  bool time(seconds& out, unsigned max_hours) {
    auto negative = skip('-');
    if (!negative)
      skip('+');
    unsigned h = 0, m = 0, s = 0;
    if (!number(h, 0, max_hours) || (skip(':') && (!number(m, 0, 59) || (skip(':') && !number(s, 0, 59)))))
      return false;
    out = hours{h} + minutes{m} + seconds{s};
    if (negative)
      out = -out;
    return true;
  }

  /// `M3.5.0/2`, `J60`, `59/3`.
  bool change(yearly_change& out) {
    using enum yearly_change::form;
    bool valid = false;
    if (skip('M')) {
      out.kind = weekday_of_month;
      valid = number(out.month, 1, 12) && skip('.') && number(out.week, 1, 5) && skip('.') && number(out.day, 0, 6);
    } else if (skip('J')) {
      out.kind = day_without_leap;
      valid = number(out.day, 1, 365);
    } else {
      out.kind = day_of_year;
      valid = number(out.day, 0, 365);
    }
    return valid && (!skip('/') || time(out.time, 167));
  }

  std::string_view rest_;
};

} // namespace

local_seconds yearly_change::in(std::chrono::year year) const {
  local_days date{year / 1 / 1};
  switch (kind) {
  case form::weekday_of_month: {
    auto the_month = std::chrono::month{month};
    std::chrono::weekday weekday{day};
    date = week == 5 ? local_days{year / the_month / weekday[last]} : local_days{year / the_month / weekday[week]};
    break;
  }
  case form::day_without_leap:
    date += days{day - 1 + (year.is_leap() && day >= 60 ? 1 : 0)};
    break;
  case form::day_of_year:
    date += days{day};
    break;
  }
  return date + time;
}

std::optional<yearly_rule> parse_yearly_rule(std::string_view text) {
  return rule_parser{text}.parse();
}

tl::expected<time_zone, std::string> parse_time_zone(std::string_view file) {
  auto cut = [] { return tl::make_unexpected(std::string{"its file is cut off or damaged"}); };
  auto header = read_header(file);
  if (!header)
    return tl::make_unexpected(std::string{"its file is no compiled time zone"});
  size_t time_size = 4;
  std::string_view footer;
  if (file[4] >= '2') {
    auto skipped = header_size + header->size(time_size);
    if (skipped > file.size())
      return cut();
    file.remove_prefix(skipped);
    header = read_header(file);
    time_size = 8;
    if (!header || header_size + header->size(time_size) > file.size())
      return cut();
    footer = file.substr(header_size + header->size(time_size));
  }
  if (header->types == 0 || header_size + header->size(time_size) > file.size())
    return cut();
  if (header->leaps > 0)
    return tl::make_unexpected(std::string{"it counts leap seconds, which the clocks of servers do not"});

  auto times = header_size;
  auto indexes = times + header->changes * time_size;
  auto types = indexes + header->changes;
  auto offset_of = [&](size_t type) { return seconds{number_at<int32_t>(file, types + type * 6)}; };
  for (size_t i = 0; i < header->types; ++i)
    if (abs(offset_of(i)) >= 26h)
      return cut();

  time_zone out;
  out.first_offset_ = offset_of(0);
  for (size_t i = 0; i < header->changes; ++i) {
    auto time = time_size == 8 ? number_at<int64_t>(file, times + i * 8) : number_at<int32_t>(file, times + i * 4);
    auto type = static_cast<unsigned char>(file[indexes + i]);
    auto far = time < -(int64_t{1} << 59) || time > int64_t{1} << 59;
    sys_seconds moment{seconds{time}};
    if (type >= header->types || far || (!out.changes_.empty() && moment <= out.changes_.back().time))
      return cut();
    out.changes_.push_back({moment, offset_of(type)});
  }

  if (footer.size() > 2) {
    auto end = footer.find('\n', 1);
    if (footer.front() != '\n' || end == std::string_view::npos)
      return cut();
    out.rule_ = parse_yearly_rule(footer.substr(1, end - 1));
    if (!out.rule_)
      return tl::make_unexpected(std::string{"the rule at the end of its file is not understood"});
  }
  return out;
}

} // namespace cenote::jobs
