#pragma once

#include <caf/logger.hpp>

namespace cenote {

/// A scoped actor leaves a reference to its system's logger in its thread, and the system's destructor waits for all of
/// them: a thread that called once would delay it for as long as the thread lives. This guard drops the reference if it
/// is new.
class logger_guard {
public:
  logger_guard() = default;
  logger_guard(const logger_guard&) = delete;
  ~logger_guard() {
    if (caf::logger::current_logger() != before_)
      caf::logger::set_current_actor_system(nullptr);
  }

private:
  const caf::logger* before_ = caf::logger::current_logger();
};

} // namespace cenote
