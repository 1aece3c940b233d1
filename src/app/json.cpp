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

json client_json(const client_status& x) {
  json out;
  out["name"] = x.name;
  out["subject"] = x.subject.empty() ? json(nullptr) : json(x.subject);
  out["address"] = x.address;
  out["version"] = x.version;
  out["admin"] = x.admin;
  out["connected"] = std::chrono::duration<double>(x.connected).count();
  out["in_flight"] = x.in_flight;
  out["waiting"] = x.waiting;
  out["sessions"] = x.sessions;
  out["answered"] = x.answered;
  out["failed"] = x.failed;
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

json to_json(const node_status& x) {
  json out;
  out["name"] = x.name;
  out["address"] = x.address;
  out["tls"] = x.tls;
  out["draining"] = x.draining;
  out["greeted"] = x.greeted;
  out["turned_away"] = x.turned_away;
  out["lost"] = x.lost;
  out["clients"] = json::array();
  for (auto& client : x.clients)
    out["clients"].push_back(client_json(client));
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
