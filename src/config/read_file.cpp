#include "config/read_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace cenote::config {

namespace {

/// Closes a descriptor.
struct closer {
  int fd;
  ~closer() { close(fd); }
};

std::string last_problem() {
  return std::generic_category().message(errno);
}

} // namespace

file_text read_file(const std::string& name, size_t max_size) {
  auto fd = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    return {{}, last_problem()};
  closer guard{fd};
  std::string text;
  for (;;) {
    char buffer[4096];
    auto length = read(fd, buffer, sizeof(buffer));
    if (length == 0)
      return {std::move(text), {}};
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return {{}, last_problem()};
    text.append(buffer, static_cast<size_t>(length));
    if (text.size() > max_size)
      return {{}, "it is larger than " + std::to_string(max_size >> 10) + " KiB"};
  }
}

} // namespace cenote::config
