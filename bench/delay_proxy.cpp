// cenote-bench-network: forwards TCP connections to a port of this machine, and lets everything arrive later, in order.
#include "support/fault_proxy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string_view>

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

/// @returns the number, or zero if it is none of this type.
template <class T>
T number(std::string_view text) {
  T result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  return error == std::errc{} && end == text.data() + text.size() ? result : 0;
}

/// How much later than asked for this machine wakes a thread after so long: about 15 us on a virtual one. The median,
/// as other programs disturb single waits.
microseconds lateness(microseconds delay) {
  std::array<microseconds, 101> late{};
  for (auto& each : late) {
    auto begin = steady_clock::now();
    timespec span{0, std::chrono::nanoseconds{delay}.count()};
    ::ppoll(nullptr, 0, &span, nullptr);
    each = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin) - delay;
  }
  std::ranges::nth_element(late, late.begin() + late.size() / 2);
  return late[late.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
  auto port = argc == 3 ? number<uint16_t>(argv[1]) : uint16_t{0};
  auto delay = microseconds{port != 0 ? number<uint32_t>(argv[2]) : 0};
  if (port == 0 || delay >= std::chrono::seconds{1}) {
    std::fprintf(stderr, "usage: cenote-bench-network PORT MICROSECONDS-EACH-WAY\n"
                         "Prints the port to connect to instead; ends when its standard input does.\n");
    return 2;
  }
  try {
    // Otherwise the kernel adds up to 50 us to each wait, those of the forwarder's thread too.
    ::prctl(PR_SET_TIMERSLACK, 1);
    cenote::test::fault_proxy network{port};
    network.delay(std::max(delay / 2, delay - lateness(delay)));
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
