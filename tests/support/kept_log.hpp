#pragma once

#include "cenote/logger.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/details/log_msg.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

namespace cenote::test {

/// Keeps what is logged from INFO on while it lives, from any thread.
class kept_log {
public:
  kept_log() {
    logger_->set_level(spdlog::level::info);
    set_logger(logger_);
  }

  kept_log(const kept_log&) = delete;

  ~kept_log() { set_logger(nullptr); }

  /// The lines since the last call that contain `text`, each after its level.
  std::vector<std::string> take(const std::string& text) {
    std::vector<std::string> found;
    for (auto& line : sink_->take())
      if (line.find(text) != std::string::npos)
        found.push_back(std::move(line));
    return found;
  }

private:
  class lines : public spdlog::sinks::base_sink<std::mutex> {
  public:
    std::vector<std::string> take() {
      std::lock_guard guard{mutex_};
      return std::exchange(lines_, {});
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& line) override {
      auto level = spdlog::level::to_string_view(line.level);
      lines_.push_back(std::string{level.data(), level.size()} + " "
                       + std::string{line.payload.data(), line.payload.size()});
    }
    void flush_() override {
      // nop
    }

  private:
    std::vector<std::string> lines_;
  };

  std::shared_ptr<lines> sink_ = std::make_shared<lines>();
  std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::logger>("kept", sink_);
};

} // namespace cenote::test
