#include "integration/app_http_client.hpp"

#include <stdexcept>
#include <thread>
#include <utility>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

} // namespace

http_connection::http_connection(uint16_t port, const std::string& host) : fd_{-1} {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return;
  fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval patience{15, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  open_ = fd_ >= 0 && connect(fd_, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
}

http_connection::~http_connection() {
  if (fd_ >= 0)
    close(fd_);
}

bool http_connection::send(std::string_view text) const {
  return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::string http_connection::rest() const {
  std::string out;
  char buffer[4096];
  for (ssize_t n = 0; (n = recv(fd_, buffer, sizeof(buffer), 0)) > 0;)
    out.append(buffer, static_cast<size_t>(n));
  return out;
}

http_answer parse_answer(const std::string& text) {
  auto end = text.find("\r\n\r\n");
  if (end == std::string::npos || !text.starts_with("HTTP/1.1 "))
    return {};
  return {std::stoi(text.substr(9, 3)), text.substr(0, end), text.substr(end + 4)};
}

http_answer ask(uint16_t port, const std::string& request, const std::string& headers, const std::string& host) {
  http_connection to{port, host};
  to.send(request + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  return parse_answer(to.rest());
}

uint16_t port_of(program& serve, const std::string& host) {
  auto intro = "HTTP: http://" + host + ":";
  if (!serve.logs(intro))
    return 0;
  auto log = serve.logged();
  return static_cast<uint16_t>(std::stoi(log.substr(log.find(intro) + intro.size())));
}

bool within(std::chrono::seconds limit, const std::function<bool()>& condition) {
  for (auto end = clock::now() + limit; clock::now() < end; std::this_thread::sleep_for(50ms))
    if (condition())
      return true;
  return false;
}

environment serve_environment(const std::string& uri) {
  return {{"DATABASE_URI", uri}, {"CENOTE_HTTP_LISTEN", "127.0.0.1:0"}};
}

statement_count::statement_count(std::string uri) : uri_{std::move(uri)} {
  questions();
  auto before = questions();
  last_ = questions();
  own_ = last_ - before;
}

int statement_count::take() {
  auto now = questions();
  return now - std::exchange(last_, now) - own_;
}

int statement_count::questions() const {
  auto x = run({"cenote", "sql", "--json", "SHOW GLOBAL STATUS LIKE 'Questions'"}, {{"DATABASE_URI", uri_}});
  return std::stoi(nlohmann::json::parse(x.out)["rows"][0][1].get<std::string>());
}

} // namespace cenote::test
