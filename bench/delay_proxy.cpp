// cenote-bench-network: forwards TCP connections to a port of this machine, and lets everything arrive later, in order.
#include "support/fault_proxy.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string_view>

#include <sys/prctl.h>
#include <unistd.h>

namespace {

/// @returns the number, or zero if it is none of this type.
template <class T>
T number(std::string_view text) {
  T result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  return error == std::errc{} && end == text.data() + text.size() ? result : 0;
}

} // namespace

int main(int argc, char** argv) {
  auto port = argc == 3 ? number<uint16_t>(argv[1]) : uint16_t{0};
  if (port == 0) {
    std::fprintf(stderr, "usage: cenote-bench-network PORT MICROSECONDS-EACH-WAY\n"
                         "Prints the port to connect to instead; ends when its standard input does.\n");
    return 2;
  }
  try {
    // Else the kernel adds up to 50 us to each wait, those of the forwarder's thread too.
    ::prctl(PR_SET_TIMERSLACK, 1);
    cenote::test::fault_proxy network{port};
    network.delay(std::chrono::microseconds{number<uint32_t>(argv[2])});
    std::printf("%d\n", network.port());
    std::fflush(stdout);
    char ignored;
    while (::read(STDIN_FILENO, &ignored, 1) > 0) {
      // nop
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cenote-bench-network: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
