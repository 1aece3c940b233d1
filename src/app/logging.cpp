#include "app/logging.hpp"

#include "app/json.hpp"
#include "app/log_sink.hpp"
#include "app/printable.hpp"
#include "app/standard_streams.hpp"
#include "cenote/logger.hpp"
#include "log/log_labels.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

std::string_view view(spdlog::string_view_t x) {
  return {x.data(), x.size()};
}

/// Adds the level as people know it from Python's logging.
class level_flag : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    append(out, name(msg.level));
  }

  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<level_flag>(); }

private:
  static std::string_view name(spdlog::level::level_enum x) {
    switch (x) {
    case spdlog::level::trace:
      return "TRACE";
    case spdlog::level::debug:
      return "DEBUG";
    case spdlog::level::info:
      return "INFO";
    case spdlog::level::warn:
      return "WARNING";
    case spdlog::level::err:
      return "ERROR";
    default:
      return "CRITICAL";
    }
  }
};

/// Adds the message without anything that could forge a second line or act on the terminal.
class text_flag : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    append(out, printable(view(msg.payload)));
  }

  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<text_flag>(); }
};

/// Adds the message as a JSON string.
class json_flag : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    append(out, dump(nlohmann::ordered_json(view(msg.payload))));
  }

  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<json_flag>(); }
};

/// Adds members of a JSON object that are called as the labels of metrics, so that both can be joined.
class labels_flag : public spdlog::custom_flag_formatter {
public:
  explicit labels_flag(std::string pool) : pool_{std::move(pool)} {
    // nop
  }

  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
    add("db_client_connection_pool_name", pool_, out);
    if (auto labels = log_labels_scope::current()) {
      add("error_type", labels->error_type, out);
      add("server", labels->server, out);
    }
  }

  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<labels_flag>(pool_); }

private:
  static void add(std::string_view name, const std::string& value, spdlog::memory_buf_t& out) {
    if (value.empty())
      return;
    append(out, "\"");
    append(out, name);
    append(out, "\":");
    append(out, dump(nlohmann::ordered_json(value)));
    append(out, ",");
  }

  std::string pool_;
};

std::unique_ptr<spdlog::formatter> make_formatter(bool json, const std::string& pool) {
  auto result = std::make_unique<spdlog::pattern_formatter>();
  result->add_flag<level_flag>('N').add_flag<text_flag>('J').add_flag<json_flag>('Q').add_flag<labels_flag>('K', pool);
  // ISO 8601 with the offset from UTC: unambiguous, and the clock of whoever reads it.
  constexpr auto stamp = "%Y-%m-%dT%H:%M:%S.%e%z";
  if (json)
    result->set_pattern(std::string{R"({"time":")"} + stamp + R"(","level":"%N",%K"message":%Q})");
  else
    result->set_pattern(std::string{stamp} + " %^%N%$ %J");
  return result;
}

/// Colours only where a person looks, and only if the person wants them.
bool wants_colours(bool json) {
  return !json && !forbids_colours() && isatty(STDERR_FILENO) == 1 && spdlog::details::os::is_color_terminal();
}

} // namespace

void start_logging(const log_settings& how, log_profile amount, const std::string& pool) {
  auto json = how.format == "json";
  auto sink = std::make_shared<log_sink>(wants_colours(json));
  sink->set_formatter(make_formatter(json, pool));
  auto level = spdlog::level::from_str(how.level);
  if (amount == log_profile::one_shot && level == spdlog::level::info)
    level = spdlog::level::err;
  auto log = std::make_shared<spdlog::logger>("cenote", std::move(sink));
  log->set_level(level);
  set_logger(log);
  spdlog::set_default_logger(std::move(log)); // Registers it by its name, too.
}

void change_log_level(const std::string& level) {
  spdlog::default_logger()->set_level(spdlog::level::from_str(level));
}

} // namespace cenote::app
