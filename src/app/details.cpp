#include "app/details.hpp"

#include "app/json.hpp"
#include "app/json_response.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using json = nlohmann::ordered_json;
using http::access;
using http::request;
using http::response;

response list_response(const std::string& name, json list) {
  json body;
  body["version"] = 1;
  body[name] = std::move(list);
  return json_response(body);
}

response unavailable(const failure& reason) {
  return http::line(503, "the pool does not tell: " + to_string(reason));
}

response connections(pool_host& host) {
  auto came = host.ask_in_time<pool_details>(details_atom_v);
  return came ? list_response("connections", to_json(came->connections)) : unavailable(came.error());
}

response sessions(pool_host& host) {
  auto came = host.ask_in_time<pool_details>(details_atom_v);
  return came ? list_response("sessions", to_json(came->sessions)) : unavailable(came.error());
}

response statements(pool_host& host) {
  auto settings = host.ask_in_time<effective_settings>(settings_atom_v);
  if (!settings)
    return unavailable(settings.error());
  auto came = host.ask_in_time<std::vector<statement_summary>>(statements_atom_v);
  if (!came)
    return unavailable(came.error());
  json body;
  body["version"] = 1;
  body["enabled"] = settings->pool.statement_statistics;
  body["statements"] = to_json(*came);
  return json_response(body);
}

std::optional<session_id> parse_session(const std::string& text) {
  uint64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return session_id{number};
}

response kill(pool_host& host, const std::string& argument) {
  auto session = parse_session(argument);
  if (!session)
    return http::line(400, "a session is a number, as GET /status/sessions shows it");
  spdlog::info("HTTP: /admin: session {} is to be ended", argument);
  auto came = host.ask_in_time<void>(kill_atom_v, *session);
  if (came)
    return http::line(200, "the session is ended: what it runs is stopped, what is open is rolled back");
  if (came.error().code == errc::session_ended)
    return http::line(404, "there is no such session, or it has ended already: see GET /status/sessions");
  return unavailable(came.error());
}

} // namespace

void add_details(http::router& router, pool_host& host) {
  router.add("GET", "/status/connections", access::protect, [&host](auto&) { return connections(host); });
  router.add("GET", "/status/sessions", access::protect, [&host](auto&) { return sessions(host); });
  router.add("GET", "/status/statements", access::protect, [&host](auto&) { return statements(host); });
  router.add("POST", "/admin/kill/*", access::privileged, [&host](auto& x) { return kill(host, x.argument); });
}

} // namespace cenote::app
