#include "app/top_view.hpp"

#include "app/readable_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cenote::app {

namespace {

using nlohmann::json;

constexpr int not_found = 404;

// -- JSON whose shape is not certain -------------------------------------------------

const json& member(const json& object, const char* key) {
  static const json none;
  if (!object.is_object())
    return none;
  auto i = object.find(key);
  return i == object.end() ? none : *i;
}

std::optional<double> optional_number(const json& value) {
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    return std::nullopt;
  return std::max(value.get<double>(), 0.0);
}

std::optional<double> optional_number(const json& object, const char* key) {
  return optional_number(member(object, key));
}

double number(const json& object, const char* key) {
  return optional_number(object, key).value_or(0);
}

std::string text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string{};
}

std::string text(const json& object, const char* key) {
  return text(member(object, key));
}

bool flag(const json& object, const char* key) {
  auto& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

// -- answers -------------------------------------------------------------------------

/// The document, or why there is none.
top_part<json> document(const http::fetched& answer) {
  if (answer.status == not_found)
    return tl::unexpected<std::string>{"not available: this version of cenote serve does not tell it"};
  if (answer.status == 0)
    return tl::unexpected{"not available: " + answer.problem};
  if (answer.status != 200) // NOLINT(readability-magic-numbers)
    return tl::unexpected{"not available: answered with status " + std::to_string(answer.status)};
  auto out = json::parse(answer.body, nullptr, false);
  if (!out.is_object())
    return tl::unexpected<std::string>{"not available: the answer is not JSON"};
  return out;
}

template <class T>
top_part<std::vector<T>> list(const http::fetched& answer, const char* key, T (*read)(const json&)) {
  auto all = document(answer);
  if (!all)
    return tl::unexpected{all.error()};
  std::vector<T> out;
  if (auto& entries = member(*all, key); entries.is_array())
    for (auto& one : entries)
      out.push_back(read(one));
  return out;
}

top_session session(const json& entry) {
  return {text(entry, "session"),
          text(entry, "connection"),
          text(entry, "owner"),
          number(entry, "age"),
          flag(entry, "in_transaction"),
          text(entry, "last_statement"),
          optional_number(entry, "running")};
}

top_running running(const json& entry) {
  return {text(entry, "id"),        text(entry, "server_connection_id"),
          text(entry, "server"),    text(entry, "state"),
          text(entry, "statement"), number(entry, "running")};
}

top_statement statement(const json& entry) {
  return {text(entry, "digest"),  number(entry, "calls"), number(entry, "errors"), number(entry, "rows"),
          number(entry, "total"), number(entry, "mean"),  number(entry, "p99"),    number(entry, "max")};
}

top_client client(const json& entry) {
  return {text(entry, "name"),      text(entry, "address"),    number(entry, "connected"), number(entry, "in_flight"),
          number(entry, "waiting"), number(entry, "sessions"), number(entry, "answered"),  number(entry, "failed")};
}

std::optional<top_node> node(const json& entry) {
  if (!entry.is_object())
    return std::nullopt;
  top_node out;
  out.address = text(entry, "address");
  out.tls = flag(entry, "tls");
  out.draining = flag(entry, "draining");
  out.turned_away = number(entry, "turned_away");
  out.lost = number(entry, "lost");
  if (auto& clients = member(entry, "clients"); clients.is_array())
    for (auto& one : clients)
      out.clients.push_back(client(one));
  auto load = [](const top_client& x) { return x.in_flight + x.waiting + x.sessions; };
  std::ranges::stable_sort(out.clients, std::ranges::greater{}, load);
  return out;
}

top_event event(const json& entry) {
  auto more = number(entry, "count") - 1;
  return {number(entry, "at"),
          text(entry, "text") + (more > 0 ? " (and " + readable_count(more) + " more like this)" : "")};
}

top_history::quantiles quantiles(const json& newest, const json& before, const char* key) {
  auto& from = optional_number(member(newest, key), "p99") ? newest : before;
  auto& found = member(from, key);
  return {optional_number(found, "p50"), optional_number(found, "p99")};
}

void add_counts(std::map<std::string, double>& out, const json& counts, const std::string& prefix = "") {
  if (counts.is_object())
    for (auto& [name, count] : counts.items())
      if (auto more = optional_number(count).value_or(0); more > 0)
        out[prefix + name] += more;
}

/// From the two newest samples: the newest may have begun just now.
top_part<top_history> history(const http::fetched& answer) {
  auto all = document(answer);
  if (!all)
    return tl::unexpected{all.error()};
  static const json none;
  auto& samples = member(*all, "samples");
  auto size = samples.is_array() ? samples.size() : 0;
  auto& newest = size > 0 ? samples[size - 1] : none;
  auto& before = size > 1 ? samples[size - 2] : none;
  auto age = std::max(number(newest, "at") - number(before, "at"), 0.0);
  top_history out;
  out.closing = number(member(newest, "connections"), "closing");
  out.statements_per_second = number(size > 1 && age < 1 ? before : newest, "statements_per_second");
  out.wait = quantiles(newest, before, "wait");
  out.statement = quantiles(newest, before, "statement");
  out.span = number(*all, "interval") + (size > 1 ? age : 0);
  for (auto one : {&newest, &before}) {
    add_counts(out.errors, member(*one, "errors"));
    add_counts(out.errors, member(*one, "failed_connects"), "connect: ");
    add_counts(out.retries, member(*one, "retries"));
  }
  if (auto& breakers = member(newest, "breaker"); breakers.is_object())
    for (auto& [server, state] : breakers.items())
      out.breakers[server] = text(state);
  return out;
}

top_part<std::vector<top_statement>> statements(const http::fetched& answer) {
  auto all = document(answer);
  if (all && member(*all, "enabled") == json(false))
    return tl::unexpected<std::string>{"not counted: pool.statement-statistics is off"};
  return list(answer, "statements", statement);
}

std::string first_line(const std::string& body) {
  return body.substr(0, body.find('\n'));
}

std::string problem(const http::fetched& answer) {
  constexpr int unauthorized = 401;
  constexpr int unavailable = 503;
  if (answer.status == 0)
    return "does not answer: " + answer.problem;
  if (answer.status == unauthorized)
    return "wants its token: name the file that holds it with --http-token-file";
  if (answer.status == not_found)
    return "answers, but is not cenote serve";
  if (answer.status == unavailable)
    return "answers: " + first_line(answer.body);
  if (auto found = document(answer); !found)
    return answer.status == 200 ? "answers, but not in JSON: is it cenote serve?" // NOLINT(readability-magic-numbers)
                                : "answers " + std::to_string(answer.status) + ": " + first_line(answer.body);
  return {};
}

} // namespace

top_view read_answers(const top_answers& answers) {
  top_view out;
  out.problem = problem(answers.status);
  if (!out.problem.empty()) {
    out.state = "unreachable";
    out.state_reasons = {out.problem, "trying again every second"};
    return out;
  }
  auto all = document(answers.status).value();
  auto& status = member(all, "status");
  auto& state = member(all, "state");
  out.state = text(state, "name");
  out.state_since = optional_number(state, "since");
  if (auto& reasons = member(state, "reasons"); reasons.is_array())
    for (auto& reason : reasons)
      out.state_reasons.push_back(text(reason));
  out.version = text(all, "program");
  out.pool = text(status, "pool");
  out.endpoint = text(status, "endpoint");
  out.breaker = text(status, "breaker");
  out.in_use = number(status, "checked_out");
  out.idle = number(status, "checked_in");
  out.connecting = number(status, "connecting");
  out.limit = number(status, "limit");
  out.waiting = number(status, "waiting");
  out.in_flight = number(status, "in_flight");
  out.node = node(member(all, "node"));
  out.history = history(answers.history);
  out.sessions = list(answers.sessions, "sessions", session);
  out.running = list(answers.connections, "connections", running);
  out.statements = statements(answers.statements);
  out.events = list(answers.events, "events", event);
  if (out.running) {
    std::erase_if(*out.running, [](auto& one) { return one.statement.empty(); });
    std::ranges::stable_sort(*out.running, std::ranges::greater{}, &top_running::running);
  }
  if (out.events)
    std::ranges::reverse(*out.events);
  return out;
}

} // namespace cenote::app
