#pragma once

#include <utility>

#include <unistd.h>

namespace cenote::net {

/// Owns a file descriptor, and closes it.
class unique_fd {
public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_{fd} {
    // nop
  }
  unique_fd(unique_fd&& other) noexcept : fd_{other.release()} {
    // nop
  }
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() {
    if (fd_ != -1)
      ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ != -1; }

  /// Hands over the descriptor.
  int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_ = -1;
};

} // namespace cenote::net
