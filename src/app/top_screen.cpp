#include "app/top_screen.hpp"

#include "app/printable.hpp"
#include "app/readable_numbers.hpp"
#include "types/one_line.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>

namespace cenote::app {

namespace {

constexpr size_t label_width = 13;
/// From this width on lists show all their columns.
constexpr size_t full_width = 100;

std::string local_time(double at, const char* format) {
  constexpr double last_second = 253402300799; // Of the year 9999.
  auto seconds = static_cast<time_t>(std::clamp(at, 0.0, last_second));
  std::tm parts{};
  char out[32];
  if (localtime_r(&seconds, &parts) == nullptr || std::strftime(out, sizeof(out), format, &parts) == 0)
    return "?";
  return out;
}

std::string clock_time(double at) {
  return local_time(at, "%H:%M:%S");
}

/// Adds what fits of a text from elsewhere.
void add_within(styled_line& to, const std::string& text, size_t width, style how = style::plain) {
  if (to.width() >= width)
    return;
  auto fits = show_within(detail::one_line(text), width - to.width());
  to.add(std::move(fits.text), fits.width, how);
}

void pad(styled_line& to, size_t width) {
  if (to.width() < width)
    to.add(std::string(width - to.width(), ' '));
}

std::string quantile(const std::optional<double>& x) {
  return x ? readable_time(*x) : "-";
}

// -- the upper part: a label, and items that go to the next line if need be ------------

/// A word, or a few that belong together.
struct item {
  std::string text; ///< Not yet safe.
  app::style style = style::plain;
};

void add_items(std::vector<styled_line>& out, const std::string& label, const std::vector<item>& items, size_t width) {
  auto narrow = width < 3 * label_width;
  auto indent = narrow ? size_t{2} : label_width;
  styled_line current;
  add_within(current, label, width, style::faint);
  if (narrow) {
    out.push_back(std::exchange(current, {}));
  }
  pad(current, indent);
  for (auto& x : items) {
    auto needed = show_within(detail::one_line(x.text), width > indent ? width - indent : 0).width;
    if (current.width() > indent && current.width() + 2 + needed > width) {
      out.push_back(std::exchange(current, {}));
      pad(current, indent);
    } else if (current.width() > indent) {
      current.add("  ");
    }
    add_within(current, x.text, width, x.style);
  }
  out.push_back(std::move(current));
}

item bar(const top_view& x, size_t width) {
  auto size = static_cast<double>(width >= full_width ? 30 : 10);
  auto part = [&](double n) {
    return static_cast<size_t>(x.limit > 0 ? std::clamp(std::ceil(size * n / x.limit), 0.0, size) : 0);
  };
  auto used = part(x.in_use);
  auto open = std::max(used, part(x.in_use + x.idle));
  auto all = static_cast<size_t>(size);
  return {"[" + std::string(used, '#') + std::string(open - used, '-') + std::string(all - open, ' ') + "]",
          x.limit > 0 && x.in_use >= x.limit ? style::warning : style::good};
}

std::vector<item> connection_items(const top_view& x, size_t width) {
  std::vector<item> out{bar(x, width),
                        {readable_count(x.in_use) + " in use"},
                        {readable_count(x.idle) + " idle"},
                        {readable_count(x.connecting) + " connecting"}};
  if (x.history)
    out.push_back({readable_count(x.history->closing) + " closing"});
  out.push_back({"limit " + readable_count(x.limit)});
  return out;
}

std::vector<item> load_items(const top_view& x) {
  std::vector<item> out{{readable_count(x.waiting) + " waiting", x.waiting > 0 ? style::warning : style::plain},
                        {readable_count(x.in_flight) + " in flight"}};
  if (x.sessions)
    out.push_back({std::to_string(x.sessions->size()) + (x.sessions->size() == 1 ? " session" : " sessions")});
  if (x.history)
    out.push_back({readable_count(x.history->statements_per_second) + " statements/s"});
  return out;
}

std::vector<item> time_items(const top_history& x) {
  return {{"wait p50 " + quantile(x.wait.p50)},
          {"p99 " + quantile(x.wait.p99)},
          {"statement p50 " + quantile(x.statement.p50)},
          {"p99 " + quantile(x.statement.p99)}};
}

std::vector<item> count_items(const std::map<std::string, double>& counts, double span, style how) {
  std::vector<item> out;
  for (auto& [name, n] : counts)
    out.push_back({readable_count(n) + " " + name, how});
  if (out.empty())
    out.push_back({"none"});
  out.push_back({"in " + readable_time(std::round(span)), style::faint});
  return out;
}

std::vector<item> breaker_items(const top_view& x) {
  std::vector<item> out;
  auto add = [&out](const std::string& server, const std::string& state) {
    out.push_back({server + " " + state, state == "closed" ? style::plain : style::bad});
  };
  if (x.history)
    for (auto& [server, state] : x.history->breakers)
      add(server, state);
  if (out.empty())
    add(x.endpoint, x.breaker);
  return out;
}

void add_title(std::vector<styled_line>& out, const top_view& x, size_t width) {
  styled_line line;
  auto right = clock_time(x.at) + "  q: quit";
  auto left = width > right.size() + 1 ? width - right.size() - 1 : width;
  add_within(line, x.problem.empty() ? "cenote " + x.version + "  pool " + x.pool + " at " + x.endpoint : "cenote top",
             left, style::title);
  if (left < width) {
    pad(line, left + 1);
    line.add(std::move(right), style::faint);
  }
  out.push_back(std::move(line));
}

void add_state(std::vector<styled_line>& out, const top_view& x, const std::optional<double>& since, size_t width) {
  auto state = state_of(x);
  std::vector<item> items{{state.name, state.style}};
  if (since)
    items.push_back({"since " + clock_time(*since)});
  if (x.problem.empty())
    items.push_back({state.reason});
  else
    items.push_back({x.url + " " + state.reason});
  add_items(out, "state", items, width);
}

void add_history(std::vector<styled_line>& out, const top_view& x, size_t width) {
  if (!x.history) {
    add_items(out, "times", {{x.history.error(), style::faint}}, width);
    return;
  }
  add_items(out, "times", time_items(*x.history), width);
  add_items(out, "errors", count_items(x.history->errors, x.history->span, style::warning), width);
  add_items(out, "retries", count_items(x.history->retries, x.history->span, style::plain), width);
}

// -- the lower part: lists --------------------------------------------------------------

/// A column of a list.
template <class T>
struct column {
  const char* title;
  size_t width;      ///< Zero: all that is left. Only of the last one.
  size_t from_width; ///< Not shown on a narrower screen.
  bool right;        ///< Whether it is a number.
  std::function<std::string(const T&)> content;
};

/// A list: its title, and lines of which only the first are shown.
using section = std::vector<styled_line>;

template <class T>
styled_line row(const std::vector<column<T>>& columns, size_t width, style how,
                const std::function<std::string(const column<T>&)>& content) {
  styled_line out;
  for (auto& x : columns) {
    if (width < x.from_width)
      continue;
    auto room = std::min(x.width == 0 ? width : x.width, width - std::min(width, out.width()));
    auto cell = show_within(detail::one_line(content(x)), room);
    auto padding = x.width == 0 ? 0 : room - cell.width;
    auto text = x.right ? std::string(padding, ' ') + cell.text : cell.text + std::string(padding, ' ');
    out.add(std::move(text), cell.width + padding, how);
    if (x.width != 0 && out.width() < width)
      out.add(" ");
  }
  return out;
}

template <class T>
section make_section(const std::string& title, const top_part<std::vector<T>>& entries,
                     const std::vector<column<T>>& columns, size_t width, size_t max_rows) {
  section out;
  if (!entries || entries->empty()) {
    styled_line line;
    add_within(line, title + "  ", width, style::title);
    add_within(line, entries ? "none" : entries.error(), width, style::faint);
    out.push_back(std::move(line));
    return out;
  }
  out.push_back(
      row<T>(columns, width, style::title, [&](auto& x) { return x.width == 0 ? title : std::string{x.title}; }));
  for (size_t i = 0; i < std::min(entries->size(), max_rows); ++i)
    out.push_back(row<T>(columns, width, style::plain, [&](auto& x) { return x.content((*entries)[i]); }));
  return out;
}

std::vector<section> make_sections(const top_view& x, screen_size size) {
  constexpr size_t medium = 70;
  auto width = size.columns;
  using session = top_session;
  std::vector<column<session>> sessions{
      {"held", 8, 0, true, [](auto& s) { return readable_time(s.age); }},
      {"session", 8, full_width, true, [](auto& s) { return s.id; }},
      {"tx", 2, medium, false, [](auto& s) { return std::string{s.in_transaction ? "tx" : ""}; }},
      {"running", 8, full_width, true, [](auto& s) { return s.running ? readable_time(*s.running) : ""; }},
      {"owner", width < medium ? 10u : 18u, 0, false, [](auto& s) { return s.owner; }},
      {"", 0, 0, false, [](auto& s) { return s.last_statement; }}};
  std::vector<column<top_running>> running{
      {"runs for", 8, 0, true, [](auto& s) { return readable_time(s.running); }},
      {"conn.", 6, full_width, true, [](auto& s) { return s.connection; }},
      {"id there", 8, medium, true, [](auto& s) { return s.server_connection_id; }},
      {"server", 22, full_width, false, [](auto& s) { return s.server; }},
      {"", 0, 0, false, [](auto& s) { return s.statement; }}};
  std::vector<column<top_statement>> statements{
      {"total", 8, 0, true, [](auto& s) { return readable_time(s.total); }},
      {"calls", 7, medium, true, [](auto& s) { return readable_count(s.calls); }},
      {"mean", 7, medium, true, [](auto& s) { return readable_time(s.mean); }},
      {"p99", 7, 0, true, [](auto& s) { return readable_time(s.p99); }},
      {"max", 7, full_width, true, [](auto& s) { return readable_time(s.max); }},
      {"rows", 7, full_width, true, [](auto& s) { return readable_count(s.rows); }},
      {"errors", 6, medium, true, [](auto& s) { return readable_count(s.errors); }},
      {"", 0, 0, false, [](auto& s) { return s.digest; }}};
  std::vector<column<top_event>> events{{"at", 8, 0, false, [](auto& s) { return clock_time(s.at); }},
                                        {"", 0, 0, false, [](auto& s) { return s.text; }}};
  return {make_section("SESSIONS HELD LONGEST: last statement", x.sessions, sessions, width, size.rows),
          make_section("COSTLIEST STATEMENTS", x.statements, statements, width, size.rows),
          make_section("LAST EVENTS", x.events, events, width, size.rows),
          make_section("RUNNING LONGEST", x.running, running, width, size.rows)};
}

/// Gives each list a title and a line, the first lists first, then one more line to each in turn.
void add_sections(std::vector<styled_line>& out, std::vector<section> sections, size_t rows) {
  std::vector<size_t> shown(sections.size(), 0);
  auto left = rows - std::min(rows, out.size());
  for (size_t i = 0; i < sections.size(); ++i) {
    auto first = std::min(sections[i].size(), size_t{2});
    shown[i] = left >= first ? first : 0;
    left -= shown[i];
  }
  for (auto given = true; left > 0 && given;) {
    given = false;
    for (size_t i = 0; i < sections.size() && left > 0; ++i)
      if (shown[i] > 0 && shown[i] < sections[i].size()) {
        ++shown[i];
        --left;
        given = true;
      }
  }
  for (size_t i = 0; i < sections.size(); ++i)
    for (size_t k = 0; k < shown[i]; ++k)
      out.push_back(std::move(sections[i][k]));
}

} // namespace

std::vector<styled_line> draw_screen(const top_view& x, const std::optional<double>& since, screen_size size) {
  std::vector<styled_line> out;
  auto width = size.columns;
  add_title(out, x, width);
  add_state(out, x, since, width);
  if (x.problem.empty()) {
    add_items(out, "connections", connection_items(x, width), width);
    add_items(out, "load", load_items(x), width);
    add_history(out, x, width);
    add_items(out, "breakers", breaker_items(x), width);
    add_sections(out, make_sections(x, size), size.rows);
  }
  if (out.size() > size.rows)
    out.resize(size.rows);
  return out;
}

std::string draw_line(const top_view& x) {
  auto state = state_of(x);
  auto out = local_time(x.at, "%Y-%m-%dT%H:%M:%S%z") + " " + state.name;
  if (!x.problem.empty())
    return out + ": " + printable(x.url + " " + state.reason) + "\n";
  auto add = [&out](const std::string& name, const std::string& value) { out += " " + name + "=" + value; };
  auto add_number = [&add](const std::string& name, std::string text) {
    std::erase(text, ' '); // Before the unit.
    add(name, text);
  };
  auto add_count = [&add_number](const std::string& name, double n) { add_number(name, readable_count(n)); };
  auto add_time = [&add_number](const std::string& name, auto& t) { add_number(name, quantile(t)); };
  add_count("in_use", x.in_use);
  add_count("idle", x.idle);
  add_count("connecting", x.connecting);
  add_count("limit", x.limit);
  add_count("waiting", x.waiting);
  add_count("in_flight", x.in_flight);
  if (x.sessions)
    add_count("sessions", static_cast<double>(x.sessions->size()));
  if (x.history) {
    add_count("statements_per_second", x.history->statements_per_second);
    add_time("wait_p50", x.history->wait.p50);
    add_time("wait_p99", x.history->wait.p99);
    add_time("statement_p50", x.history->statement.p50);
    add_time("statement_p99", x.history->statement.p99);
    auto sum = [](auto& counts) {
      double n = 0;
      for (auto& [name, more] : counts)
        n += more;
      return n;
    };
    add_count("errors", sum(x.history->errors));
    add_count("retries", sum(x.history->retries));
  }
  add("breaker", printable(x.breaker));
  return out + (state.reason.empty() ? "" : ": " + printable(state.reason)) + "\n";
}

} // namespace cenote::app
