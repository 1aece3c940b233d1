#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include <spdlog/sinks/base_sink.h>

namespace cenote::app {

/// Writes log lines to standard error. One that cannot be written is lost, which a later line tells; a reader that has
/// stopped is waited for, but not any longer once the program has been asked to end.
class log_sink : public spdlog::sinks::base_sink<std::mutex> {
public:
  /// @param coloured whether levels have colours.
  explicit log_sink(bool coloured) : coloured_{coloured} {
    // nop
  }

protected:
  void sink_it_(const spdlog::details::log_msg& msg) override;
  void flush_() override {}

private:
  bool write_line(const spdlog::details::log_msg& msg);
  static bool write_all(std::string_view text);

  bool coloured_;
  uint64_t lost_ = 0; ///< Lines since the last that was written.
};

} // namespace cenote::app
