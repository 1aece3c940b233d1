#include "support/raw_peer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace cenote::test {

using net::message_kind;

namespace {

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Waits for the socket.
bool is_ready(int fd, short events, std::chrono::steady_clock::time_point until) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  pollfd waiting{fd, events, 0};
  return left.count() > 0 && ::poll(&waiting, 1, static_cast<int>(left.count())) > 0;
}

} // namespace

raw_peer::raw_peer(uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  auto address = loopback(port);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    throw std::runtime_error{std::string{"cannot connect: "} + std::strerror(errno)};
}

bool raw_peer::send(std::string_view bytes, std::chrono::milliseconds limit) {
  auto until = std::chrono::steady_clock::now() + limit;
  while (!bytes.empty()) {
    auto count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0)
      bytes.remove_prefix(static_cast<size_t>(count));
    else if ((errno != EAGAIN && errno != EINTR) || !is_ready(socket_.get(), POLLOUT, until))
      return false;
  }
  return true;
}

bool raw_peer::send(message_kind kind, uint64_t id, std::string_view content) {
  std::string bytes;
  do {
    auto piece = content.substr(0, net::max_piece);
    content.remove_prefix(piece.size());
    bytes += frame(static_cast<uint32_t>(piece.size()), static_cast<uint8_t>(kind), content.empty() ? 1 : 0, id, piece);
  } while (!content.empty());
  return send(bytes);
}

bool raw_peer::send(message_kind kind, uint64_t id, const net::blob& content) {
  return send(kind, id, text_of(content));
}

/// @returns whether something has come.
bool raw_peer::fill(std::chrono::steady_clock::time_point until) {
  std::byte buffer[65536];
  if (!is_ready(socket_.get(), POLLIN, until))
    return false;
  auto count = ::recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
  return count > 0 && !reader_.take(std::span{buffer}.first(static_cast<size_t>(count)), inbox_);
}

std::optional<net::message> raw_peer::receive(std::chrono::milliseconds limit) {
  auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    while (!inbox_.empty()) {
      auto first = std::move(inbox_.front());
      inbox_.erase(inbox_.begin());
      if (first.kind == message_kind::ping)
        send(message_kind::pong, first.id);
      else if (first.kind != message_kind::pong)
        return first;
    }
    if (!fill(until))
      return std::nullopt;
  }
}

bool raw_peer::await_end(std::chrono::milliseconds limit) {
  auto until = std::chrono::steady_clock::now() + limit;
  while (receive(std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()))) {
    // nop
  }
  return await_end_silently(
      std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()));
}

bool raw_peer::await_end_silently(std::chrono::milliseconds limit) {
  auto until = std::chrono::steady_clock::now() + limit;
  char buffer[65536];
  for (;;) {
    auto count = ::recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
      return true;
    if (count < 0 && !is_ready(socket_.get(), POLLIN, until))
      return false;
  }
}

std::string frame(uint32_t length, uint8_t kind, uint8_t flags, uint64_t id, std::string_view piece) {
  std::string out;
  auto put = [&out](uint64_t number, size_t bytes) {
    while (bytes-- > 0)
      out += static_cast<char>(number >> (8 * bytes));
  };
  put(length, 4);
  put(kind, 1);
  put(flags, 1);
  put(0, 2);
  put(id, 8);
  return out.append(piece);
}

std::string text_of(const net::blob& content) {
  return {reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()};
}

// -- raw_node ----------------------------------------------------------------------

raw_node::raw_node(service serve)
    : serve_{std::move(serve)}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  auto address = loopback(0);
  socklen_t size = sizeof(address);
  auto raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 128) != 0
      || ::getsockname(listener_.get(), raw, &size) != 0)
    throw std::runtime_error{"the node that is written by hand cannot listen"};
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] { run(); }};
}

raw_node::~raw_node() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard guard{mutex_};
    for (auto& each : peers_)
      ::shutdown(each.descriptor(), SHUT_RDWR);
  }
  for (auto& each : threads_)
    each.join();
}

void raw_node::run() {
  while (!stopping_) {
    net::unique_fd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!socket)
      continue;
    ++accepted_;
    std::lock_guard guard{mutex_};
    auto& peer = peers_.emplace_back(std::move(socket));
    threads_.emplace_back([this, &peer] {
      serve_(peer);
      ::shutdown(peer.descriptor(), SHUT_RDWR);
    });
  }
}

} // namespace cenote::test
