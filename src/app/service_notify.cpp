#include "app/service_notify.hpp"

#include "app/printable.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// Longest line for people. All of a notification has to fit into one datagram.
constexpr size_t max_status_size = 500;

/// So that a watchdog of no time at all does not keep a thread busy.
constexpr microseconds min_check_interval = 10ms;

/// The value of a variable, which is gone then.
std::string take_from_environment(const char* name) {
  auto value = std::getenv(name);
  std::string out = value != nullptr ? value : "";
  unsetenv(name);
  return out;
}

/// Zero if it is not a number, or not one that microseconds can be.
int64_t to_number(const std::string& text) {
  int64_t out = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc{} && end == text.data() + text.size() && out > 0 ? out : 0;
}

} // namespace

service_notifier service_notifier::from_environment() {
  auto socket = take_from_environment("NOTIFY_SOCKET");
  auto limit = to_number(take_from_environment("WATCHDOG_USEC"));
  // Set if the watchdog is meant for another process of the service.
  auto watched = take_from_environment("WATCHDOG_PID");
  if (!watched.empty() && to_number(watched) != getpid())
    limit = 0;
  return {socket, microseconds{limit}};
}

service_notifier::service_notifier(const std::string& socket, microseconds watchdog)
    : socket_{socket}, watchdog_{socket.empty() ? 0us : watchdog} {
  if (socket.empty())
    return;
  auto is_abstract = socket.front() == '@';
  if ((!is_abstract && socket.front() != '/') || socket.size() >= sizeof(address_.sun_path)) {
    warn("it is neither an absolute path nor an abstract name of at most "
         + std::to_string(sizeof(address_.sun_path) - 1) + " bytes");
    return;
  }
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, socket.data(), socket.size());
  if (is_abstract)
    address_.sun_path[0] = '\0';
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ == -1) {
    warn(std::strerror(errno));
    return;
  }
  // The size tells where an abstract name ends; a path ends with its zero.
  address_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size() + (is_abstract ? 0 : 1));
}

service_notifier::~service_notifier() {
  if (fd_ != -1)
    close(fd_);
}

void service_notifier::ready() {
  change_state("READY=1\n");
}

void service_notifier::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now); // By this systemd tells an earlier reload from this one.
  auto stamp = std::chrono::duration_cast<microseconds>(std::chrono::seconds{now.tv_sec}
                                                        + std::chrono::nanoseconds{now.tv_nsec});
  change_state("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(stamp.count()) + "\n");
}

void service_notifier::stopping(microseconds limit) {
  change_state("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(limit.count()) + "\n");
}

void service_notifier::alive() {
  send("WATCHDOG=1\n");
}

void service_notifier::status(std::string_view text) {
  // Made printable, a text of the server's cannot add a line that says something else.
  send("STATUS=" + printable(text.substr(0, max_status_size)) + "\n");
}

void service_notifier::change_state(std::string text) {
  unsent_ = std::move(text);
  send({});
}

void service_notifier::send(std::string_view text) {
  if (address_size_ == 0)
    return;
  auto message = unsent_;
  message += text;
  auto sent = sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address_),
                     address_size_);
  if (sent == -1 && errno == EAGAIN)
    return; // What has changed goes with the next notification.
  if (sent == -1)
    warn(std::strerror(errno));
  unsent_.clear();
}

void service_notifier::warn(const std::string& reason) {
  if (!std::exchange(warned_, true))
    spdlog::warn("the service manager cannot be notified at NOTIFY_SOCKET={}: {}", socket_, reason);
}

microseconds next_watchdog_check(microseconds watchdog, bool works) {
  return std::max(watchdog / (works ? 2 : 10), min_check_interval);
}

} // namespace cenote::app
