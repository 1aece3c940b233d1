#include "http/router.hpp"

#include "http/origin.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cenote::http {

namespace {

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_pattern(std::string_view path) {
  return path.ends_with("/*");
}

/// What stands for the `*` of the pattern; empty if the path does not fit.
std::string_view argument_of(std::string_view path, std::string_view pattern) {
  auto prefix = pattern.substr(0, pattern.size() - 1);
  auto fits = path.starts_with(prefix) && path.find('/', prefix.size()) == path.npos;
  return fits ? path.substr(prefix.size()) : std::string_view{};
}

bool permits(const std::string& allowed, const std::string& method) {
  return method == allowed || (allowed == "GET" && method == "HEAD");
}

} // namespace

void router::add(std::string method, std::string path, access level, handler answer) {
  routes_.push_back({std::move(method), std::move(path), level, std::move(answer)});
}

response router::handle(const request& received) const noexcept {
  try {
    return answer(received);
  } catch (...) {
    // The exception's text could be anything: the client gets only the status.
    response out;
    out.status = 500;
    return out;
  }
}

response router::answer(const request& received) const {
  if (local_ && !received.host.empty() && !names_this_machine(received.host))
    return line(403, "the header Host has to name this machine: ask for localhost, or set http.listen to an address "
                     "that others reach");
  if (!has_same_origin(received))
    return line(403, "requests of pages from elsewhere are refused: the header Origin names another host than Host");
  auto found = find(received.path);
  if (found == nullptr)
    return line(404, "no such path");
  if (!permits(found->method, received.method)) {
    auto out = line(405, "the method must be " + found->method);
    out.headers.emplace_back("Allow", found->method == "GET" ? "GET, HEAD" : found->method);
    return out;
  }
  if (found->level == access::privileged && token_.empty())
    return line(403, "this needs a token: set http.token-file to a file that holds one, and restart cenote serve");
  if (found->level != access::open && !token_.empty() && !shows_token(received)) {
    auto out = line(401, "this needs a header 'Authorization: Bearer TOKEN' with the token in http.token-file");
    out.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"cenote\"");
    return out;
  }
  if (!is_pattern(found->path))
    return found->answer(received);
  auto with_argument = received;
  with_argument.argument = argument_of(received.path, found->path);
  return found->answer(with_argument);
}

const router::route* router::find(std::string_view path) const {
  auto i = std::ranges::find_if(routes_, [path](const route& x) {
    return is_pattern(x.path) ? !argument_of(path, x.path).empty() : x.path == path;
  });
  return i == routes_.end() ? nullptr : &*i;
}

bool router::shows_token(const request& received) const {
  std::string_view given{received.authorization};
  auto space = given.find(' ');
  return space != std::string_view::npos && same_ignoring_case(given.substr(0, space), "bearer")
         && equal_in_constant_time(token_, trimmed(given.substr(space)));
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool equal_in_constant_time(std::string_view secret, std::string_view given) {
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    auto expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(expected);
  }
  return difference == 0;
}

bool accepts(const request& received, std::string_view type) {
  std::string_view rest{received.accept};
  while (!rest.empty()) {
    auto comma = std::min(rest.find(','), rest.size());
    auto media_range = rest.substr(0, comma);
    if (same_ignoring_case(trimmed(media_range.substr(0, media_range.find(';'))), type))
      return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

} // namespace cenote::http
