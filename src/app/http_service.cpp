#include "app/http_service.hpp"

#include "app/details.hpp"
#include "app/health.hpp"
#include "app/jobs/housekeeper.hpp"
#include "app/json.hpp"
#include "app/json_response.hpp"
#include "app/page.hpp"
#include "app/record_json.hpp"
#include "cenote/metrics.hpp"
#include "config/listen_address.hpp"
#include "config/setting.hpp"

#include <charconv>
#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using http::access;
using http::request;
using http::response;

response metrics(caf::actor_system& system, const request& x) {
  auto format =
      http::accepts(x, "application/openmetrics-text") ? metrics_format::open_metrics : metrics_format::prometheus;
  return {200, collect_metrics(system, format), std::string{content_type_of(format)}, {}};
}

/// How many samples of the history are asked for.
size_t samples(const request& received) {
  auto text = http::query_value(received, "samples").value_or("");
  auto out = history::capacity;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// Asks the pool for something that it does at once.
template <class Atom>
response order(pool_host& host, Atom what, const std::string& done) {
  spdlog::info("HTTP: /admin: {}", done);
  auto came = host.ask_in_time<void>(what);
  return came ? http::line(200, done) : http::line(503, "the pool refuses: " + to_string(came.error()));
}

nlohmann::ordered_json to_json_value(const std::string& text) {
  auto out = nlohmann::ordered_json::parse(text, nullptr, false); // Numbers, truth values, texts in quotes.
  return out.is_discarded() ? nlohmann::ordered_json(text) : out; // Times: 30s.
}

} // namespace

nlohmann::ordered_json to_json(const settings& x) {
  nlohmann::ordered_json out;
  for (auto& what : config::table()) {
    auto dot = what.key.find('.');
    out[what.key.substr(0, dot)][what.key.substr(dot + 1)] = to_json_value(config::format(what, x));
  }
  return out;
}

http_service::http_service(pool_host& host, const settings& how, std::shared_ptr<pool_watch> watch, std::string token,
                           bool chosen, service_control control)
    : host_{host}, how_{how.http}, control_{std::move(control)}, watch_{std::move(watch)} {
  if (!how_.enabled())
    return;
  try {
    start(token);
  } catch (http::server_error& err) {
    if (chosen)
      throw;
    spdlog::warn("{}; going on without HTTP", err.what());
  }
}

http_service::~http_service() = default;

uint16_t http_service::port() const noexcept {
  return server_ ? server_->port() : 0;
}

void http_service::start(const std::string& token) {
  auto where = config::parse_listen_address(how_.listen).value();
  recorder_ = std::make_unique<pool_recorder>(host_.system(), host_.pool(), watch_, control_.current);
  router_ = std::make_unique<http::router>(make_router(token, where.local));
  try {
    server_ =
        std::make_unique<http::server>(where.host, where.port, [this](const request& x) { return router_->handle(x); });
  } catch (...) {
    recorder_.reset();
    throw;
  }
  where.port = server_->port();
  spdlog::info("HTTP: {}", where.url());
  if (!where.local)
    spdlog::warn("HTTP: {} is reached from other machines, unencrypted{}", how_.listen,
                 token.empty() ? " and without a token; set http.token-file" : "");
}

http::router http_service::make_router(const std::string& token, bool local) {
  http::router out{token, local};
  add_page(out);
  out.add("GET", "/livez", access::open, [this](auto& x) { return to_response(liveness(watch_->look()), x); });
  out.add("GET", "/readyz", access::open, [this](auto& x) {
    watch_->note_probe();
    return to_response(readiness(watch_->look(), control_.current()->pool.kept() > 0), x);
  });
  out.add("GET", "/startupz", access::protect, [this](auto& x) { return to_response(start_up(watch_->look()), x); });
  out.add("GET", "/metrics", access::protect, [this](auto& x) { return metrics(host_.system(), x); });
  out.add("GET", "/status", access::protect, [this](auto&) {
    auto known = watch_->look().status;
    if (!known)
      return http::line(503, "the pool has not told its status yet");
    nlohmann::ordered_json body;
    body["version"] = 1;
    body["program"] = CENOTE_VERSION;
    body["state"] = to_json(recorder_->state());
    body["status"] = to_json(*known);
    if (auto node = control_.node ? control_.node() : nullptr)
      body["node"] = to_json(*node);
    if (auto jobs = control_.jobs ? control_.jobs() : nullptr)
      body["jobs"] = summary_object(*jobs);
    body["settings"] = to_json(*control_.current());
    return json_response(body);
  });
  add_details(out, host_);
  out.add("GET", "/status/history", access::protect, [this](auto& received) {
    return json_response(to_json(recorder_->newest(samples(received)), control_.current()->server));
  });
  out.add("GET", "/status/events", access::protect,
          [this](auto&) { return json_response(to_json(recorder_->events())); });
  out.add("POST", "/admin/dispose", access::privileged,
          [this](auto&) { return order(host_, dispose_atom_v, "all connections are being replaced"); });
  out.add("POST", "/admin/pause", access::privileged,
          [this](auto&) { return order(host_, pause_atom_v, "paused: no request gets a connection"); });
  out.add("POST", "/admin/resume", access::privileged,
          [this](auto&) { return order(host_, resume_atom_v, "resumed"); });
  out.add("POST", "/admin/reload", access::privileged, [this](auto&) {
    auto came = control_.reload();
    return came ? http::line(200, *came) : http::line(409, came.error());
  });
  out.add("POST", "/admin/drain", access::privileged, [this](auto&) {
    control_.drain();
    return http::line(202, "draining: the work that was accepted is finished, then the program ends");
  });
  return out;
}

} // namespace cenote::app
