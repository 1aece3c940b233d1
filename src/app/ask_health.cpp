// The command `cenote health`.

#include "app/commands.hpp"
#include "app/printable.hpp"
#include "config/listen_address.hpp"
#include "http/client.hpp"

#include <chrono>
#include <string>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Less than the time-outs that containers give to their health checks.
constexpr auto patience = 3s;

/// Where `serve` listens if it has the same settings; empty: nowhere, or at a port that only its log tells.
std::string own_url(const http_settings& how) {
  auto where = how.enabled() ? config::parse_listen_address(how.listen) : std::nullopt;
  if (!where || where->port == 0)
    return {};
  if (where->host == "0.0.0.0")
    where->host = "127.0.0.1";
  else if (where->host == "::")
    where->host = "::1";
  return where->url();
}

/// The first line.
std::string first_line(const std::string& text) {
  return printable(text.substr(0, std::min(text.find('\n'), size_t{200})));
}

} // namespace

answer ask_health(const job& x) {
  auto url = x.opts.url.empty() ? own_url(x.how.http) : x.opts.url;
  if (url.empty()) {
    spdlog::critical("http.listen is \"{}\", which names no port to ask: name the URL, as in 'cenote health "
                     "http://127.0.0.1:9180'",
                     x.how.http.listen);
    return {wrong_use, {}};
  }
  auto found = http::fetch(url, x.opts.ready ? "/readyz" : "/livez", patience);
  if (found.status == 200)
    return {success, url + " is " + (x.opts.ready ? "ready" : "live") + "\n"};
  if (found.status == 0)
    spdlog::critical("{} does not answer: {}; does cenote serve run there?", url, found.problem);
  else
    spdlog::critical("{} answers {}: {}", url, found.status, first_line(found.body));
  return {failed, {}};
}

} // namespace cenote::app
