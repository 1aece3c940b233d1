#include "support/fault_proxy.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cenote::test {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// What one direction of a connection holds back at most; then its sender has to wait.
constexpr size_t max_held_bytes = 1u << 20;

[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  result.sin_port = htons(port);
  return result;
}

class socket_fd {
public:
  explicit socket_fd(int fd) noexcept : fd_{fd} {
    // nop
  }
  socket_fd(socket_fd&& x) noexcept : fd_{std::exchange(x.fd_, -1)} {
    // nop
  }
  ~socket_fd() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const noexcept { return fd_; }

  /// Sends a reset at once. Closing would do so only when no other thread waits for the socket any more.
  void reset() const {
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    ::connect(fd_, &nobody, sizeof(nobody));
  }

private:
  int fd_;
};

/// What is on its way in one direction.
struct direction {
  struct piece {
    clock::time_point due;
    std::string bytes;
  };
  std::deque<piece> held;
  size_t size = 0;
  std::optional<size_t> left; ///< Bytes until the connection is cut; empty: no limit.
  bool ended = false;         ///< Its sender has hung up.
};

struct connection {
  socket_fd client;
  socket_fd server;
  direction requests;
  direction replies;
};

} // namespace

class fault_proxy::impl {
public:
  explicit impl(uint16_t server_port)
      : server_ports_{server_port}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    auto address = loopback(0);
    socklen_t size = sizeof(address);
    auto raw = reinterpret_cast<sockaddr*>(&address);
    if (listener_.get() < 0 || ::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 128) != 0
        || ::getsockname(listener_.get(), raw, &size) != 0 || ::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0)
      fail("the proxy cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }

  ~impl() {
    change([this] { stopping_ = true; });
    thread_.join();
    ::close(wake_[0]);
    ::close(wake_[1]);
  }

  template <class F>
  auto look(F what) const {
    std::lock_guard guard{mutex_};
    return what();
  }

  /// Changes the rules and lets the thread act on them.
  template <class F>
  void change(F what) {
    std::lock_guard guard{mutex_};
    what();
    // If the pipe is full, the thread is going to wake up anyway.
    [[maybe_unused]] auto ignored = ::write(wake_[1], "", 1);
  }

  void cut_all() {
    for (auto& x : connections_) {
      x.client.reset();
      x.server.reset();
    }
    connections_.clear();
  }

  uint16_t port_ = 0;
  mutable std::mutex mutex_; ///< Guards all that follows; the thread waits without it.
  std::vector<uint16_t> server_ports_;
  std::list<connection> connections_;
  bool refusing_ = false;
  bool swallowing_ = false;
  bool stopping_ = false;
  std::chrono::microseconds delay_{0};
  size_t accepted_ = 0;

private:
  void run() {
    std::vector<pollfd> watched;
    std::unique_lock guard{mutex_};
    while (!stopping_) {
      auto wait = watch(watched);
      guard.unlock();
      auto whole = std::chrono::floor<std::chrono::seconds>(wait.value_or(0ns));
      timespec limit{whole.count(), (wait.value_or(0ns) - whole).count()};
      ::ppoll(watched.data(), watched.size(), wait ? &limit : nullptr, nullptr);
      guard.lock();
      char buffer[64];
      while (::read(wake_[0], buffer, sizeof(buffer)) > 0) {
        // nop
      }
      accept_all();
      for (auto i = connections_.begin(); i != connections_.end();)
        i = forward(*i) ? std::next(i) : connections_.erase(i);
    }
  }

  /// What to wait for, and how long if not for ever. The sockets do not block, so that what became ready is found by
  /// trying.
  std::optional<std::chrono::nanoseconds> watch(std::vector<pollfd>& out) const {
    out.clear();
    out.push_back({wake_[0], POLLIN, 0});
    out.push_back({listener_.get(), POLLIN, 0});
    // One time for all decisions: what is not due by it gets a timer, even if that comes due meanwhile.
    auto now = clock::now();
    auto next = clock::time_point::max();
    for (auto& x : connections_) {
      if (swallowing_)
        break;
      auto events_of = [&](const direction& incoming, const direction& outgoing) {
        auto reads = !incoming.ended && incoming.size < max_held_bytes;
        auto holds = !outgoing.held.empty();
        auto due = holds && outgoing.held.front().due <= now;
        if (holds && !due)
          next = std::min(next, outgoing.held.front().due);
        return static_cast<short>((reads ? POLLIN : 0) | (due ? POLLOUT : 0));
      };
      out.push_back({x.client.get(), events_of(x.requests, x.replies), 0});
      out.push_back({x.server.get(), events_of(x.replies, x.requests), 0});
    }
    if (next == clock::time_point::max())
      return std::nullopt;
    return next - now;
  }

  void accept_all() {
    for (;;) {
      socket_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (client.get() < 0)
        return;
      ++accepted_;
      socket_fd server{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      auto address = loopback(server_ports_[accepted_ % server_ports_.size()]);
      if (refusing_ || ::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        client.reset();
        continue;
      }
      ::fcntl(server.get(), F_SETFL, O_NONBLOCK);
      for (auto fd : {client.get(), server.get()}) {
        int yes = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
      }
      connections_.push_back({std::move(client), std::move(server), {}, {}});
    }
  }

  /// @returns whether the connection goes on.
  bool forward(connection& x) {
    if (swallowing_)
      return true;
    auto ok = take(x.client.get(), x.requests) && take(x.server.get(), x.replies) && give(x.server.get(), x.requests)
              && give(x.client.get(), x.replies);
    if (!ok) {
      x.client.reset();
      x.server.reset();
      return false;
    }
    auto done = [](const direction& y) { return y.ended && y.held.empty(); };
    return !done(x.requests) && !done(x.replies);
  }

  /// Reads what a socket has. False means that the connection is broken.
  bool take(int from, direction& to) {
    char buffer[16384];
    while (!to.ended && to.size < max_held_bytes) {
      auto n = ::recv(from, buffer, sizeof(buffer), 0);
      if (n == 0) {
        to.ended = true;
      } else if (n > 0) {
        to.held.push_back({clock::now() + delay_, std::string(buffer, static_cast<size_t>(n))});
        to.size += static_cast<size_t>(n);
      } else if (errno != EINTR) {
        return errno == EAGAIN;
      }
    }
    return true;
  }

  bool give(int to, direction& from) {
    while (!from.held.empty() && from.held.front().due <= clock::now()) {
      auto& bytes = from.held.front().bytes;
      auto most = std::min(bytes.size(), from.left.value_or(bytes.size()));
      auto n = ::send(to, bytes.data(), most, MSG_NOSIGNAL);
      if (n < 0 && errno != EINTR)
        return errno == EAGAIN;
      auto sent = static_cast<size_t>(std::max<ssize_t>(n, 0));
      from.size -= sent;
      bytes.erase(0, sent);
      if (bytes.empty())
        from.held.pop_front();
      if (from.left) {
        *from.left -= sent;
        if (*from.left == 0) {
          // In order, so that the client gets what was forwarded.
          ::shutdown(to, SHUT_WR);
          return false;
        }
      }
    }
    return true;
  }

  socket_fd listener_;
  int wake_[2] = {-1, -1};
  std::thread thread_;
};

fault_proxy::fault_proxy(uint16_t server_port) : impl_{std::make_unique<impl>(server_port)} {
  // nop
}

fault_proxy::~fault_proxy() = default;

uint16_t fault_proxy::port() const noexcept {
  return impl_->port_;
}

void fault_proxy::cut_all() {
  impl_->change([this] { impl_->cut_all(); });
}

void fault_proxy::refuse(bool x) {
  impl_->change([this, x] { impl_->refusing_ = x; });
}

void fault_proxy::swallow(bool x) {
  impl_->change([this, x] { impl_->swallowing_ = x; });
}

void fault_proxy::delay(std::chrono::microseconds by) {
  impl_->change([this, by] { impl_->delay_ = by; });
}

void fault_proxy::cut_replies_after(size_t bytes) {
  impl_->change([this, bytes] {
    for (auto& x : impl_->connections_)
      x.replies.left = bytes;
  });
}

void fault_proxy::forward_to(std::vector<uint16_t> server_ports) {
  impl_->change([&] { impl_->server_ports_ = std::move(server_ports); });
}

size_t fault_proxy::open_connections() const {
  return impl_->look([this] { return impl_->connections_.size(); });
}

size_t fault_proxy::accepted() const {
  return impl_->look([this] { return impl_->accepted_; });
}

} // namespace cenote::test
