#include "app/jobs/options.hpp"

#include "app/printable.hpp"
#include "app/standard_streams.hpp"
#include "cenote/jobs/payload.hpp"
#include "config/duration.hpp"
#include "config/nearest.hpp"
#include "jobs/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Of standard input. A job's payload may be 4 MiB.
constexpr size_t max_payload = size_t{8} << 20;

std::string in_quotes(std::string_view text) {
  return "'" + show_within(text, 64).text + "'";
}

std::vector<std::string> state_names() {
  std::vector<std::string> out;
  for (auto i = 0; i <= static_cast<int>(job_state::cancelled); ++i)
    out.push_back(to_string(static_cast<job_state>(i)));
  return out;
}

/// `scheduled, waiting or running`
std::string any_of(const std::vector<job_state>& states) {
  std::string out;
  for (size_t i = 0; i < states.size(); ++i)
    out += (i == 0 ? "" : i + 1 == states.size() ? " or " : ", ") + to_string(states[i]);
  return out;
}

std::string find_state_problem(jobs_options& x) {
  for (auto& name : x.state_names) {
    auto state = parse_job_state(name);
    if (!state)
      return "--state: there is no state " + in_quotes(name)
             + "; there are scheduled, waiting, running, blocked, done, discarded and cancelled"
             + config::did_you_mean(name, state_names());
    if (std::ranges::find(x.states, *state) == x.states.end())
      x.states.push_back(*state);
  }
  return {};
}

std::string find_name_problem(const jobs_options& x) {
  if (!x.queue.empty())
    if (auto problem = jobs::find_name_problem("--queue", x.queue, 64))
      return *problem;
  if (!x.kind.empty())
    if (auto problem = jobs::find_name_problem("the kind", x.kind, 128))
      return *problem;
  return {};
}

/// Only jobs in these states can be meant; without a choice, those of `preset` are.
std::string restrict_states(jobs_options& x, const std::vector<job_state>& possible,
                            const std::vector<job_state>& preset) {
  for (auto state : x.states)
    if (std::ranges::find(possible, state) == possible.end())
      return "--state " + to_string(state) + " makes no sense here: only jobs that are " + any_of(possible)
             + " can be meant";
  if (x.states.empty())
    x.states = preset;
  return {};
}

/// Either ids, or filters and the word that says that many are meant.
std::string find_choice_problem(jobs_options& x, const std::vector<job_state>& possible,
                                const std::vector<job_state>& preset) {
  auto has_filter = !x.queue.empty() || !x.kind.empty() || !x.tag.empty() || !x.states.empty();
  if (x.ids.empty() && !has_filter && !x.all)
    return "say which jobs: ids, or --all with --queue, --kind, --state or --tag";
  if (!x.ids.empty() && (has_filter || x.all))
    return "ids and filters exclude each other: say one of them";
  if (x.all && !has_filter)
    return "--all needs --queue, --kind, --state or --tag with it";
  if (has_filter && !x.all)
    return "add --all if all jobs that match are meant, or say their ids";
  return restrict_states(x, possible, preset);
}

std::string find_id_problem(const jobs_options& x) {
  for (auto& id : x.ids)
    if (!parse_id_prefix(id))
      return in_quotes(id)
             + " is no id of a job: say one such as 01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f, or its beginning";
  return {};
}

std::string find_age_problem(jobs_options& x) {
  auto age = parse_span(x.age_text);
  if (!age)
    return "--older-than: " + in_quotes(x.age_text) + " is no span of time: say 7d, 36h or 90min";
  x.age = *age;
  return {};
}

/// Takes a number of digits off the text.
std::optional<int> take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits
      || !std::all_of(text.begin(), text.begin() + digits, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  auto out = 0;
  for (auto c : text.substr(0, digits))
    out = out * 10 + (c - '0');
  text.remove_prefix(digits);
  return out;
}

bool take(std::string_view& text, std::string_view any_of_these) {
  if (text.empty() || any_of_these.find(text.front()) == any_of_these.npos)
    return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::microseconds> take_fraction(std::string_view& text) {
  if (!take(text, "."))
    return 0us;
  auto count = int64_t{0};
  auto unit = int64_t{100'000};
  auto digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    count += (text.front() - '0') * unit;
    unit /= 10;
  }
  return digits > 0 ? std::optional{std::chrono::microseconds{count}} : std::nullopt;
}

std::optional<std::chrono::minutes> take_zone(std::string_view& text) {
  if (take(text, "Zz"))
    return 0min;
  auto west = text.starts_with('-');
  if (!take(text, "+-"))
    return std::nullopt;
  auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":"))
    return std::nullopt;
  auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59)
    return std::nullopt;
  auto offset = *hours * 60min + *minutes * 1min;
  return west ? -offset : offset;
}

/// A span of time of `submit`; zero if there is none.
std::chrono::nanoseconds span_option(const char* name, const std::string& text, std::chrono::nanoseconds preset) {
  if (text.empty())
    return preset;
  auto out = parse_span(text);
  if (!out)
    throw input_error{std::string{name} + ": " + in_quotes(text) + " is no span of time: say 30s, 5min, 2h or 7d"};
  return *out;
}

/// `find_problem` speaks of fields.
std::string in_words_of_options(std::string problem) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> names{{{"max_attempts", "--attempts"},
                                                                                {"time_limit", "--time-limit"},
                                                                                {"unique_key", "--unique"},
                                                                                {"run_at", "--at"},
                                                                                {"delay", "--delay"},
                                                                                {"priority", "--priority"}}};
  for (auto& [field, option] : names)
    if (problem.starts_with(field))
      problem.replace(0, field.size(), option);
  return problem;
}

uint32_t attempts_of(const jobs_options& x, uint32_t preset) {
  // What does not fit is out of range in any case.
  constexpr auto most = int64_t{std::numeric_limits<uint32_t>::max()};
  return x.attempts ? static_cast<uint32_t>(std::clamp<int64_t>(*x.attempts, 0, most)) : preset;
}

int32_t priority_of(const jobs_options& x) {
  constexpr auto most = int64_t{std::numeric_limits<int32_t>::max()};
  return static_cast<int32_t>(std::clamp<int64_t>(x.priority.value_or(0), -most, most));
}

} // namespace

std::string complete(jobs_options& x) {
  using enum job_state;
  if (auto problem = find_state_problem(x); !problem.empty())
    return problem;
  if (auto problem = find_name_problem(x); !problem.empty())
    return problem;
  switch (x.command) {
  case jobs_command::show:
    return find_id_problem(x);
  case jobs_command::retry:
    if (auto problem = find_id_problem(x); !problem.empty())
      return problem;
    return find_choice_problem(x, {scheduled, discarded, cancelled}, {discarded});
  case jobs_command::cancel:
  case jobs_command::discard:
    if (auto problem = find_id_problem(x); !problem.empty())
      return problem;
    return find_choice_problem(x, {scheduled, waiting, running, blocked}, {scheduled, waiting, running, blocked});
  case jobs_command::pause:
  case jobs_command::resume:
    return jobs::find_name_problem("the queue", x.ids.empty() ? "" : x.ids.front(), 64).value_or("");
  case jobs_command::prune:
    if (auto problem = restrict_states(x, {done, discarded, cancelled}, {done, discarded, cancelled}); !problem.empty())
      return problem;
    return find_age_problem(x);
  default:
    return {};
  }
}

void make_submission(jobs_options& x) {
  auto& work = x.work;
  if (x.payload == "-") {
    work.payload = read_input(max_payload);
    while (!work.payload.empty() && std::string_view{" \t\r\n"}.find(work.payload.back()) != std::string_view::npos)
      work.payload.pop_back();
    if (work.payload.empty())
      throw input_error{"standard input has no payload: it has to be JSON, such as {}"};
  } else {
    work.payload = x.payload;
  }
  work.id = make_job_id();
  work.kind = x.kind;
  if (!x.queue.empty())
    work.queue = x.queue;
  work.priority = priority_of(x);
  work.delay = span_option("--delay", x.delay, 0s);
  if (!x.at.empty()) {
    work.run_at = parse_instant(x.at);
    if (!work.run_at)
      throw input_error{"--at: " + in_quotes(x.at) + " is no time with a zone: say it as 2026-12-24T18:00:00Z"};
  }
  work.max_attempts = attempts_of(x, work.max_attempts);
  work.time_limit = span_option("--time-limit", x.time_limit, work.time_limit);
  work.unique_key = x.unique;
  work.tags = x.tags;
  if (auto problem = cenote::find_problem(work))
    throw input_error{in_words_of_options(*problem)};
  if (auto problem = find_json_problem(work.payload); !problem.empty())
    throw input_error{"the payload is no JSON: " + printable(problem)};
}

std::optional<std::chrono::nanoseconds> parse_span(std::string_view text) {
  constexpr auto day = 24.0 * 3600;
  std::optional<std::chrono::nanoseconds> out;
  if (text.ends_with('d')) {
    auto number = 0.0;
    auto [end, err] = std::from_chars(text.data(), text.data() + text.size() - 1, number, std::chars_format::fixed);
    constexpr auto most = 36500.0;
    if (err == std::errc{} && end == text.data() + text.size() - 1 && number >= 0 && number <= most)
      out = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{number * day});
  } else {
    out = config::parse_duration(text);
  }
  return out && *out >= 0ns ? out : std::nullopt;
}

std::optional<std::chrono::system_clock::time_point> parse_instant(std::string_view text) {
  using namespace std::chrono;
  auto y = take_number(text, 4);
  if (!y || !take(text, "-"))
    return std::nullopt;
  auto m = take_number(text, 2);
  if (!m || !take(text, "-"))
    return std::nullopt;
  auto d = take_number(text, 2);
  if (!d || !take(text, "Tt "))
    return std::nullopt;
  auto h = take_number(text, 2);
  if (!h || *h > 23 || !take(text, ":"))
    return std::nullopt;
  auto min = take_number(text, 2);
  if (!min || *min > 59 || !take(text, ":"))
    return std::nullopt;
  auto s = take_number(text, 2);
  if (!s || *s > 59)
    return std::nullopt;
  auto fraction = take_fraction(text);
  if (!fraction)
    return std::nullopt;
  auto zone = take_zone(text);
  year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
  // The clock counts nanoseconds in 64 bits.
  if (!zone || !text.empty() || !date.ok() || *y < 1970 || *y > 2200)
    return std::nullopt;
  return sys_days{date} + hours{*h} + minutes{*min} + seconds{*s} + *fraction - *zone;
}

std::string find_json_problem(std::string_view text) {
  if (auto problem = detail::json_problem(text); !problem.empty())
    return problem;
  if (nlohmann::json::accept(text))
    return {};
  try {
    // Stops at the first mistake; deep nesting is no danger to the parser, and there is nothing to destroy.
    [[maybe_unused]] auto none =
        nlohmann::json::parse(text, [](int, nlohmann::json::parse_event_t, nlohmann::json&) { return false; });
  } catch (const nlohmann::json::exception& err) {
    std::string_view what = err.what();
    auto end_of_label = what.find("] ");
    return std::string{end_of_label == what.npos ? what : what.substr(end_of_label + 2)};
  }
  return "it cannot be read";
}

std::optional<id_range> parse_id_prefix(std::string_view text) {
  std::string digits;
  for (auto c : text)
    if (c != '-')
      digits += c;
  constexpr size_t all_digits = 32;
  constexpr size_t least_digits = 4;
  if (digits.size() < least_digits || digits.size() > all_digits
      || (digits.size() == all_digits && text.size() != all_digits && !parse_job_id(text)))
    return std::nullopt;
  auto first = parse_job_id(digits + std::string(all_digits - digits.size(), '0'));
  auto last = parse_job_id(digits + std::string(all_digits - digits.size(), 'f'));
  if (!first || !last)
    return std::nullopt;
  return id_range{*first, *last};
}

} // namespace cenote::app
