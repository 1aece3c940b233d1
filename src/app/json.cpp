#include "app/json.hpp"

#include "app/printable.hpp"

#include <chrono>
#include <cstdint>
#include <variant>

namespace cenote::app {

namespace {

using json = nlohmann::ordered_json;

json encoded(std::string_view data) {
  return {{"base64", base64(data)}};
}

struct to_json_value {
  json operator()(null) const { return nullptr; }
  json operator()(int64_t x) const { return x; }
  json operator()(uint64_t x) const { return x; }
  json operator()(double x) const { return x; }
  json operator()(const std::string& x) const { return is_utf8(x) ? json(x) : encoded(x); }
  json operator()(const bytes& x) const { return encoded(x.data); }
  json operator()(const decimal& x) const { return x.digits; }
  json operator()(const date& x) const { return to_string(x); }
  json operator()(const datetime& x) const { return to_string(x); }
  json operator()(const time& x) const { return to_string(x); }
};

double seconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double>(x).count();
}

json text_or_null(const std::string& x) {
  return x.empty() ? json(nullptr) : json(x);
}

/// A time that is only told with the statement it is about.
json seconds_of(const std::string& statement, std::chrono::nanoseconds x) {
  return statement.empty() ? json(nullptr) : json(seconds(x));
}

json one(const connection_details& x) {
  json out;
  out["id"] = std::to_string(x.id);
  out["state"] = to_string(x.activity);
  out["server"] = x.server;
  out["server_connection_id"] =
      x.server_connection_id == 0 ? json(nullptr) : json(std::to_string(x.server_connection_id));
  out["age"] = seconds(x.age);
  auto is_idle = x.activity == connection_activity::idle;
  out["idle"] = is_idle ? json(seconds(x.unused)) : json(nullptr);
  out["served"] = x.answered;
  out["statement"] = text_or_null(x.statement);
  out["running"] = seconds_of(x.statement, x.running);
  return out;
}

json one(const session_details& x) {
  json out;
  out["session"] = std::to_string(static_cast<uint64_t>(x.id));
  out["connection"] = std::to_string(x.connection);
  out["owner"] = x.owner;
  out["holder"] = x.holder;
  out["age"] = seconds(x.age);
  out["in_transaction"] = x.in_transaction;
  out["last_statement"] = text_or_null(x.last_statement);
  out["running"] = x.running.count() == 0 ? json(nullptr) : json(seconds(x.running));
  return out;
}

json one(const statement_summary& x) {
  json out;
  out["digest"] = x.digest;
  out["calls"] = x.calls;
  out["errors"] = x.errors;
  out["rows"] = x.rows;
  out["total"] = seconds(x.total);
  out["mean"] = seconds(x.mean());
  out["p99"] = seconds(x.p99);
  out["max"] = seconds(x.max);
  return out;
}

json one(const client_status& x) {
  json out;
  out["name"] = x.name;
  out["subject"] = x.subject.empty() ? json(nullptr) : json(x.subject);
  out["address"] = x.address;
  out["version"] = x.version;
  out["admin"] = x.admin;
  out["connected"] = seconds(x.connected);
  out["in_flight"] = x.in_flight;
  out["waiting"] = x.waiting;
  out["sessions"] = x.sessions;
  out["answered"] = x.answered;
  out["failed"] = x.failed;
  return out;
}

template <class T>
json list_of(const std::vector<T>& all) {
  auto out = json::array();
  for (auto& x : all)
    out.push_back(one(x));
  return out;
}

} // namespace

json to_json(const result& x) {
  auto columns = json::array();
  for (auto& column : x.columns())
    columns.push_back(is_utf8(column.name) ? json(column.name) : encoded(column.name));
  auto rows = json::array();
  for (auto line : x) {
    auto cells = json::array();
    for (size_t i = 0; i < line.size(); ++i)
      cells.push_back(std::visit(to_json_value{}, line.value_at(i)));
    rows.push_back(std::move(cells));
  }
  json out;
  out["columns"] = std::move(columns);
  out["rows"] = std::move(rows);
  out["affected_rows"] = x.affected_rows();
  out["last_insert_id"] = x.last_insert_id();
  for (auto& further : x.more())
    out["more"].push_back(to_json(further));
  return out;
}

json to_json(const result& x, const std::vector<warning>& warnings) {
  auto out = to_json(x);
  for (auto& one : warnings) {
    auto code = json::parse(one.code, nullptr, false); // A number, if all is right.
    out["warnings"].push_back(
        {{"level", one.level}, {"code", code.is_number() ? code : json(one.code)}, {"message", one.text}});
  }
  return out;
}

json to_json(const pool_status& x) {
  json out;
  out["pool"] = x.pool;
  out["endpoint"] = x.endpoint;
  out["initialized"] = x.initialized;
  out["draining"] = x.draining;
  out["paused"] = x.paused;
  out["pool_size"] = x.pool_size;
  out["checked_in"] = x.checked_in;
  out["checked_out"] = x.checked_out;
  out["in_flight"] = x.in_flight;
  out["overflow"] = x.overflow;
  out["total_connections"] = x.total_connections;
  out["waiting"] = x.waiting;
  out["connecting"] = x.connecting;
  out["limit"] = x.limit;
  out["budget"] = x.budget;
  out["share"] = x.share;
  out["generation"] = x.generation;
  out["last_error"] = x.last_error.empty() ? json(nullptr) : json(x.last_error);
  out["breaker"] = to_string(x.breaker);
  out["served"] = x.served;
  out["timed_out"] = x.timed_out;
  out["refused"] = x.refused;
  out["shed"] = x.shed;
  out["connects"] = x.connects;
  out["lost"] = x.lost;
  return out;
}

json to_json(const std::vector<connection_details>& all) {
  return list_of(all);
}

json to_json(const std::vector<session_details>& all) {
  return list_of(all);
}

json to_json(const std::vector<statement_summary>& all) {
  return list_of(all);
}

json to_json(const node_status& x) {
  json out;
  out["name"] = x.name;
  out["address"] = x.address;
  out["tls"] = x.tls;
  out["draining"] = x.draining;
  out["greeted"] = x.greeted;
  out["turned_away"] = x.turned_away;
  out["lost"] = x.lost;
  out["clients"] = list_of(x.clients);
  return out;
}

std::string dump(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string base64(std::string_view data) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  for (size_t i = 0; i < data.size(); i += 3) {
    auto group = data.substr(i, 3);
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (j < group.size() ? static_cast<unsigned char>(group[j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      out += j <= group.size() ? digits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

} // namespace cenote::app
