#include "config/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace cenote::config {

void occupy_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) != -1)
      continue;
    // The lowest free number is the missing one. Standard output is opened so that writing fails.
    auto opened = open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
    if (opened > STDERR_FILENO)
      close(opened);
  }
}

} // namespace cenote::config
