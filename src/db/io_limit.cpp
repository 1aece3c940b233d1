#include "db/io_limit.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cenote::db {

namespace {

using namespace std::chrono_literals;

thread_local io_limit* limit_of_thread = nullptr;

/// Far from any overflow.
constexpr std::chrono::nanoseconds max_limit = 24h;

} // namespace

io_limit::io_limit(std::chrono::nanoseconds limit)
    : limit_{std::clamp(limit, std::chrono::nanoseconds{1}, max_limit)}, deadline_{clock::now() + limit_} {
  // nop
}

io_limit::~io_limit() {
  if (socket_ != -1)
    ::close(socket_);
}

io_limit* io_limit::current() noexcept {
  return limit_of_thread;
}

io_limit::scope::scope(io_limit& limit) noexcept {
  limit_of_thread = &limit;
}

io_limit::scope::~scope() {
  limit_of_thread = nullptr;
}

bool io_limit::over() const noexcept {
  if (clock::now() >= deadline_)
    return true;
  std::lock_guard guard{mutex_};
  return is_cut_;
}

void io_limit::limit_each(std::chrono::nanoseconds read, std::chrono::nanoseconds write) noexcept {
  read_limit_ = read;
  write_limit_ = write;
}

int io_limit::wait(int socket, bool for_input) noexcept {
  auto start = clock::now();
  auto wait_end = deadline_;
  auto allow = [&](std::chrono::nanoseconds span) { wait_end = std::min(wait_end, start + std::min(span, max_limit)); };
  if (!for_input && !connected_) {
    // Another address: Connector/C has closed the socket of the previous one, and its number may be the same.
    adopt(socket);
    auto share = std::max(deadline_ - start, 0ns) / static_cast<int64_t>(std::max<size_t>(addresses_left_, 1));
    addresses_left_ -= addresses_left_ > 1 ? 1 : 0;
    allow(share);
  } else {
    if (!connected_)
      adopt(socket);
    connected_ = true;
    if (auto each = for_input ? read_limit_ : write_limit_; each > 0ns)
      allow(each);
  }
  pollfd descriptor{socket, static_cast<short>(for_input ? POLLIN : POLLOUT), 0};
  for (;;) {
    auto left = over() ? 0ns : std::max<std::chrono::nanoseconds>(wait_end - clock::now(), 0ns);
    // Rounded up, so that the time has passed when it ends.
    auto rc = ::poll(&descriptor, 1,
                     left == 0ns ? 0 : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    if (rc > 0 && left > 0ns)
      return rc;
    if (rc < 0 && errno != EINTR)
      return rc;
    if (left == 0ns) { // Also if there is input: a server that never stops sending must not hold the thread for ever.
      errno = ETIMEDOUT;
      return 0;
    }
  }
}

void io_limit::adopt(int socket) noexcept {
  std::lock_guard guard{mutex_};
  if (socket_ != -1)
    ::close(socket_);
  // If there is no descriptor left for it, the wait itself still ends in time.
  socket_ = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (is_cut_ && socket_ != -1)
    ::shutdown(socket_, SHUT_RDWR);
}

void io_limit::cut() noexcept {
  std::lock_guard guard{mutex_};
  is_cut_ = true;
  if (socket_ != -1)
    ::shutdown(socket_, SHUT_RDWR);
}

int wait_for_socket(int socket, char for_input, int) noexcept {
  if (limit_of_thread != nullptr)
    return limit_of_thread->wait(socket, for_input != 0);
  errno = ETIMEDOUT;
  return 0;
}

std::string seconds(std::chrono::nanoseconds span) {
  auto text = std::to_string(std::chrono::ceil<std::chrono::milliseconds>(span).count());
  text.insert(0, text.size() < 4 ? 4 - text.size() : 0, '0');
  text.insert(text.size() - 3, ".");
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text.pop_back();
  return text + " s";
}

} // namespace cenote::db
