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
void add_within(styled_line& to, const std::string& text, size_t width, style look = style::plain) {
  if (to.width() >= width)
    return;
  auto fits = show_within(detail::one_line(text), width - to.width());
  to.add(std::move(fits.text), fits.width, look);
}

void pad(styled_line& to, size_t width) {
  if (to.width() < width)
    to.add(std::string(width - to.width(), ' '));
}

std::string quantile(const std::optional<double>& seconds) {
  return seconds ? readable_time(*seconds) : "-";
}

double sum(const std::map<std::string, double>& counts) {
  double out = 0;
  for (auto& [name, count] : counts)
    out += count;
  return out;
}

// -- the upper part: a label, and items that go to the next line if need be ------------

/// A word, or a few that belong together.
struct item {
  std::string text; ///< Not yet safe.
  app::style style = style::plain;
};

void add_items(std::vector<styled_line>& out, const std::string& label, const std::vector<item>& items, size_t width) {
  auto narrow = width < 3 * label_width;
  auto indent = narrow ? std::min(size_t{2}, width - 1) : label_width;
  styled_line current;
  add_within(current, label, width, style::faint);
  if (narrow)
    out.push_back(std::exchange(current, {}));
  pad(current, indent);
  for (auto& next : items) {
    auto needed = show_within(detail::one_line(next.text), width > indent ? width - indent : 0).width;
    if (current.width() > indent && current.width() + 2 + needed > width) {
      out.push_back(std::exchange(current, {}));
      pad(current, indent);
    } else if (current.width() > indent) {
      current.add("  ");
    }
    add_within(current, next.text, width, next.style);
  }
  out.push_back(std::move(current));
}

item bar(const top_view& view, size_t width) {
  auto size = static_cast<double>(width >= full_width ? 30 : 10);
  auto part = [&](double n) {
    return static_cast<size_t>(view.limit > 0 ? std::clamp(std::ceil(size * n / view.limit), 0.0, size) : 0);
  };
  auto used = part(view.in_use);
  auto open = std::max(used, part(view.in_use + view.idle));
  auto all = static_cast<size_t>(size);
  return {"[" + std::string(used, '#') + std::string(open - used, '-') + std::string(all - open, ' ') + "]",
          view.limit > 0 && view.in_use >= view.limit ? style::warning : style::good};
}

std::vector<item> connection_items(const top_view& view, size_t width) {
  std::vector<item> out{bar(view, width),
                        {readable_count(view.in_use) + " in use"},
                        {readable_count(view.idle) + " idle"},
                        {readable_count(view.connecting) + " connecting"}};
  if (view.history)
    out.push_back({readable_count(view.history->closing) + " closing"});
  out.push_back({"limit " + readable_count(view.limit)});
  return out;
}

std::vector<item> load_items(const top_view& view) {
  std::vector<item> out{{readable_count(view.waiting) + " waiting", view.waiting > 0 ? style::warning : style::plain},
                        {readable_count(view.in_flight) + " in flight"}};
  if (view.sessions)
    out.push_back({std::to_string(view.sessions->size()) + (view.sessions->size() == 1 ? " session" : " sessions")});
  if (view.history)
    out.push_back({readable_count(view.history->statements_per_second) + " statements/s"});
  return out;
}

std::vector<item> time_items(const top_history& history) {
  return {{"wait p50 " + quantile(history.wait.p50)},
          {"p99 " + quantile(history.wait.p99)},
          {"statement p50 " + quantile(history.statement.p50)},
          {"p99 " + quantile(history.statement.p99)}};
}

std::vector<item> count_items(const std::map<std::string, double>& counts, double span, style look) {
  std::vector<item> out;
  for (auto& [name, n] : counts)
    out.push_back({readable_count(n) + " " + name, look});
  if (out.empty())
    out.push_back({"none"});
  out.push_back({"in " + readable_count(std::round(span)) + " s", style::faint});
  return out;
}

std::vector<item> breaker_items(const top_view& view) {
  std::vector<item> out;
  auto add = [&out](const std::string& server, const std::string& state) {
    out.push_back({server + " " + state, state == "closed" ? style::plain : style::bad});
  };
  if (view.history)
    for (auto& [server, state] : view.history->breakers)
      add(server, state);
  if (out.empty())
    add(view.endpoint, view.breaker);
  return out;
}

std::vector<item> node_items(const top_node& node) {
  auto count = [](double n, const std::string& name, style look) {
    return item{readable_count(n) + " " + name, n > 0 ? look : style::plain};
  };
  std::vector<item> out{
      {node.address + (node.tls ? ", TLS" : ", clear text")},
      count(static_cast<double>(node.clients.size()), node.clients.size() == 1 ? "client" : "clients", style::plain),
      count(node.lost, "lost", style::warning),
      count(node.turned_away, "turned away", style::warning)};
  if (node.draining)
    out.push_back({"draining", style::warning});
  return out;
}

void add_title(std::vector<styled_line>& out, const top_view& view, size_t width) {
  styled_line line;
  auto right = clock_time(view.at) + "  q: quit";
  auto left = width > right.size() + 1 ? width - right.size() - 1 : width;
  add_within(line,
             view.problem.empty() ? "cenote " + view.version + (view.version.empty() ? "pool " : "  pool ") + view.pool
                                        + " at " + view.endpoint
                                  : "cenote top",
             left, style::title);
  if (left < width) {
    pad(line, left + 1);
    line.add(std::move(right), style::faint);
  }
  out.push_back(std::move(line));
}

style style_of_state(const std::string& name) {
  return name == "serving" ? style::good : name == "down" || name == "unreachable" ? style::bad : style::warning;
}

/// Why the state is what it is.
std::vector<std::string> reasons_of_state(const top_view& view) {
  auto out = view.state_reasons;
  if (!view.problem.empty() && !out.empty())
    out.front() = view.url + " " + out.front();
  for (size_t i = 0; i + 1 < out.size(); ++i)
    out[i] += ";";
  return out;
}

void add_state(std::vector<styled_line>& out, const top_view& view, size_t width) {
  std::vector<item> items{{view.state, style_of_state(view.state)}};
  if (view.state_since)
    items.push_back({"for " + readable_time(view.at - *view.state_since)});
  for (auto& reason : reasons_of_state(view))
    items.push_back({std::move(reason)});
  add_items(out, "state", items, width);
}

void add_history(std::vector<styled_line>& out, const top_view& view, size_t width) {
  if (!view.history) {
    add_items(out, "times", {{view.history.error(), style::faint}}, width);
    return;
  }
  auto& no_times = view.history->no_times;
  add_items(out, "times", no_times.empty() ? time_items(*view.history) : std::vector<item>{{no_times, style::faint}},
            width);
  add_items(out, "errors", count_items(view.history->errors, view.history->span, style::warning), width);
  if (no_times.empty())
    add_items(out, "retries", count_items(view.history->retries, view.history->span, style::plain), width);
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
styled_line row(const std::vector<column<T>>& columns, size_t width, style look,
                const std::function<std::string(const column<T>&)>& content) {
  styled_line out;
  for (auto& next : columns) {
    if (width < next.from_width)
      continue;
    auto room = std::min(next.width == 0 ? width : next.width, width - std::min(width, out.width()));
    auto cell = show_within(detail::one_line(content(next)), room);
    auto padding = next.width == 0 ? 0 : room - cell.width;
    auto text = next.right ? std::string(padding, ' ') + cell.text : cell.text + std::string(padding, ' ');
    out.add(std::move(text), cell.width + padding, look);
    if (next.width != 0 && out.width() < width)
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
  out.push_back(row<T>(columns, width, style::title,
                       [&](auto& next) { return next.width == 0 ? title : std::string{next.title}; }));
  for (size_t i = 0; i < std::min(entries->size(), max_rows); ++i)
    out.push_back(row<T>(columns, width, style::plain, [&](auto& next) { return next.content((*entries)[i]); }));
  return out;
}

std::vector<section> make_sections(const top_view& view, screen_size size) {
  constexpr size_t medium = 70;
  auto width = size.columns;
  using session = top_session;
  std::vector<column<session>> sessions{
      {"held", 8, 0, true, [](auto& entry) { return readable_time(entry.age); }},
      {"session", 8, full_width, true, [](auto& entry) { return entry.id; }},
      {"tx", 2, medium, false, [](auto& entry) { return std::string{entry.in_transaction ? "tx" : ""}; }},
      {"running", 8, full_width, true, [](auto& entry) { return entry.running ? readable_time(*entry.running) : ""; }},
      {"owner", width < medium ? 10u : 18u, 0, false, [](auto& entry) { return entry.owner; }},
      {"", 0, 0, false, [](auto& entry) { return entry.last_statement; }}};
  std::vector<column<top_running>> running{
      {"runs for", 8, 0, true, [](auto& entry) { return readable_time(entry.running); }},
      {"conn.", 6, full_width, true, [](auto& entry) { return entry.connection; }},
      {"id there", 8, medium, true, [](auto& entry) { return entry.server_connection_id; }},
      {"server", 22, full_width, false, [](auto& entry) { return entry.server; }},
      {"", 0, 0, false, [](auto& entry) { return entry.statement; }}};
  std::vector<column<top_statement>> statements{
      {"total", 8, 0, true, [](auto& entry) { return readable_time(entry.total); }},
      {"calls", 7, medium, true, [](auto& entry) { return readable_count(entry.calls); }},
      {"mean", 7, medium, true, [](auto& entry) { return readable_time(entry.mean); }},
      {"p99", 7, 0, true, [](auto& entry) { return readable_time(entry.p99); }},
      {"max", 7, full_width, true, [](auto& entry) { return readable_time(entry.max); }},
      {"rows", 7, full_width, true, [](auto& entry) { return readable_count(entry.rows); }},
      {"errors", 6, medium, true, [](auto& entry) { return readable_count(entry.errors); }},
      {"", 0, 0, false, [](auto& entry) { return entry.digest; }}};
  std::vector<column<top_event>> events{{"at", 8, 0, false, [](auto& entry) { return clock_time(entry.at); }},
                                        {"", 0, 0, false, [](auto& entry) { return entry.text; }}};
  std::vector<column<top_client>> clients{
      {"waiting", 7, 0, true, [](auto& entry) { return readable_count(entry.waiting); }},
      {"flight", 6, 0, true, [](auto& entry) { return readable_count(entry.in_flight); }},
      {"sess.", 5, 0, true, [](auto& entry) { return readable_count(entry.sessions); }},
      {"answered", 8, medium, true, [](auto& entry) { return readable_count(entry.answered); }},
      {"failed", 6, medium, true, [](auto& entry) { return readable_count(entry.failed); }},
      {"since", 8, full_width, true, [](auto& entry) { return readable_time(entry.connected); }},
      {"", 0, 0, false, [](auto& entry) { return entry.name + " at " + entry.address; }}};
  std::vector<section> out{
      make_section("SESSIONS HELD LONGEST: last statement", view.sessions, sessions, width, size.rows),
      make_section("COSTLIEST STATEMENTS", view.statements, statements, width, size.rows),
      make_section("LAST EVENTS", view.events, events, width, size.rows),
      make_section("RUNNING LONGEST", view.running, running, width, size.rows)};
  if (view.node)
    out.push_back(make_section<top_client>("CLIENTS OF THE POOL NODE", view.node->clients, clients, width, size.rows));
  return out;
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
  for (size_t i = 0; i < sections.size(); ++i) {
    if (left > 0 && shown[i] > 0) {
      out.emplace_back(); // There is room for air.
      --left;
    }
    for (size_t k = 0; k < shown[i]; ++k)
      out.push_back(std::move(sections[i][k]));
  }
}

} // namespace

std::vector<styled_line> draw_screen(const top_view& view, screen_size size) {
  std::vector<styled_line> out;
  auto width = size.columns;
  add_title(out, view, width);
  add_state(out, view, width);
  if (view.problem.empty()) {
    add_items(out, "connections", connection_items(view, width), width);
    add_items(out, "load", load_items(view), width);
    add_history(out, view, width);
    add_items(out, "breakers", breaker_items(view), width);
    if (view.node)
      add_items(out, "pool node", node_items(*view.node), width);
    add_sections(out, make_sections(view, size), size.rows);
  }
  if (out.size() > size.rows)
    out.resize(size.rows);
  return out;
}

std::string draw_line(const top_view& view) {
  auto out = local_time(view.at, "%Y-%m-%dT%H:%M:%S%z") + " " + printable(view.state);
  std::string reason;
  for (auto& part : reasons_of_state(view))
    reason += (reason.empty() ? ": " : " ") + printable(part);
  if (!view.problem.empty())
    return out + reason + "\n";
  auto add = [&out](const std::string& name, std::string value) {
    std::erase(value, ' '); // Before a unit.
    out += " " + name + "=" + value;
  };
  auto add_count = [&add](const std::string& name, double count) { add(name, readable_count(count)); };
  add_count("in_use", view.in_use);
  add_count("idle", view.idle);
  add_count("connecting", view.connecting);
  add_count("limit", view.limit);
  add_count("waiting", view.waiting);
  add_count("in_flight", view.in_flight);
  if (view.sessions)
    add_count("sessions", static_cast<double>(view.sessions->size()));
  if (view.history) {
    add_count("statements_per_second", view.history->statements_per_second);
    if (view.history->no_times.empty()) {
      add("wait_p50", quantile(view.history->wait.p50));
      add("wait_p99", quantile(view.history->wait.p99));
      add("statement_p50", quantile(view.history->statement.p50));
      add("statement_p99", quantile(view.history->statement.p99));
    }
    add_count("errors", sum(view.history->errors));
    if (view.history->no_times.empty())
      add_count("retries", sum(view.history->retries));
  }
  if (view.node)
    add_count("clients", static_cast<double>(view.node->clients.size()));
  add("breaker", printable(view.breaker));
  return out + reason + "\n";
}

} // namespace cenote::app
