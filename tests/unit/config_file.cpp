#define CAF_SUITE config.file

#include "config/caf_settings.hpp"

#include "unit/config_support.hpp"

#include <caf/actor_system_config.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

std::string load_error(std::string_view text) {
  return error_of([&] { load_text(text); });
}

std::string caf_error(const std::string& text) {
  return load_error("caf {\n" + text + "\n}");
}

const std::string time_form = ": seconds, or with a unit as in 30s, 500ms, 5min, 1h";

} // namespace

SCENARIO("a config file sets what it names and leaves the rest") {
  auto x = load_text("# A comment with { and = and a.b in it\n"
                     "cenote {\n"
                     "  pool {\n"
                     "    name = \"jobs # 1 {\" # not a comment inside, but one here }\n"
                     "    size = 3, max-overflow = 0\n"
                     "    timeout = 500ms\n"
                     "    recycle = 5min\n"
                     "    pre-ping = false\n"
                     "    keepalive = 0\n"
                     "    drain-timeout = 2.5\n"
                     "  }\n"
                     "  log = { level = 'debug' }\n"
                     "}\n");
  CHECK_EQ(x.pool.name, "jobs # 1 {");
  CHECK_EQ(x.pool.size, 3u);
  CHECK_EQ(x.pool.max_overflow, 0u);
  CHECK(x.pool.timeout == 500ms);
  CHECK(x.pool.recycle == 5min);
  CHECK(!x.pool.pre_ping);
  CHECK(x.pool.keepalive == 0s);
  CHECK(x.pool.drain_timeout == 2500ms);
  CHECK_EQ(x.log.level, "debug");
  CHECK_EQ(x.pool.max_waiting, 100'000u);
}

SCENARIO("a file may be empty or say nothing") {
  for (auto text : {"", "\n", "# nothing", "# nothing\n\n", "cenote { }", "cenote {\n pool { }\n}\n", "caf { }"}) {
    MESSAGE(text);
    CHECK_EQ(load_error(text), "(none)");
  }
}

SCENARIO("the file that comes with cenote loads and has exactly the defaults") {
  auto file = std::string{CENOTE_SOURCE_DIR} + "/config/caf-application.conf";
  CHECK_EQ(error_of([&] { load_settings({file, nullptr, {}}, false); }), "(none)");
  auto scheduler = caf::get_as<caf::settings>(config::caf_settings(file), "caf.scheduler");
  REQUIRE(scheduler);
  CHECK_EQ(caf::get_as<std::string>(*scheduler, "policy"), "sharing");
}

SCENARIO("mistakes that CAF passes over in silence are found, with their line") {
  CHECK_EQ(load_error("cenote {\n  pool.size = 7\n}\n"),
           "test.conf:2: dotted key 'pool.': write a section in braces instead: pool { ... }");
  CHECK_EQ(load_error("cenote.pool { size = 7 }"),
           "test.conf:1: dotted key 'cenote.': write a section in braces instead: cenote { ... }");
  CHECK_EQ(load_error("cenote { \"pool.size\" = 7 }"),
           "test.conf:1: the key in quotes has a character that is not allowed in a key");
  CHECK_EQ(load_error("cenote {\n  pool {\n    size = 7\n}\n"),
           "test.conf:1: section 'cenote' is never closed: a '}' is missing");
  CHECK_EQ(load_error("cenote {\n}\n}\n"), "test.conf:3: '}' without a '{' before it");
  CHECK_EQ(load_error("cenote {\n  pool {\n    size = 7\n    name = \"x\"\n    size = 8\n  }\n}\n"),
           "test.conf:5: 'cenote.pool.size' is given twice, first in line 3");
  CHECK_EQ(load_error("cenote {\n  pool { size = 7 }\n  pool { max-overflow = 1 }\n}\n"),
           "test.conf:3: 'cenote.pool' is given twice, first in line 2");
  CHECK_EQ(load_error("cenote { pool {\n \"size\" = 7\n size = 7 } }"),
           "test.conf:3: 'cenote.pool.size' is given twice, first in line 2");
  CHECK_EQ(load_error("# x\r\ncenote { }\r\n"),
           "test.conf:1: Windows line end (carriage return): save the file with Unix line ends");
  CHECK_EQ(load_error("# x\ncenote { }\r\n"),
           "test.conf:2: Windows line end (carriage return): save the file with Unix line ends");
}

SCENARIO("other mistakes of form are named with their line, too") {
  CHECK_EQ(load_error("cenote {\n  pool\n}\n"), "test.conf:2: 'pool' needs '= value' or '{ ... }' after it");
  CHECK_EQ(load_error("cenote {\n  pool { size = }\n}\n"), "test.conf:2: a value is missing after 'size ='");
  CHECK_EQ(load_error("cenote {\n  pool { size =\n 7 }\n}\n"), "test.conf:2: a value is missing after 'size ='");
  CHECK_EQ(load_error("cenote {\n  = 7\n}\n"), "test.conf:2: a key is expected here");
  CHECK_EQ(load_error("{ cenote { } }"), "test.conf:1: a key is expected here");
  CHECK_EQ(load_error("\xEF\xBB\xBF"
                      "cenote { }"),
           "test.conf:1: a key is expected here");
  CHECK_EQ(load_error("cenote { pool {\n name = \"x\n } }"), "test.conf:2: a text in quotes is not closed");
  CHECK_EQ(load_error("cenote { pool { name = \"x"), "test.conf:1: a text in quotes is not closed");
  CHECK_EQ(load_error("caf {\n x = [1,\n \"]\", # ]\n"), "test.conf:2: a ']' is missing for what begins here");
  CHECK_EQ(load_error("caf { x = ["), "test.conf:1: a ']' is missing for what begins here");
  // Left to CAF, which counts columns as well.
  CHECK_EQ(load_error("cenote {\n  pool { size = 1 max-overflow = 2 }\n}\n"),
           "test.conf:2:20: this is not CAF's config format (unexpected character)");
  CHECK_EQ(load_error("cenote { pool { timeout = 1.5s } }"),
           "test.conf:1:30: this is not CAF's config format (fractional timespan)");
  CHECK_EQ(load_error("cenote { pool { level = info } }"),
           "test.conf:1:25: this is not CAF's config format (unexpected character)");
}

SCENARIO("unknown keys are errors that say what is known") {
  CHECK_EQ(
      load_error("cenote {\n  pool {\n    sise = 7\n  }\n}\n"),
      "test.conf:3: unknown key 'cenote.pool.sise'; known in pool: name, size, max-overflow, min-size, idle-timeout, "
      "pipeline-depth, prepared-statements, timeout, recycle, pre-ping, pre-ping-idle, keepalive, max-waiting, "
      "max-connecting, "
      "reconnect-delay, max-reconnect-delay, "
      "breaker-after, shed-target, shed-interval, leak-warning, unclaimed-session-timeout, drain-timeout, io-threads, "
      "statement-statistics; "
      "did "
      "you mean pool.size?");
  CHECK_EQ(load_error("cenote {\n  retries { }\n}\n"),
           "test.conf:2: unknown key 'cenote.retries'; known in cenote: "
           "pool, server, retry, log, http, node, remote, budget; did you mean retry.max-retries?");
  CHECK_EQ(load_error("cenote { size = 7 }"), "test.conf:1: unknown key 'cenote.size'; known in cenote: pool, server, "
                                              "retry, log, http, node, remote, budget; did you mean pool.size?");
  CHECK_EQ(load_error("pool { size = 7 }"),
           "test.conf:1: unknown key 'pool': the file has the sections cenote { ... } and caf { ... }");
  CHECK_EQ(load_error("cenote { Pool { } }"), "test.conf:1: unknown key 'cenote.Pool'; known in cenote: pool, server, "
                                              "retry, log, http, node, remote, budget; did you mean pool?");
}

SCENARIO("a section is not a value, nor a value a section") {
  CHECK_EQ(load_error("cenote = 5"), "test.conf:1: 'cenote' must be a section: cenote { ... }");
  CHECK_EQ(load_error("cenote {\n  pool = 5\n}"), "test.conf:2: 'cenote.pool' must be a section: pool { ... }");
  CHECK_EQ(load_error("cenote { pool { size { } } }"),
           "test.conf:1: cenote.pool.size must be a whole number from 1 to 10000");
  CHECK_EQ(load_error("cenote { log { level = [\"info\"] } }"),
           "test.conf:1: cenote.log.level must be \"trace\", \"debug\", \"info\", \"warning\", \"error\", "
           "\"critical\" or \"off\"");
}

SCENARIO("values of the wrong type or out of range are errors that show the value and what is permitted") {
  auto value_error = [](const std::string& section, const std::string& line) {
    auto text = load_error("cenote {\n" + section + " {\n" + line + "\n}\n}\n");
    const std::string intro = "test.conf:3: cenote." + section + ".";
    return text.starts_with(intro) ? text.substr(intro.size()) : text;
  };
  const std::string size = ", but must be a whole number from 1 to 10000";
  CHECK_EQ(value_error("pool", "size = 0"), "size is 0" + size);
  CHECK_EQ(value_error("pool", "size = 10001"), "size is 10001" + size);
  CHECK_EQ(value_error("pool", "size = -1"), "size is -1" + size);
  CHECK_EQ(value_error("pool", "size = 1.5"), "size is 1.5" + size);
  CHECK_EQ(value_error("pool", "size = 10s"), "size is 10s" + size);
  CHECK_EQ(value_error("pool", "size = \"10\""), "size is \"10\"" + size);
  CHECK_EQ(value_error("pool", "size = true"), "size is true" + size);
  CHECK_EQ(value_error("pool", "timeout = 0"), "timeout is 0, but must be a time from 1ms to 24h" + time_form);
  CHECK_EQ(value_error("pool", "timeout = 25h"), "timeout is 25h, but must be a time from 1ms to 24h" + time_form);
  // In CAF's own arithmetic this overflows to something that looks fine.
  CHECK_EQ(value_error("pool", "timeout = 5124096h"),
           "timeout is 5124096h, but must be a time from 1ms to 24h" + time_form);
  CHECK_EQ(value_error("pool", "timeout = \"30s\""),
           "timeout is \"30s\", but must be a time from 1ms to 24h" + time_form);
  CHECK_EQ(value_error("pool", "keepalive = -1"),
           "keepalive is -1, but must be 0 or a time from 1ms to 24h" + time_form);
  CHECK_EQ(value_error("pool", "pre-ping = 1"), "pre-ping is 1, but must be true or false");
  CHECK_EQ(value_error("pool", "pre-ping = \"true\""),
           "pre-ping is \"true\", but must be true or false; did you mean true?");
  CHECK_EQ(value_error("pool", "name = 5"),
           "name is 5, but must be a text in quotes of 1 to 64 bytes without control characters");
  CHECK_EQ(value_error("pool", "name = \"a\\nb\""),
           "name is \"a\\nb\", but must be a text in quotes of 1 to 64 bytes without control characters");
  CHECK_EQ(value_error("log", "level = \"INFO\""),
           "level is \"INFO\", but must be \"trace\", \"debug\", \"info\", \"warning\", \"error\", \"critical\" or "
           "\"off\"; did you mean \"info\"?");
  CHECK_EQ(value_error("log", "format = \"xml\""), "format is \"xml\", but must be \"text\" or \"json\"");
}

SCENARIO("recycle may be -1, as in SQLAlchemy") {
  CHECK(load_text("cenote { pool { recycle = -1 } }").pool.recycle == 0s);
}

SCENARIO("secrets in the file are refused with a hint where they belong") {
  const std::string hint = ": the database's URI and password are not settings, so that they are shown nowhere: set "
                           "DATABASE_URI, or DATABASE_URI_FILE to the name of a file that holds the URI";
  CHECK_EQ(load_error("cenote {\n  uri = \"mysql://u:p@h\"\n}"), "test.conf:2: unknown key 'cenote.uri'" + hint);
  CHECK_EQ(load_error("cenote { server { password = \"p\" } }"),
           "test.conf:1: unknown key 'cenote.server.password'" + hint);
  CHECK_EQ(load_error("cenote { DATABASE_URI = \"x\" }"), "test.conf:1: unknown key 'cenote.DATABASE_URI'" + hint);
}

SCENARIO("the part for CAF is checked against CAF's own options") {
  CHECK_EQ(caf_error("scheduler { policy = \"sharing\", max-threads = 2 }\n"
                     "middleman { heartbeat-interval = 5s }\n"
                     "openssl { cafile = \"/ca\" }\n"
                     "metrics-filters { actors { includes = [\"*\"] } }"),
           "(none)");
  CHECK_EQ(caf_error("scheduler { max-thread = 2 }"), "test.conf:2: unknown key 'caf.scheduler.max-thread': CAF has no "
                                                      "such option; did you mean caf.scheduler.max-threads?");
  CHECK_EQ(caf_error("scheduler { max-threads = \"two\" }"),
           "test.conf:2: caf.scheduler.max-threads is \"two\", but must be of type uint64_t");
  CHECK_EQ(caf_error("scheduler { max-threads = -1 }"),
           "test.conf:2: caf.scheduler.max-threads is -1, but must be of type uint64_t");
  CHECK_EQ(caf_error("scheduler { max-threads = 0 }"),
           "test.conf:2: caf.scheduler.max-threads is 0, but must be at least 1");
  CHECK_EQ(caf_error("scheduler { max-throughput = 0 }"),
           "test.conf:2: caf.scheduler.max-throughput is 0, but must be at least 1");
  CHECK_EQ(caf_error("scheduler { policy = \"fair\" }"),
           "test.conf:2: caf.scheduler.policy is \"fair\", but must be \"sharing\" or \"stealing\"");
  CHECK_EQ(caf_error("middleman { connection-timeout = 0s }"),
           "test.conf:2: caf.middleman.connection-timeout is 0s, but must be above 0");
  CHECK_EQ(caf_error("scheduler {\n policy = [1] }"),
           "test.conf:3: caf.scheduler.policy must be \"sharing\" or \"stealing\"");
}

SCENARIO("the settings for CAF are handed over as they stand in the file") {
  temporary_file file{"caf { scheduler { policy = \"stealing\", max-threads = 2 } }\ncenote { }\n"};
  auto got = config::caf_settings(file.name());
  CHECK_EQ(caf::get_as<std::string>(got, "caf.scheduler.policy"), "stealing");
  CHECK_EQ(caf::get_as<size_t>(got, "caf.scheduler.max-threads"), 2u);
  CHECK_EQ(got.size(), 1u);
}

SCENARIO("for the program's own actor system a file may set only what is documented") {
  auto error = [](const std::string& text) {
    temporary_file file{"caf {\n" + text + "\n}"};
    return error_of([&] { config::caf_settings(file.name()); });
  };
  CHECK_EQ(error("middleman { prometheus-http { port = 8080 } }"),
           "test.conf:2: 'caf.middleman.prometheus-http.port' cannot be set here: of CAF's options this program takes "
           "caf.scheduler.policy, max-threads and max-throughput");
  for (auto text :
       {"logger { file { path = \"/tmp/x\" } }", "openssl { cafile = \"/ca\" }", "middleman { workers = 1 }",
        "work-stealing { aggressive-poll-attempts = 1 }", "scheduler { enable-profiling = true }"}) {
    MESSAGE(text);
    CHECK(error(text).find("cannot be set here") != std::string::npos);
    // An application may have more.
    CHECK_EQ(caf_error(text), "(none)");
  }
}

SCENARIO("a file that cannot be read is an error, but without a name none is needed") {
  temporary_file folder{"", "unused"};
  CHECK_EQ(error_of([] {
             load_settings({"nowhere.conf", nullptr, {}}, false);
           }),
           "cannot read the config file nowhere.conf: No such file or directory");
  CHECK_EQ(error_of([] { load_settings({".", nullptr, {}}, false); }), "cannot read the config file .: Is a directory");
  CHECK_EQ(error_of([] { load_settings({"", nullptr, {}}, false); }), "(none)");
  CHECK(config::caf_settings("").empty());
}

SCENARIO("without a name the file in the current folder is read") {
  temporary_file file{"cenote { pool { size = 42 } }", "caf-application.conf"};
  CHECK_EQ(load_settings({"", nullptr, {}}, false).pool.size, 42u);
}

SCENARIO("a file that cannot be a config file is not read to its end") {
  temporary_file file{std::string(2 << 20, '#')};
  CHECK_EQ(error_of([&] {
             load_settings({file.name(), nullptr, {}}, false);
           }),
           "cannot read the config file test.conf: it is larger than 1024 KiB");
}
