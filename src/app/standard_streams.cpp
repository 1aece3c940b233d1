#include "app/standard_streams.hpp"

#include "config/standard_streams.hpp"

#include <cerrno>
#include <cstdlib>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace cenote::app {

namespace {

/// Somebody else may make a terminal or a pipe non-blocking.
void wait_for(int fd, short what) {
  pollfd ready{fd, what, 0};
  poll(&ready, 1, -1);
}

/// Writes a part whenever `may_go_on` has found room for it, until it says no.
template <class Predicate>
bool print_in_parts(std::string_view text, Predicate may_go_on) {
  constexpr size_t atomic_size = 4096; // A pipe with room takes so much at once: see pipe(7).
  while (!text.empty()) {
    if (!may_go_on())
      return false;
    auto part = text.substr(0, atomic_size);
    print(part);
    text.remove_prefix(part.size());
  }
  return true;
}

} // namespace

output_error::output_error(int error_number)
    : std::runtime_error{"cannot write to standard output: " + std::generic_category().message(error_number)},
      closed_by_reader_{error_number == EPIPE} {
  // nop
}

void occupy_standard_streams() {
  config::occupy_standard_streams();
}

std::string read_input(size_t max_size) {
  std::string out;
  for (;;) {
    char buffer[1 << 16];
    auto n = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n > 0)
      out.append(buffer, static_cast<size_t>(n));
    else if (n == 0)
      return out;
    else if (errno == EAGAIN)
      wait_for(STDIN_FILENO, POLLIN);
    else if (errno != EINTR)
      throw input_error{"cannot read standard input: " + std::generic_category().message(errno)};
    if (out.size() > max_size)
      throw input_error{"standard input is larger than " + std::to_string(max_size >> 20) + " MiB"};
  }
}

void print(std::string_view text) {
  while (!text.empty()) {
    auto n = write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      wait_for(STDOUT_FILENO, POLLOUT);
    } else if (errno != EINTR) {
      throw output_error{errno};
    }
  }
}

bool print_unless(std::string_view text, int cancelled) {
  return print_in_parts(text, [cancelled] {
    for (;;) {
      pollfd ready[] = {{STDOUT_FILENO, POLLOUT, 0}, {cancelled, POLLIN, 0}};
      if (poll(ready, 2, -1) > 0)
        return ready[1].revents == 0;
    }
  });
}

bool print_within(std::string_view text, std::chrono::milliseconds patience) {
  return print_in_parts(text, [patience] {
    for (;;) {
      pollfd ready{STDOUT_FILENO, POLLOUT, 0};
      auto n = poll(&ready, 1, static_cast<int>(patience.count()));
      if (n >= 0)
        return n > 0;
    }
  });
}

bool forbids_colours() {
  auto text = std::getenv("NO_COLOR");
  return text != nullptr && *text != '\0';
}

} // namespace cenote::app
