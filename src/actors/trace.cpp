#include "actors/trace.hpp"

#include <spdlog/fmt/fmt.h>

namespace cenote {

namespace {

template <class Id>
uint64_t number(Id id) {
  return static_cast<uint64_t>(id);
}

double milliseconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double, std::milli>(x).count();
}

struct describer {
  std::string operator()(const pool::open_connection& x) const {
    return fmt::format("open connection {} to server {}", number(x.id), x.server);
  }

  std::string operator()(const pool::close_connection& x) const {
    return fmt::format("close connection {}", number(x.id));
  }

  std::string operator()(const pool::ping_connection& x) const {
    return fmt::format("ping connection {}", number(x.id));
  }

  std::string operator()(const pool::check_caller& x) const {
    return fmt::format("see whether the user of connection {} is still there", number(x.id));
  }

  std::string operator()(const pool::requeue& x) const {
    return fmt::format("requeue what waits behind a slow statement on connection {}", number(x.id));
  }

  std::string operator()(const pool::grant_connection& x) const {
    return fmt::format("request {} gets connection {} after {:.1f} ms", number(x.request), number(x.connection),
                       milliseconds(x.waited));
  }

  std::string operator()(const pool::fail_request& x) const {
    return fmt::format("request {} fails: {}", number(x.request), to_string(x.failure));
  }

  std::string operator()(const pool::finish&) const { return "everything is closed"; }

  /// Others speak for themselves by what follows.
  template <class T>
  std::string operator()(const T&) const {
    return "a further decision";
  }
};

} // namespace

std::string describe(const pool::command& x) {
  return std::visit(describer{}, x);
}

} // namespace cenote
