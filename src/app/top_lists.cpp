#include "app/top_lists.hpp"

#include "app/printable.hpp"
#include "app/readable_numbers.hpp"
#include "types/one_line.hpp"

#include <algorithm>
#include <ctime>
#include <functional>
#include <utility>

namespace cenote::app {

namespace {

std::string clock_time(double at) {
  return local_time(at, "%H:%M:%S");
}

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

void add_lists(std::vector<styled_line>& out, const top_view& view, screen_size size) {
  add_sections(out, make_sections(view, size), size.rows);
}

void add_within(styled_line& to, const std::string& text, size_t width, style look) {
  if (to.width() >= width)
    return;
  auto fits = show_within(detail::one_line(text), width - to.width());
  to.add(std::move(fits.text), fits.width, look);
}

std::string local_time(double at, const char* format) {
  constexpr double last_second = 253402300799; // Of the year 9999.
  auto seconds = static_cast<time_t>(std::clamp(at, 0.0, last_second));
  std::tm parts{};
  char out[32];
  if (localtime_r(&seconds, &parts) == nullptr || std::strftime(out, sizeof(out), format, &parts) == 0)
    return "?";
  return out;
}

} // namespace cenote::app
