#include "http/client.hpp"

#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>
#include <system_error>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cenote::http {

namespace {

using clock = std::chrono::steady_clock;

constexpr size_t max_answer = size_t{4} << 20;

struct location {
  std::string authority; ///< As the URL has it: with the port, and with the brackets of an IPv6 address.
  std::string host;
  std::string port = "80";
  std::string path;
};

bool parse(std::string_view url, const std::string& path, location& out) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme))
    return false;
  url.remove_prefix(scheme.size());
  auto slash = std::min(url.find('/'), url.size());
  auto authority = url.substr(0, slash);
  out.path = slash + 1 < url.size() ? url.substr(slash) : std::string_view{path};
  out.authority = authority;
  auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    out.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  out.host = authority;
  auto printable = [](unsigned char c) { return c > ' ' && c < 0x7f; };
  for (auto c : out.authority + out.path)
    if (!printable(static_cast<unsigned char>(c)))
      return false;
  return !out.host.empty() && !out.port.empty();
}

std::string last_problem() {
  return std::generic_category().message(errno);
}

/// Waits for the socket; false, with `errno`, if the time is up first.
bool wait_for(int fd, short events, clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
  pollfd ready{fd, events, 0};
  auto count = left > 0 ? poll(&ready, 1, static_cast<int>(left)) : 0;
  if (count == 0)
    errno = ETIMEDOUT;
  return count > 0;
}

bool connect_to(int fd, const addrinfo& address, clock::time_point deadline) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0)
    return true;
  if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, deadline))
    return false;
  socklen_t size = sizeof(errno);
  int error = 0;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  return error == 0;
}

/// Sends the request and reads until the server closes.
bool exchange(int fd, const std::string& text, clock::time_point deadline, std::string& out) {
  // A request of this size fits into the buffer of a new socket.
  if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    return false;
  char buffer[4096];
  while (wait_for(fd, POLLIN, deadline)) {
    auto received = recv(fd, buffer, sizeof(buffer), 0);
    if (received == 0)
      return true;
    if (received < 0)
      return false;
    out.append(buffer, static_cast<size_t>(received));
    if (out.size() > max_answer) {
      errno = EMSGSIZE;
      return false;
    }
  }
  return false;
}

fetched parse_answer(const std::string& text) {
  constexpr size_t status_at = sizeof("HTTP/1.1 ") - 1;
  fetched out;
  auto end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || end == std::string::npos || text.size() < status_at + 3)
    return {0, {}, "the answer is not HTTP"};
  std::from_chars(text.data() + status_at, text.data() + status_at + 3, out.status);
  out.body = text.substr(end + 4);
  return out;
}

} // namespace

fetched fetch(const std::string& url, const std::string& path, std::chrono::milliseconds patience,
              const std::string& token) {
  location target;
  if (!parse(url, path, target))
    return {0, {}, "not a URL of the form http://host:port/path"};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (auto rc = getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found); rc != 0)
    return {0, {}, gai_strerror(rc)};
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard{found, freeaddrinfo};
  auto deadline = clock::now() + patience;
  auto request = "GET " + target.path + " HTTP/1.1\r\nHost: " + target.authority + "\r\nConnection: close\r\n"
                 + (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + "\r\n";
  std::string problem;
  for (auto address = found; address != nullptr; address = address->ai_next) {
    auto fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    std::string answer;
    auto done = fd >= 0 && connect_to(fd, *address, deadline) && exchange(fd, request, deadline, answer);
    problem = last_problem();
    if (fd >= 0)
      close(fd);
    if (done)
      return parse_answer(answer);
  }
  return {0, {}, problem};
}

bool is_url(const std::string& url) {
  location ignored;
  return parse(url, "/", ignored);
}

} // namespace cenote::http
