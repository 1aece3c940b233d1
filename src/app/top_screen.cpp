#include "app/top_screen.hpp"

#include "app/printable.hpp"
#include "app/readable_numbers.hpp"
#include "app/top_lists.hpp"
#include "types/one_line.hpp"

#include <algorithm>
#include <cmath>

namespace cenote::app {

namespace {

constexpr size_t label_width = 13;

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

// -- a label, and items that go to the next line if need be -----------------------------

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
  auto right = local_time(view.at, "%H:%M:%S") + "  q: quit";
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
    add_lists(out, view, size);
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
