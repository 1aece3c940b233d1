#include "app/log_sink.hpp"

#include "app/signals.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace cenote::app {

namespace {

/// A pipe with room takes so much at once: see pipe(7).
constexpr size_t atomic_size = 4096;
/// How often is looked whether the end has been asked for.
constexpr int pace = 100;

std::string_view colour(spdlog::level::level_enum level) {
  switch (level) {
  case spdlog::level::trace:
    return "\x1b[37m";
  case spdlog::level::debug:
    return "\x1b[36m";
  case spdlog::level::info:
    return "\x1b[32m";
  case spdlog::level::warn:
    return "\x1b[33m\x1b[1m";
  case spdlog::level::err:
    return "\x1b[31m\x1b[1m";
  default:
    return "\x1b[1m\x1b[41m";
  }
}

/// Waits until something can be written; false if it is not worth waiting any longer.
bool wait_for_room() {
  for (;;) {
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    auto n = poll(&ready, 1, pace);
    if (n > 0)
      return true;
    if (n == -1 && errno != EINTR)
      return false;
    if (signal_watch::end_is_asked_for())
      return false;
  }
}

} // namespace

void log_sink::sink_it_(const spdlog::details::log_msg& msg) {
  if (lost_ > 0) {
    auto text = std::to_string(lost_) + (lost_ == 1 ? " log line" : " log lines") + " could not be written";
    if (!write_line({msg.logger_name, spdlog::level::warn, text}))
      ++lost_; // Nor can this one.
    else
      lost_ = write_line(msg) ? 0 : 1;
  } else if (!write_line(msg)) {
    lost_ = 1;
  }
}

bool log_sink::write_line(const spdlog::details::log_msg& msg) {
  spdlog::memory_buf_t line;
  formatter_->format(msg, line);
  std::string_view text{line.data(), line.size()};
  if (!coloured_ || msg.color_range_end <= msg.color_range_start)
    return write_all(text);
  std::string out{text.substr(0, msg.color_range_start)};
  out.append(colour(msg.level));
  out.append(text.substr(msg.color_range_start, msg.color_range_end - msg.color_range_start)).append("\x1b[m");
  return write_all(out.append(text.substr(msg.color_range_end)));
}

bool log_sink::write_all(std::string_view text) {
  while (!text.empty()) {
    if (!wait_for_room())
      return false;
    auto n = write(STDERR_FILENO, text.data(), std::min(text.size(), atomic_size));
    if (n > 0)
      text.remove_prefix(static_cast<size_t>(n));
    else if (n == -1 && errno != EINTR && errno != EAGAIN)
      return false;
  }
  return true;
}

} // namespace cenote::app
