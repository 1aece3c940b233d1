#include "app/http_access.hpp"

#include "cenote/configuration.hpp"
#include "config/listen_address.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

/// Empty: nowhere.
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

} // namespace

std::optional<std::string> url_to_ask(const invocation& given, const std::string& command) {
  auto url = given.opts.url.empty() ? own_url(given.how.http) : given.opts.url;
  if (!url.empty())
    return url;
  spdlog::critical("http.listen is \"{}\", which names no port to ask: name the URL, as in 'cenote {} "
                   "http://127.0.0.1:9180'",
                   given.how.http.listen, command);
  return std::nullopt;
}

} // namespace cenote::app
