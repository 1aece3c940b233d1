// Where the library's log lines go, and what they may contain.

#define CAF_SUITE actors.log

#include "cenote/logger.hpp"
#include "log/log.hpp"

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <caf/test/bdd_dsl.hpp>

namespace {

/// A logger that keeps its lines.
struct kept_lines {
  std::ostringstream lines;
  std::shared_ptr<spdlog::logger> logger = make();

  std::shared_ptr<spdlog::logger> make() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(lines);
    auto x = std::make_shared<spdlog::logger>("kept", std::move(sink));
    x->set_pattern("%l %v");
    return x;
  }
};

struct fixture {
  ~fixture() {
    cenote::set_logger(nullptr);
    // The logger is kept for ever, its stream is not.
    for (auto x : {&first, &second})
      x->logger->sinks().clear();
  }

  kept_lines first;
  kept_lines second;
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("lines go to the logger that was set last") {
  cenote::set_logger(first.logger);
  cenote::log().info("one");
  cenote::set_logger(second.logger);
  cenote::log().info("two");
  cenote::set_logger(first.logger);
  cenote::log().warn("three");
  CHECK_EQ(first.lines.str(), "info one\nwarning three\n");
  CHECK_EQ(second.lines.str(), "info two\n");
}

SCENARIO("the labels of a line are known while it is logged, and to no other line") {
  class labels_flag : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
      auto labels = cenote::log_labels_scope::current();
      auto text = labels == nullptr ? "none" : labels->error_type + "/" + labels->server;
      out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<labels_flag>(); }
  };
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<labels_flag>('*').set_pattern("%* %v");
  first.logger->set_formatter(std::move(formatter));
  cenote::set_logger(first.logger);
  cenote::log().info("one");
  cenote::log({"deadlock"}).info("two");
  cenote::log({"connect_failed", "1"}).info("three");
  cenote::log().info("four");
  CHECK_EQ(first.lines.str(), "none one\ndeadlock/ two\nconnect_failed/1 three\nnone four\n");
}

SCENARIO("without a logger that was set, the one registered as cenote is taken") {
  auto named = std::make_shared<spdlog::logger>("cenote", second.logger->sinks().front());
  named->set_pattern("%l %v");
  auto before = spdlog::get("cenote");
  spdlog::drop("cenote");
  spdlog::register_logger(named);
  cenote::set_logger(first.logger);
  cenote::set_logger(nullptr);
  cenote::log().error("to the named one");
  CHECK_EQ(first.lines.str(), "");
  CHECK_EQ(second.lines.str(), "error to the named one\n");
  named->sinks().clear();
  spdlog::drop("cenote");
  if (before)
    spdlog::register_logger(before);
}

SCENARIO("a level that is not wanted costs no text") {
  first.logger->set_level(spdlog::level::warn);
  cenote::set_logger(first.logger);
  cenote::log().info("quiet");
  cenote::log().trace("quieter");
  CHECK(!cenote::log().should_log(spdlog::level::info));
  CHECK_EQ(first.lines.str(), "");
}

SCENARIO("what servers, statements and users put into a line is escaped") {
  cenote::set_logger(first.logger);
  cenote::log().warn("session held by {}", "job\n2026-01-01 CRITICAL forged");
  cenote::log().warn("{}", std::string{"\x1b[2J\r\t\x07\x7f\u202e\xff", 12});
  cenote::log().info("薬屋 {{}} {}", "{} %v %l");
  CHECK_EQ(first.lines.str(), "warning session held by job\\n2026-01-01 CRITICAL forged\n"
                              "warning \\x1b[2J\\r\\t\\x07\\x7f\\u{202e}\\xff\n"
                              "info 薬屋 {} {} %v %l\n");
}

SCENARIO("the logger can be changed while other threads write") {
  auto write = [] {
    for (int i = 0; i < 500; ++i)
      cenote::log().info("x");
  };
  cenote::set_logger(first.logger);
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i)
    writers.emplace_back(write);
  for (int i = 0; i < 200; ++i)
    cenote::set_logger(i % 2 == 0 ? second.logger : first.logger);
  for (auto& x : writers)
    x.join();
  CHECK_EQ(first.lines.str().size() + second.lines.str().size(), 1500u * std::string_view{"info x\n"}.size());
}

END_FIXTURE_SCOPE()
