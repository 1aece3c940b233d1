#include "app/jobs/texts.hpp"

#include "app/json.hpp"
#include "app/printable.hpp"
#include "app/readable_numbers.hpp"
#include "app/table.hpp"
#include "cenote/result.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;
using json = nlohmann::ordered_json;
using job_tables::job_terms;

constexpr std::array all_states{job_state::scheduled, job_state::waiting,   job_state::running,  job_state::blocked,
                                job_state::done,      job_state::discarded, job_state::cancelled};

/// Columns of a list that an error may take.
constexpr size_t error_width = 60;

std::string short_span(std::chrono::nanoseconds span) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(span).count();
  if (seconds < 120)
    return std::to_string(seconds) + " s";
  if (seconds < 7200)
    return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800)
    return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " d";
}

/// A table of texts, laid out as a result is.
class text_table {
public:
  explicit text_table(std::vector<column> columns) { rows_.columns(std::move(columns)); }

  text_table& add(std::string_view cell) {
    rows_.add(cell);
    return *this;
  }

  std::string draw() && { return to_table(rows_.finish()); }

private:
  result_builder rows_;
};

column text(std::string name) {
  return {std::move(name), column_type::text};
}

column number(std::string name) {
  return {std::move(name), column_type::integer};
}

json time_or_null(const std::optional<server_clock::time_point>& x) {
  return x ? json(time_text(*x)) : json(nullptr);
}

json text_or_null(const std::string& x) {
  return x.empty() ? json(nullptr) : json(x);
}

double seconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double>(x).count();
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (auto& x : all)
    (out += out.empty() ? "" : ", ") += x;
  return out;
}

std::string line(std::string_view name, std::string_view value) {
  std::string out{name};
  out.append(name.size() < 14 ? 14 - name.size() : 1, ' ');
  return out + printable(value) + "\n";
}

/// Below a heading, each line indented.
std::string block(std::string_view name, std::string_view json_text) {
  auto value = embedded_json(json_text);
  auto laid_out = value.is_string() && !json_text.starts_with('"')
                      ? std::string{json_text}
                      : value.dump(2, ' ', false, json::error_handler_t::replace);
  std::string out{name};
  out += '\n';
  std::string_view rest = laid_out;
  for (size_t end = 0; end != rest.npos;) {
    end = rest.find('\n');
    out += "  " + printable(rest.substr(0, end)) + "\n";
    if (end != rest.npos)
      rest.remove_prefix(end + 1);
  }
  return out;
}

std::string scope_text(const job_terms& terms) {
  switch (terms.scope) {
  case unique_scope::waiting:
    return "while it waits";
  case unique_scope::waiting_or_running:
    return "until it ends";
  default:
    return terms.unique_until ? "until " + time_text(*terms.unique_until) : "for a time";
  }
}

std::string moment(server_clock::time_point time, server_clock::time_point now) {
  return time_text(time) + ", " + relative_time(time, now);
}

std::string counted(uint64_t count, job_state state) {
  return has_ended(state) && count > most_counted ? ">" + std::to_string(most_counted) : std::to_string(count);
}

bool is_paused(const jobs_overview& x, const std::string& queue) {
  return std::ranges::any_of(x.limits,
                             [&](auto& limit) { return limit.queue == queue && limit.kind.empty() && limit.paused; });
}

/// Rows remain when their limits are gone.
bool limits_something(const job_tables::stored_limit& x) {
  return x.paused || x.max_running != 0 || x.per_second != 0;
}

std::string decimal_text(double x) {
  char out[40];
  std::snprintf(out, sizeof(out), "%.6g", x);
  return out;
}

} // namespace

std::string relative_time(server_clock::time_point time, server_clock::time_point now) {
  auto ahead = time > now;
  auto distance = ahead ? time - now : now - time;
  if (distance < 1s)
    return "now";
  return ahead ? "in " + short_span(distance) : short_span(distance) + " ago";
}

std::string time_text(server_clock::time_point time) {
  using namespace std::chrono;
  auto whole = floor<std::chrono::seconds>(time);
  auto date = floor<days>(whole);
  year_month_day day{date};
  hh_mm_ss clock{whole - date};
  char out[64];
  std::snprintf(out, sizeof(out), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string text = out;
  if (auto fraction = duration_cast<microseconds>(time - whole).count(); fraction != 0) {
    std::snprintf(out, sizeof(out), ".%06d", static_cast<int>(fraction));
    text += out;
  }
  return text + "Z";
}

server_clock::time_point time_of_interest(const job_status& x) {
  if (has_ended(x.state))
    return x.ended_at.value_or(x.run_at);
  if (x.state == job_state::running)
    return x.started_at.value_or(x.run_at);
  return x.state == job_state::blocked ? x.created_at : x.run_at;
}

std::string job_table(const std::vector<job_status>& jobs, server_clock::time_point now) {
  text_table out{
      {text("id"), text("kind"), text("queue"), text("state"), number("attempt"), text("when"), text("error")}};
  for (auto& x : jobs)
    out.add(to_string(x.id))
        .add(x.kind)
        .add(x.queue)
        .add(to_string(x.state))
        .add(std::to_string(x.attempt) + "/" + std::to_string(x.max_attempts))
        .add(relative_time(time_of_interest(x), now))
        .add(show_within(x.error, error_width).text);
  return std::move(out).draw();
}

std::string job_page(const job_status& x, const job_terms& terms, server_clock::time_point now) {
  auto out = line("id", to_string(x.id)) + line("kind", x.kind) + line("queue", x.queue)
             + line("state", to_string(x.state))
             + line("attempt", std::to_string(x.attempt) + " of " + std::to_string(x.max_attempts))
             + line("priority", std::to_string(x.priority));
  if (x.state == job_state::running)
    out += line("progress", std::to_string(x.progress / 10) + " %");
  if (!x.tags.empty())
    out += line("tags", joined(x.tags));
  if (!terms.unique_key.empty())
    out += line("unique key", terms.unique_key + " (" + scope_text(terms) + ")");
  if (terms.batch)
    out += line("batch", to_string(*terms.batch));
  out += line("time limit", readable_time(seconds(terms.time_limit)));
  out += line("pauses",
              readable_time(seconds(terms.backoff.first)) + " to " + readable_time(seconds(terms.backoff.longest)));
  out += line("submitted", moment(x.created_at, now));
  out += line("due", moment(x.run_at, now));
  if (x.started_at)
    out += line("begun", moment(*x.started_at, now));
  if (x.ended_at)
    out += line("ended", moment(*x.ended_at, now));
  if (!x.node.empty())
    out += line("node", x.node);
  if (!x.error.empty())
    out += line("error", x.error);
  out += block("payload", x.payload);
  if (!x.result.empty())
    out += block("result", x.result);
  return out;
}

json job_object(const job_status& x) {
  json out;
  out["id"] = to_string(x.id);
  out["kind"] = x.kind;
  out["queue"] = x.queue;
  out["state"] = to_string(x.state);
  out["priority"] = x.priority;
  out["attempt"] = x.attempt;
  out["max_attempts"] = x.max_attempts;
  out["progress"] = x.progress / 1000.0;
  out["tags"] = x.tags;
  out["created_at"] = time_text(x.created_at);
  out["run_at"] = time_text(x.run_at);
  out["started_at"] = time_or_null(x.started_at);
  out["ended_at"] = time_or_null(x.ended_at);
  out["node"] = text_or_null(x.node);
  out["error"] = text_or_null(x.error);
  return out;
}

json job_object(const job_status& x, const job_terms& terms) {
  auto out = job_object(x);
  out["unique_key"] = text_or_null(terms.unique_key);
  out["batch"] = terms.batch ? json(to_string(*terms.batch)) : json(nullptr);
  out["time_limit_seconds"] = seconds(terms.time_limit);
  out["payload"] = embedded_json(x.payload);
  out["result"] = x.result.empty() ? json(nullptr) : embedded_json(x.result);
  return out;
}

std::string overview_tables(const jobs_overview& x) {
  std::vector<column> columns{text("queue"), text("kind")};
  for (auto state : all_states)
    columns.push_back(number(to_string(state)));
  columns.push_back(number("oldest"));
  columns.push_back(text("paused"));
  text_table kinds{std::move(columns)};
  for (auto& kind : x.kinds) {
    kinds.add(kind.queue).add(kind.kind);
    for (auto state : all_states)
      kinds.add(counted(kind.count(state), state));
    kinds.add(kind.oldest ? short_span(*kind.oldest) : "").add(is_paused(x, kind.queue) ? "yes" : "");
  }
  auto out = x.kinds.empty() ? std::string{"There are no jobs.\n"} : std::move(kinds).draw();
  if (std::ranges::any_of(x.limits, limits_something)) {
    text_table limits{{text("limited queue"), text("kind"), text("paused"), number("running"), number("per second")}};
    for (auto& limit : x.limits)
      if (limits_something(limit))
        limits.add(limit.queue)
            .add(limit.kind.empty() ? "(all)" : limit.kind)
            .add(limit.paused ? "yes" : "")
            .add(limit.max_running == 0 ? "" : std::to_string(limit.max_running))
            .add(limit.per_second == 0 ? "" : decimal_text(limit.per_second));
    out += "\n" + std::move(limits).draw();
  }
  if (x.nodes.empty())
    return out + "\nNo node is there.\n";
  text_table nodes{{text("node"), number("since"), text("lease")}};
  for (auto& node : x.nodes)
    nodes.add(node.name)
        .add(short_span(node.age))
        .add(node.lease > 0s ? "for " + short_span(node.lease) : "lost for " + short_span(-node.lease));
  return out + "\n" + std::move(nodes).draw();
}

json overview_object(const jobs_overview& x) {
  auto kinds = json::array();
  for (auto& kind : x.kinds) {
    json one;
    one["queue"] = kind.queue;
    one["kind"] = kind.kind;
    for (auto state : all_states)
      one[to_string(state)] = std::min(kind.count(state), has_ended(state) ? most_counted : UINT64_MAX);
    one["more_ended"] = std::ranges::any_of(
        all_states, [&](auto state) { return has_ended(state) && kind.count(state) > most_counted; });
    one["oldest_seconds"] = kind.oldest ? json(seconds(*kind.oldest)) : json(nullptr);
    one["paused"] = is_paused(x, kind.queue);
    kinds.push_back(std::move(one));
  }
  auto limits = json::array();
  for (auto& limit : x.limits)
    if (limits_something(limit))
      limits.push_back({{"queue", limit.queue},
                        {"kind", text_or_null(limit.kind)},
                        {"paused", limit.paused},
                        {"max_running", limit.max_running},
                        {"per_second", limit.per_second}});
  auto nodes = json::array();
  for (auto& node : x.nodes)
    nodes.push_back({{"name", node.name}, {"age_seconds", seconds(node.age)}, {"lease_seconds", seconds(node.lease)}});
  json out;
  out["kinds"] = std::move(kinds);
  out["limits"] = std::move(limits);
  out["nodes"] = std::move(nodes);
  return out;
}

json embedded_json(std::string_view text) {
  constexpr auto most_levels = 200; // Writing recurses.
  auto level = 0;
  auto deepest = 0;
  for (auto c : text) // Brackets in strings count as well, which does no harm.
    if (c == '[' || c == '{')
      deepest = std::max(deepest, ++level);
    else if (c == ']' || c == '}')
      --level;
  auto value = deepest <= most_levels ? json::parse(text, nullptr, false) : json(json::value_t::discarded);
  return value.is_discarded() ? json(std::string{text}) : value;
}

} // namespace cenote::app
