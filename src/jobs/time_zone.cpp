#include "jobs/time_zone.hpp"

#include "types/printable.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace cenote::jobs {

namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

// Far enough for any time, and never near an overflow when offsets are added.
constexpr sys_seconds begin_of_time{seconds{-(int64_t{1} << 60)}};
constexpr sys_seconds end_of_time{seconds{int64_t{1} << 60}};

// More than any clock is ahead of or behind UTC.
constexpr auto max_offset = 26h;

/// The span of a rule alone, as if it had always held.
time_zone::span span_of(const yearly_rule& rule, sys_seconds time) {
  if (!rule.when)
    return {begin_of_time, end_of_time, rule.standard};
  struct change {
    sys_seconds time;
    seconds offset;
  };
  auto this_year = year_month_day{floor<days>(time)}.year();
  std::array<change, 6> changes;
  size_t n = 0;
  for (auto year : {this_year - years{1}, this_year, this_year + years{1}}) {
    // In this order: where summer time never ends, it ends and begins in the same moment.
    changes[n++] = {sys_seconds{(rule.when->to_standard.in(year)-rule.summer).time_since_epoch()}, rule.standard};
    changes[n++] = {sys_seconds{(rule.when->to_summer.in(year)-rule.standard).time_since_epoch()}, rule.summer};
  }
  std::ranges::stable_sort(changes, {}, &change::time);
  auto next = std::ranges::upper_bound(changes, time, {}, &change::time);
  if (next == changes.begin())
    return {begin_of_time, next->time, rule.standard};
  auto current = std::prev(next);
  return {current->time, next == changes.end() ? end_of_time : next->time, current->offset};
}

/// Whether it may be put behind the directory's name: no `..`, nothing hidden, nothing absolute.
bool is_zone_name(std::string_view name) {
  auto is_valid = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+'
           || c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' && std::ranges::all_of(name, is_valid);
}

std::optional<std::string> read(const std::filesystem::path& path) {
  constexpr size_t max_size = 1 << 20; // The largest one has some thousand bytes.
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    return std::nullopt;
  auto size = std::filesystem::file_size(path, failed);
  if (failed || size > max_size)
    return std::nullopt;
  std::ifstream file{path, std::ios::binary};
  std::string content(size, '\0');
  if (!file.read(content.data(), static_cast<std::streamsize>(size)))
    return std::nullopt;
  return content;
}

} // namespace

time_zone::span time_zone::at(sys_seconds time) const {
  auto next = std::ranges::upper_bound(changes_, time, {}, &change::time);
  auto begin = next == changes_.begin() ? begin_of_time : std::prev(next)->time;
  auto offset = next == changes_.begin() ? first_offset_ : std::prev(next)->offset;
  if (next != changes_.end())
    return {begin, next->time, offset};
  if (!rule_)
    return {begin, end_of_time, offset};
  auto found = span_of(*rule_, time);
  return {std::max(begin, found.begin), found.end, found.offset};
}

sys_seconds time_zone::first(local_seconds local) const {
  sys_seconds as_utc{local.time_since_epoch()};
  auto part = at(as_utc - max_offset);
  while (true) {
    auto found = std::max(part.begin, as_utc - part.offset);
    if (found < part.end)
      return found;
    part = at(part.end);
  }
}

local_seconds time_zone::latest_shown(sys_seconds time) const {
  auto part = at(time - 2 * max_offset);
  auto shown = local_seconds::min();
  while (part.end <= time) {
    // Not shown, but all before it.
    shown = std::max(shown, local_seconds{(part.end + part.offset).time_since_epoch()} - 1s);
    part = at(part.end);
  }
  return std::max(shown, local_seconds{(time + part.offset).time_since_epoch()});
}

tl::expected<time_zone, std::string> find_time_zone(std::string_view name, std::string_view directory) {
  if (name == "UTC" || name == "Etc/UTC")
    return time_zone{};
  auto quoted = "time zone '" + show_within(name, 64).text + "'";
  std::string folder{directory};
  auto advice = "use a name of " + folder + ", such as Europe/Berlin, or UTC";
  if (!is_zone_name(name))
    return tl::make_unexpected(quoted + " is no name of a time zone: " + advice);
  std::error_code failed;
  if (!std::filesystem::is_directory(folder, failed))
    return tl::make_unexpected(quoted + " is unknown, as are all but UTC: there is no " + folder
                               + ", install the package tzdata");
  auto content = read(std::filesystem::path{folder} / std::string{name});
  if (!content)
    return tl::make_unexpected(quoted + " is unknown: " + advice);
  auto zone = parse_time_zone(*content);
  if (!zone)
    return tl::make_unexpected(quoted + " cannot be used: " + zone.error());
  return zone;
}

} // namespace cenote::jobs
