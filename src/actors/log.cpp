#include "actors/log.hpp"

#include <spdlog/spdlog.h>

namespace cenote {

spdlog::logger& log() {
  // Kept by this reference: an application may drop its loggers before its actors have ended.
  static const auto instance = [] {
    auto registered = spdlog::get("cenote");
    return registered ? registered : spdlog::default_logger();
  }();
  return *instance;
}

} // namespace cenote
