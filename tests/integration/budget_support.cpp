#include "integration/budget_support.hpp"

#include <algorithm>
#include <exception>

namespace cenote::test {

budget_fixture::budget_fixture() : account_{plain_user("shared", "secret")} {
  watcher_ = std::jthread{[this](const std::stop_token& stop) {
    try {
      while (!stop.stop_requested())
        highest_ = std::max<uint64_t>(highest_, count());
    } catch (const std::exception&) {
      highest_ = UINT64_MAX; // Nobody knows how many there were.
    }
  }};
}

budget_fixture::~budget_fixture() {
  watcher_.request_stop();
  watcher_.join();
}

uint64_t budget_fixture::count() {
  return number("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'shared'");
}

statement busy_for_a_while(uint64_t) {
  return write("SELECT SLEEP(0.02)");
}

} // namespace cenote::test
