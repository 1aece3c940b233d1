#include "http/router.hpp"

#include "http/origin.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cenote::http {

namespace {

std::string_view trimmed(std::string_view x) {
  auto first = x.find_first_not_of(" \t");
  if (first == std::string_view::npos)
    return {};
  return x.substr(first, x.find_last_not_of(" \t") - first + 1);
}

bool permits(const std::string& allowed, const std::string& method) {
  return method == allowed || (allowed == "GET" && method == "HEAD");
}

} // namespace

void router::add(std::string method, std::string path, access who, handler answer) {
  routes_.push_back({std::move(method), std::move(path), who, std::move(answer)});
}

response router::handle(const request& x) const noexcept {
  try {
    return answer(x);
  } catch (...) {
    // What it says could be anything; the client gets no more than this.
    response out;
    out.status = 500;
    return out;
  }
}

response router::answer(const request& x) const {
  if (local_ && !x.host.empty() && !names_this_machine(x.host))
    return line(403, "the header Host has to name this machine: ask for localhost, or set http.listen to an address "
                     "that others reach");
  if (!has_same_origin(x))
    return line(403, "requests of pages from elsewhere are refused: the header Origin names another host than Host");
  auto found = find(x.path);
  if (found == nullptr)
    return line(404, "there is nothing here");
  if (!permits(found->method, x.method)) {
    auto out = line(405, "the method must be " + found->method);
    out.headers.emplace_back("Allow", found->method == "GET" ? "GET, HEAD" : found->method);
    return out;
  }
  if (found->who == access::privileged && token_.empty())
    return line(403, "this needs a token: set http.token-file to a file that holds one, and restart cenote serve");
  if (found->who != access::open && !token_.empty() && !shows_token(x)) {
    auto out = line(401, "this needs a header 'Authorization: Bearer TOKEN' with the token in http.token-file");
    out.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"cenote\"");
    return out;
  }
  return found->answer(x);
}

const router::route* router::find(std::string_view path) const {
  auto i = std::ranges::find(routes_, path, &route::path);
  return i == routes_.end() ? nullptr : &*i;
}

bool router::shows_token(const request& x) const {
  std::string_view given{x.authorization};
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

bool accepts(const request& x, std::string_view type) {
  std::string_view rest{x.accept};
  while (!rest.empty()) {
    auto comma = std::min(rest.find(','), rest.size());
    auto one = rest.substr(0, comma);
    if (same_ignoring_case(trimmed(one.substr(0, one.find(';'))), type))
      return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

} // namespace cenote::http
