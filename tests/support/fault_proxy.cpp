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

/// The most that one direction of a connection holds back; then its sender has to wait.
constexpr size_t max_held_bytes = 1u << 20;

/// Bytes of replies that a slow network holds.
constexpr int slow_buffer = 64 << 10;

[[noreturn]] void fail(const char* action) {
  throw std::system_error{errno, std::generic_category(), action};
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
  socket_fd(socket_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {
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

/// The data in flight in one direction.
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
  auto look(F read) const {
    std::lock_guard guard{mutex_};
    return read();
  }

  /// Changes the rules and lets the thread act on them.
  template <class F>
  void change(F modify) {
    std::lock_guard guard{mutex_};
    modify();
    // If the pipe is full, the thread is going to wake up anyway.
    [[maybe_unused]] auto ignored = ::write(wake_[1], "", 1);
  }

  void cut_all() {
    for (auto& pair : connections_) {
      pair.client.reset();
      pair.server.reset();
    }
    connections_.clear();
  }

  uint16_t port_ = 0;
  mutable std::mutex mutex_; ///< Guards all that follows; the thread waits without it.
  std::vector<uint16_t> server_ports_;
  std::list<connection> connections_;
  bool refusing_ = false;
  bool swallowing_requests_ = false;
  bool swallowing_replies_ = false;
  size_t reply_rate_ = 0; ///< Bytes in a second; zero: no limit.
  clock::time_point next_reply_ = clock::time_point::min();
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

  /// The sockets to wait for, and the timeout, if any. The sockets do not block: which of them are ready is found by
  /// trying.
  std::optional<std::chrono::nanoseconds> watch(std::vector<pollfd>& out) const {
    out.clear();
    out.push_back({wake_[0], POLLIN, 0});
    out.push_back({listener_.get(), POLLIN, 0});
    // One time for all decisions: what is not due by it gets a timer, even if that comes due meanwhile.
    auto now = clock::now();
    auto next = clock::time_point::max();
    for (auto& pair : connections_) {
      if (swallowing_requests_ && swallowing_replies_)
        break;
      auto events_of = [&](const direction& incoming, const direction& outgoing) {
        auto room = &incoming == &pair.replies ? max_held_replies() : max_held_bytes;
        auto reads = !incoming.ended && incoming.size < room && !swallows(pair, incoming);
        auto holds = !outgoing.held.empty() && !swallows(pair, outgoing);
        auto due_at = holds ? outgoing.held.front().due : clock::time_point::min();
        if (holds && &outgoing == &pair.replies)
          due_at = std::max(due_at, next_reply_);
        auto due = holds && due_at <= now;
        if (holds && !due)
          next = std::min(next, due_at);
        return static_cast<short>((reads ? POLLIN : 0) | (due ? POLLOUT : 0));
      };
      out.push_back({pair.client.get(), events_of(pair.requests, pair.replies), 0});
      out.push_back({pair.server.get(), events_of(pair.replies, pair.requests), 0});
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
      if (reply_rate_ > 0) // A slow network has no room for what the server has written.
        ::setsockopt(server.get(), SOL_SOCKET, SO_RCVBUF, &slow_buffer, sizeof(slow_buffer));
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

  size_t max_held_replies() const { return reply_rate_ > 0 ? size_t{slow_buffer} : max_held_bytes; }

  bool swallows(const connection& pair, const direction& one_way) const {
    return &one_way == &pair.requests ? swallowing_requests_ : swallowing_replies_;
  }

  /// @returns whether the connection goes on.
  bool forward(connection& pair) {
    auto ok =
        (swallowing_requests_ || (take(pair.client.get(), pair.requests) && give(pair.server.get(), pair.requests)))
        && (swallowing_replies_ || (take(pair.server.get(), pair.replies, max_held_replies()) && give_reply(pair)));
    if (!ok) {
      pair.client.reset();
      pair.server.reset();
      return false;
    }
    auto done = [](const direction& one_way) { return one_way.ended && one_way.held.empty(); };
    return !done(pair.requests) && !done(pair.replies);
  }

  /// Reads all available data of a socket. False means that the connection is broken.
  bool take(int source, direction& target, size_t limit = max_held_bytes) {
    char buffer[16384];
    while (!target.ended && target.size < limit) {
      auto length = ::recv(source, buffer, sizeof(buffer), 0);
      if (length == 0) {
        target.ended = true;
      } else if (length > 0) {
        target.held.push_back({clock::now() + delay_, std::string(buffer, static_cast<size_t>(length))});
        target.size += static_cast<size_t>(length);
      } else if (errno != EINTR) {
        return errno == EAGAIN;
      }
    }
    return true;
  }

  /// With a limit, some bytes of one connection at a time.
  bool give_reply(connection& pair) {
    if (reply_rate_ == 0)
      return give(pair.client.get(), pair.replies);
    auto now = clock::now();
    if (pair.replies.held.empty() || now < next_reply_)
      return true;
    auto before = pair.replies.size;
    auto ok = give(pair.client.get(), pair.replies, 16384);
    next_reply_ = now + std::chrono::nanoseconds{1s} * (before - pair.replies.size) / reply_rate_;
    return ok;
  }

  bool give(int target, direction& source, size_t limit = SIZE_MAX) {
    while (limit > 0 && !source.held.empty() && source.held.front().due <= clock::now()) {
      auto& bytes = source.held.front().bytes;
      auto most = std::min({bytes.size(), source.left.value_or(bytes.size()), limit});
      auto result = ::send(target, bytes.data(), most, MSG_NOSIGNAL);
      if (result < 0 && errno != EINTR)
        return errno == EAGAIN;
      auto sent = static_cast<size_t>(std::max<ssize_t>(result, 0));
      source.size -= sent;
      limit -= sent;
      bytes.erase(0, sent);
      if (bytes.empty())
        source.held.pop_front();
      if (source.left) {
        *source.left -= sent;
        if (*source.left == 0) {
          // In order, so that the client gets what was forwarded.
          ::shutdown(target, SHUT_WR);
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

void fault_proxy::refuse(bool enabled) {
  impl_->change([this, enabled] { impl_->refusing_ = enabled; });
}

void fault_proxy::swallow(bool enabled) {
  impl_->change([this, enabled] {
    impl_->swallowing_requests_ = enabled;
    impl_->swallowing_replies_ = enabled;
  });
}

void fault_proxy::swallow_requests(bool enabled) {
  impl_->change([this, enabled] { impl_->swallowing_requests_ = enabled; });
}

void fault_proxy::swallow_replies(bool enabled) {
  impl_->change([this, enabled] { impl_->swallowing_replies_ = enabled; });
}

void fault_proxy::throttle_replies(size_t bytes_per_second) {
  impl_->change([this, bytes_per_second] { impl_->reply_rate_ = bytes_per_second; });
}

void fault_proxy::delay(std::chrono::microseconds span) {
  impl_->change([this, span] { impl_->delay_ = span; });
}

void fault_proxy::cut_replies_after(size_t bytes) {
  impl_->change([this, bytes] {
    for (auto& pair : impl_->connections_)
      pair.replies.left = bytes;
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
