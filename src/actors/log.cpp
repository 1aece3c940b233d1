#include "actors/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace cenote {

namespace {

std::shared_ptr<spdlog::logger> choose() {
  if (auto registered = spdlog::get("cenote"))
    return registered;
  // The one that spdlog starts with has no name. It writes to standard output, among what the application prints.
  if (auto general = spdlog::default_logger(); general && !general->name().empty())
    return general;
  return spdlog::stderr_color_mt("cenote");
}

} // namespace

spdlog::logger& log() {
  // Kept by this reference: an application may drop its loggers before its actors have ended.
  static const auto instance = choose();
  return *instance;
}

} // namespace cenote
