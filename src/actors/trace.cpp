#include "actors/trace.hpp"

#include <spdlog/fmt/fmt.h>

namespace cenote {

namespace {

template <class Id>
uint64_t number(Id id) {
  return static_cast<uint64_t>(id);
}

double milliseconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

struct describer {
  std::string operator()(const pool::open_connection& command) const {
    return fmt::format("open connection {} to server {}", number(command.id), command.server);
  }

  std::string operator()(const pool::close_connection& command) const {
    return fmt::format("close connection {}", number(command.id));
  }

  std::string operator()(const pool::ping_connection& command) const {
    return fmt::format("ping connection {}", number(command.id));
  }

  std::string operator()(const pool::check_caller& command) const {
    return fmt::format("check whether the caller of connection {} still exists", number(command.id));
  }

  std::string operator()(const pool::requeue& command) const {
    return fmt::format("requeue the requests behind a slow statement on connection {}", number(command.id));
  }

  std::string operator()(const pool::grant_connection& command) const {
    return fmt::format("request {} gets connection {} after {:.1f} ms", number(command.request),
                       number(command.connection), milliseconds(command.waited));
  }

  std::string operator()(const pool::fail_request& command) const {
    return fmt::format("request {} fails: {}", number(command.request), to_string(command.failure));
  }

  std::string operator()(const pool::finish&) const { return "everything is closed"; }

  /// The effects of other commands are logged themselves.
  template <class T>
  std::string operator()(const T&) const {
    return "a further decision";
  }
};

} // namespace

std::string describe(const pool::command& command) {
  return std::visit(describer{}, command);
}

} // namespace cenote
