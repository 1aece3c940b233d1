// The command `cenote health`.

#include "app/commands.hpp"
#include "app/http_access.hpp"
#include "app/printable.hpp"
#include "http/client.hpp"

#include <chrono>
#include <string>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Less than the time-outs that containers give to their health checks.
constexpr auto patience = 3s;

/// The first line.
std::string first_line(const std::string& text) {
  return printable(text.substr(0, std::min(text.find('\n'), size_t{200})));
}

} // namespace

answer ask_health(const invocation& x) {
  auto url = url_to_ask(x, "health");
  if (!url)
    return {wrong_use, {}};
  auto found = http::fetch(*url, x.opts.ready ? "/readyz" : "/livez", patience);
  if (found.status == 200)
    return {success, *url + " is " + (x.opts.ready ? "ready" : "live") + "\n"};
  if (found.status == 0)
    spdlog::critical("{} does not answer: {}; does cenote serve run there?", *url, found.problem);
  else
    spdlog::critical("{} answers {}: {}", *url, found.status, first_line(found.body));
  return {failed, {}};
}

} // namespace cenote::app
