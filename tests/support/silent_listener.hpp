#pragma once

#include <cstdint>

namespace cenote::test {

/// A server that takes connections and never says a word.
class silent_listener {
public:
  /// Listens on a free port of the loopback interface.
  silent_listener();
  ~silent_listener();
  silent_listener(const silent_listener&) = delete;
  silent_listener& operator=(const silent_listener&) = delete;

  uint16_t port() const noexcept { return port_; }

private:
  int fd_;
  uint16_t port_;
};

} // namespace cenote::test
