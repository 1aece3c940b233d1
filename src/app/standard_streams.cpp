#include "app/standard_streams.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace cenote::app {

output_error::output_error(int error_number)
    : std::runtime_error{"cannot write to standard output: " + std::generic_category().message(error_number)},
      closed_by_reader_{error_number == EPIPE} {
  // nop
}

void occupy_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) != -1)
      continue;
    // The lowest free number is the missing one. Standard output is opened such that writing fails.
    auto got = open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
    if (got > STDERR_FILENO)
      close(got);
  }
}

void print(std::string_view text) {
  while (!text.empty()) {
    auto n = write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      // Somebody else made the terminal or pipe non-blocking.
      pollfd ready{STDOUT_FILENO, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      throw output_error{errno};
    }
  }
}

} // namespace cenote::app
