#include "log/log.hpp"

#include "cenote/logger.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace cenote {

namespace {

std::shared_ptr<spdlog::logger> choose() {
  if (auto registered = spdlog::get("cenote"))
    return registered;
  // spdlog's initial logger has no name. It writes to standard output, in between the application's output.
  if (auto general = spdlog::default_logger(); general && !general->name().empty())
    return general;
  return spdlog::stderr_color_mt("cenote");
}

/// The logger in use, and all earlier ones: another thread may be in the middle of a line, and an application may drop
/// its loggers before its actors have ended.
struct selection {
  std::atomic<spdlog::logger*> current = nullptr;
  std::mutex guard;
  std::vector<std::shared_ptr<spdlog::logger>> kept;

  spdlog::logger* keep(std::shared_ptr<spdlog::logger> logger) {
    for (auto& known : kept)
      if (known == logger)
        return known.get();
    return kept.emplace_back(std::move(logger)).get();
  }
};

selection& selected() {
  // Never destroyed: actors may log while the process ends.
  static auto& instance = *new selection;
  return instance;
}

} // namespace

spdlog::logger& log_gate::target() {
  auto& all = selected();
  if (auto known = all.current.load(std::memory_order_acquire))
    return *known;
  std::lock_guard lock{all.guard};
  auto chosen = all.current.load(std::memory_order_acquire);
  if (chosen == nullptr) {
    chosen = all.keep(choose());
    all.current.store(chosen, std::memory_order_release);
  }
  return *chosen;
}

void set_logger(std::shared_ptr<spdlog::logger> target) {
  auto& all = selected();
  std::lock_guard lock{all.guard};
  all.current.store(target ? all.keep(std::move(target)) : nullptr, std::memory_order_release);
}

} // namespace cenote
