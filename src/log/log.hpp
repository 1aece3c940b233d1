#pragma once

#include "log/log_labels.hpp"
#include "types/printable.hpp"

#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/logger.h>

namespace cenote {

/// The gate that the library's log lines pass on their way to the application's logger. Text from servers, statements
/// and users is escaped here: a line stays one line, whatever the logger's sinks do.
class log_gate {
public:
  constexpr explicit log_gate(const log_labels* labels = nullptr) noexcept : labels_{labels} {
    // nop
  }

  /// The current logger; see `set_logger`.
  static spdlog::logger& target();

  static bool should_log(spdlog::level::level_enum level) { return target().should_log(level); }

  template <class... Ts>
  void log(spdlog::level::level_enum level, spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    auto& out = target();
    if (!out.should_log(level) && !out.should_backtrace())
      return;
    log_labels_scope labelled{labels_};
    out.log(level, spdlog::string_view_t{printable(fmt::format(form, std::forward<Ts>(args)...))});
  }

  template <class... Ts>
  void trace(spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    log(spdlog::level::trace, form, std::forward<Ts>(args)...);
  }

  template <class... Ts>
  void debug(spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    log(spdlog::level::debug, form, std::forward<Ts>(args)...);
  }

  template <class... Ts>
  void info(spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    log(spdlog::level::info, form, std::forward<Ts>(args)...);
  }

  template <class... Ts>
  void warn(spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    log(spdlog::level::warn, form, std::forward<Ts>(args)...);
  }

  template <class... Ts>
  void error(spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    log(spdlog::level::err, form, std::forward<Ts>(args)...);
  }

  template <class... Ts>
  void critical(spdlog::format_string_t<Ts...> form, Ts&&... args) const {
    log(spdlog::level::critical, form, std::forward<Ts>(args)...);
  }

private:
  const log_labels* labels_;
};

/// The log. Levels: TRACE for each decision of a pool, DEBUG for single connections and statements, INFO for normal
/// operation, WARNING for retries and connection errors, ERROR for failed operations, CRITICAL for errors that prevent
/// the start.
constexpr log_gate log() noexcept {
  return log_gate{};
}

/// The same for a line with labels.
/// @param labels must outlive the result.
constexpr log_gate log(const log_labels& labels) noexcept {
  return log_gate{&labels};
}

} // namespace cenote
