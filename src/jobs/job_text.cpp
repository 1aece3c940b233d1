#include "cenote/jobs/job.hpp"
#include "jobs/names.hpp"
#include "types/hex_digit.hpp"
#include "types/printable.hpp"

#include <algorithm>
#include <array>

namespace cenote {

namespace {

using namespace std::chrono_literals;

constexpr size_t max_payload = size_t{4} << 20;
constexpr std::chrono::nanoseconds year = 365 * 24h;

constexpr std::array<std::string_view, 7> states{"scheduled", "waiting",   "running",  "blocked",
                                                 "done",      "discarded", "cancelled"};

/// Whether a text of an id has a dash before this byte.
bool dash_before(size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

using problem = std::optional<std::string>;

template <class T>
problem find_range_problem(const char* field, T value, T min, T max, const char* range) {
  if (value < min || value > max)
    return std::string{field} + " is out of range " + range;
  return std::nullopt;
}

problem find_time_problem(const job& work) {
  if (work.run_at && work.run_at->time_since_epoch() < 0s)
    return "run_at is before 1970";
  if (auto found = find_range_problem<std::chrono::nanoseconds>("delay", work.delay, 0ns, 100 * year, "0 to 100 years"))
    return found;
  auto& [first, longest] = work.backoff;
  if (auto found =
          find_range_problem<std::chrono::nanoseconds>("backoff.longest", longest, 1ms, year, "1 ms to 365 days"))
    return found;
  if (auto found =
          find_range_problem<std::chrono::nanoseconds>("backoff.first", first, 1ms, longest, "1 ms to backoff.longest"))
    return found;
  return find_range_problem<std::chrono::nanoseconds>("time_limit", work.time_limit, 1ms, 30 * 24h, "1 ms to 30 days");
}

problem find_unique_problem(const job& work) {
  if (work.unique_key.size() > 255)
    return "unique_key has " + std::to_string(work.unique_key.size()) + " bytes, at most 255 are allowed";
  if (work.scope > unique_scope::within)
    return "scope has the value " + std::to_string(static_cast<int>(work.scope)) + ", which is none of unique_scope";
  if (auto found =
          find_range_problem<std::chrono::nanoseconds>("unique_for", work.unique_for, 0ns, year, "0 to 365 days"))
    return found;
  if (!work.unique_key.empty() && work.scope == unique_scope::within && work.unique_for == 0ns)
    return "unique_for is zero, but scope is unique_scope::within: set how long the key is taken";
  return std::nullopt;
}

problem find_tag_problem(const job& work) {
  if (work.tags.size() > 16)
    return "tags has " + std::to_string(work.tags.size()) + " elements, at most 16 are allowed";
  for (auto& tag : work.tags) {
    auto shown = "tag '" + show_within(tag, 64).text + "' ";
    if (tag.empty())
      return "a tag is empty";
    if (tag.size() > 64)
      return shown + "has " + std::to_string(tag.size()) + " bytes, at most 64 are allowed";
    if (!is_utf8(tag))
      return shown + "is not UTF-8";
    if (tag.find(',') != tag.npos)
      return shown + "has a comma, which separates tags";
  }
  return std::nullopt;
}

problem find_payload_problem(const job& work) {
  if (work.payload.empty())
    return "payload is empty: it has to be JSON, such as {}";
  if (work.payload.size() > max_payload)
    return "payload has " + std::to_string(work.payload.size()) + " bytes, at most " + std::to_string(max_payload)
           + " are allowed: store large data elsewhere, and its key in the payload";
  if (!is_utf8(work.payload))
    return "payload is not UTF-8";
  return std::nullopt;
}

} // namespace

std::optional<std::string> jobs::find_name_problem(std::string_view field, std::string_view name, size_t max_length) {
  std::string out{field};
  if (name.empty())
    return out + " is empty";
  if (name.size() > max_length)
    return out + " has " + std::to_string(name.size()) + " characters, at most " + std::to_string(max_length)
           + " are allowed";
  out += " '" + show_within(name, 128).text + "'";
  if (!std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; }))
    return out + " has characters that are not printable ASCII";
  if (name.front() == ' ' || name.back() == ' ')
    return out + " begins or ends with a space";
  return std::nullopt;
}

std::optional<std::string> find_problem(const job& work) {
  if (auto found = jobs::find_name_problem("kind", work.kind, 128))
    return found;
  if (auto found = find_payload_problem(work))
    return found;
  if (auto found = jobs::find_name_problem("queue", work.queue, 64))
    return found;
  if (auto found = find_range_problem<int64_t>("priority", work.priority, -10000, 10000, "-10000 to 10000"))
    return found;
  if (auto found = find_range_problem<int64_t>("max_attempts", work.max_attempts, 1, 10000, "1 to 10000"))
    return found;
  if (auto found = find_time_problem(work))
    return found;
  if (auto found = find_unique_problem(work))
    return found;
  return find_tag_problem(work);
}

std::string to_string(const job_id& id) {
  std::string out;
  for (size_t i = 0; i < id.bytes.size(); ++i) {
    if (dash_before(i))
      out += '-';
    detail::append_hex(out, id.bytes[i]);
  }
  return out;
}

std::optional<job_id> parse_job_id(std::string_view text) {
  job_id out;
  auto has_dashes = text.size() == 36;
  if (!has_dashes && text.size() != 32)
    return std::nullopt;
  for (size_t i = 0; i < out.bytes.size(); ++i) {
    if (has_dashes && dash_before(i)) {
      if (text.front() != '-')
        return std::nullopt;
      text.remove_prefix(1);
    }
    auto high = detail::hex_digit(text[0]);
    auto low = detail::hex_digit(text[1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    out.bytes[i] = static_cast<uint8_t>(high << 4 | low);
    text.remove_prefix(2);
  }
  return out;
}

std::string to_string(job_state x) {
  auto index = static_cast<size_t>(x);
  return index < states.size() ? std::string{states[index]} : "state " + std::to_string(index);
}

std::optional<job_state> parse_job_state(std::string_view text) {
  auto found = std::ranges::find(states, text);
  if (found == states.end())
    return std::nullopt;
  return static_cast<job_state>(found - states.begin());
}

} // namespace cenote
