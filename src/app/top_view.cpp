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

const json& member(const json& x, const char* key) {
  static const json none;
  if (!x.is_object())
    return none;
  auto i = x.find(key);
  return i == x.end() ? none : *i;
}

std::optional<double> optional_number(const json& x) {
  if (!x.is_number() || !std::isfinite(x.get<double>()))
    return std::nullopt;
  return std::max(x.get<double>(), 0.0);
}

std::optional<double> optional_number(const json& x, const char* key) {
  return optional_number(member(x, key));
}

double number(const json& x, const char* key) {
  return optional_number(x, key).value_or(0);
}

std::string text(const json& x) {
  return x.is_string() ? x.get<std::string>() : x.is_number() ? x.dump() : std::string{};
}

std::string text(const json& x, const char* key) {
  return text(member(x, key));
}

bool flag(const json& x, const char* key) {
  auto& value = member(x, key);
  return value.is_boolean() && value.get<bool>();
}

// -- answers -------------------------------------------------------------------------

/// The document, or why there is none.
top_part<json> document(const http::fetched& x) {
  if (x.status == not_found)
    return tl::unexpected<std::string>{"not available: this version of cenote serve does not tell it"};
  if (x.status == 0)
    return tl::unexpected{"not available: " + x.problem};
  if (x.status != 200) // NOLINT(readability-magic-numbers)
    return tl::unexpected{"not available: answered with status " + std::to_string(x.status)};
  auto out = json::parse(x.body, nullptr, false);
  if (!out.is_object())
    return tl::unexpected<std::string>{"not available: the answer is not JSON"};
  return out;
}

template <class T>
top_part<std::vector<T>> list(const http::fetched& x, const char* key, T (*read)(const json&)) {
  auto all = document(x);
  if (!all)
    return tl::unexpected{all.error()};
  std::vector<T> out;
  if (auto& entries = member(*all, key); entries.is_array())
    for (auto& one : entries)
      out.push_back(read(one));
  return out;
}

top_session session(const json& x) {
  return {text(x, "session"),
          text(x, "connection"),
          text(x, "owner"),
          number(x, "age"),
          flag(x, "in_transaction"),
          text(x, "last_statement"),
          optional_number(x, "running")};
}

top_running running(const json& x) {
  return {text(x, "id"),        text(x, "server_connection_id"),
          text(x, "server"),    text(x, "state"),
          text(x, "statement"), number(x, "running")};
}

top_statement statement(const json& x) {
  return {text(x, "digest"),  number(x, "calls"), number(x, "errors"), number(x, "rows"),
          number(x, "total"), number(x, "mean"),  number(x, "p99"),    number(x, "max")};
}

top_event event(const json& x) {
  return {number(x, "at"), text(x, "text")};
}

top_history::quantiles quantiles(const json& newest, const json& before, const char* key) {
  auto& from = optional_number(member(newest, key), "p99") ? newest : before;
  auto& found = member(from, key);
  return {optional_number(found, "p50"), optional_number(found, "p99")};
}

void add_counts(std::map<std::string, double>& out, const json& counts) {
  if (counts.is_object())
    for (auto& [name, n] : counts.items())
      if (auto more = optional_number(n).value_or(0); more > 0)
        out[name] += more;
}

/// From the two newest samples: the newest may have begun just now.
top_part<top_history> history(const http::fetched& x) {
  auto all = document(x);
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
    add_counts(out.retries, member(*one, "retries"));
  }
  if (auto& breakers = member(newest, "breaker"); breakers.is_object())
    for (auto& [server, state] : breakers.items())
      out.breakers[server] = text(state);
  return out;
}

std::string first_line(const std::string& x) {
  return x.substr(0, x.find('\n'));
}

std::string problem(const http::fetched& x) {
  constexpr int unauthorized = 401;
  constexpr int unavailable = 503;
  if (x.status == 0)
    return "does not answer: " + x.problem;
  if (x.status == unauthorized)
    return "wants its token: name the file that holds it with --http-token-file";
  if (x.status == not_found)
    return "answers, but is not cenote serve";
  if (x.status == unavailable)
    return "answers: " + first_line(x.body);
  if (auto found = document(x); !found)
    return x.status == 200 ? "answers, but not in JSON: is it cenote serve?" // NOLINT(readability-magic-numbers)
                           : "answers " + std::to_string(x.status) + ": " + first_line(x.body);
  return {};
}

} // namespace

top_view read_answers(const top_answers& x) {
  top_view out;
  out.problem = problem(x.status);
  if (!out.problem.empty())
    return out;
  auto all = document(x.status).value();
  auto& status = member(all, "status");
  out.version = text(all, "program");
  out.pool = text(status, "pool");
  out.endpoint = text(status, "endpoint");
  out.last_error = text(status, "last_error");
  out.breaker = text(status, "breaker");
  out.initialized = flag(status, "initialized");
  out.draining = flag(status, "draining");
  out.paused = flag(status, "paused");
  out.in_use = number(status, "checked_out");
  out.idle = number(status, "checked_in");
  out.connecting = number(status, "connecting");
  out.limit = number(status, "limit");
  out.waiting = number(status, "waiting");
  out.in_flight = number(status, "in_flight");
  out.history = history(x.history);
  out.sessions = list(x.sessions, "sessions", session);
  out.running = list(x.connections, "connections", running);
  out.statements = list(x.statements, "statements", statement);
  out.events = list(x.events, "events", event);
  if (out.running) {
    std::erase_if(*out.running, [](auto& one) { return one.statement.empty(); });
    std::ranges::stable_sort(*out.running, std::ranges::greater{}, &top_running::running);
  }
  if (out.events)
    std::ranges::reverse(*out.events);
  return out;
}

top_state state_of(const top_view& x) {
  auto because = [&x](std::string reason) {
    return x.last_error.empty() ? reason : (reason.empty() ? "" : reason + "; ") + "last error: " + x.last_error;
  };
  if (!x.problem.empty())
    return {"unreachable", x.problem + "; trying again every second", style::bad};
  if (x.draining)
    return {"draining", "finishes its work and ends", style::warning};
  if (x.paused)
    return {"paused", "no request gets a connection", style::warning};
  auto open = x.in_use + x.idle;
  auto closed = x.breaker.empty() || x.breaker == "closed";
  if (open == 0 && !x.initialized)
    return {"starting", because("no connection has been opened yet"), style::warning};
  if (!closed)
    return {open > 0 ? "degraded" : "down", because("the circuit breaker is " + x.breaker), style::bad};
  if (open == 0 && (x.connecting > 0 || x.waiting > 0))
    return {"down", because("no connection is open"), style::bad};
  if (x.waiting > 0)
    return {"degraded", readable_count(x.waiting) + (x.waiting == 1 ? " caller waits" : " callers wait"),
            style::warning};
  return {"serving", {}, style::good};
}

} // namespace cenote::app
