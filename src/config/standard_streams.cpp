#include "config/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace cenote::config {

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

} // namespace cenote::config
