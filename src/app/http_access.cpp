#include "app/http_access.hpp"

#include "cenote/configuration.hpp"
#include "config/listen_address.hpp"
#include "config/read_file.hpp"
#include "types/line_end.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

constexpr size_t max_token_size = 4 << 10;

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

std::optional<std::string> url_to_ask(const job& given, const std::string& command) {
  auto url = given.opts.url.empty() ? own_url(given.how.http) : given.opts.url;
  if (!url.empty())
    return url;
  spdlog::critical("http.listen is \"{}\", which names no port to ask: name the URL, as in 'cenote {} "
                   "http://127.0.0.1:9180'",
                   given.how.http.listen, command);
  return std::nullopt;
}

std::string read_token(const std::string& file) {
  if (file.empty())
    return {};
  auto [text, problem] = config::read_file(file, max_token_size);
  if (!problem.empty())
    throw configuration_error{"http.token-file: cannot read the file that it names: " + problem};
  text = detail::without_line_end(std::move(text));
  if (text.empty())
    throw configuration_error{"http.token-file: the file " + file
                              + " is empty: write a long random text into it, say with 'openssl rand -hex 32'"};
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c >= 0x7f; }))
    throw configuration_error{"http.token-file: the token in " + file + " must be one line of ASCII without spaces"};
  return text;
}

} // namespace cenote::app
