#define CAF_SUITE config.sources

#include "unit/config_support.hpp"

#include <cstdlib>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

const std::string time_form = ": seconds, or with a unit as in 30s, 500ms, 5min, 1h";

settings load_env(std::map<std::string, std::string> variables, bool need_server = false) {
  return load_settings({"", environment(std::move(variables)), {}}, need_server);
}

std::string env_error(std::map<std::string, std::string> variables, bool need_server = false) {
  return error_of([&] { load_env(std::move(variables), need_server); });
}

settings load_line(std::map<std::string, std::string> options) {
  return load_settings({"", nullptr, std::move(options)}, false);
}

std::string line_error(std::map<std::string, std::string> options) {
  return error_of([&] { load_line(std::move(options)); });
}

} // namespace

SCENARIO("later sources win: defaults, file, environment, command line") {
  temporary_file file{"cenote { pool { size = 2, max-overflow = 2, timeout = 2s } }"};
  configuration_sources sources{
      file.name(), environment({{"MAX_OVERFLOW", "3"}, {"POOL_TIMEOUT", "3"}}), {{"pool.timeout", "4"}}};
  auto x = load_settings(sources, false);
  CHECK(x.pool.recycle == 3600s);
  CHECK_EQ(x.pool.size, 2u);
  CHECK_EQ(x.pool.max_overflow, 3u);
  CHECK(x.pool.timeout == 4s);
}

SCENARIO("the connect timeout of the URI beats the file's, and the command line beats both") {
  temporary_file file{"cenote { server { connect-timeout = 2s, max-result-bytes = 4096 } }"};
  auto plain = environment({{"DATABASE_URI", "mysql://h"}});
  auto timed = environment({{"DATABASE_URI", "mysql://h?connect_timeout=3"}});
  CHECK(load_settings({file.name(), plain, {}}).server.connect_timeout == 2s);
  CHECK(load_settings({file.name(), timed, {}}).server.connect_timeout == 3s);
  CHECK(load_settings({file.name(), timed, {{"server.connect-timeout", "4"}}}).server.connect_timeout == 4s);
  CHECK_EQ(load_settings({file.name(), timed, {}}).server.max_result_bytes, 4096u);
}

SCENARIO("the environment has the names that people use already") {
  auto x = load_env({{"POOL_SIZE", "7"},
                     {"MAX_OVERFLOW", "0"},
                     {"POOL_RECYCLE", "1800"},
                     {"POOL_PRE_PING", "False"},
                     {"POOL_TIMEOUT", "2.5"},
                     {"MAX_RETRIES", "3"},
                     {"INITIAL_RETRY_DELAY", "0.1"},
                     {"MAX_RETRY_DELAY", "1min"}});
  CHECK_EQ(x.pool.size, 7u);
  CHECK_EQ(x.pool.max_overflow, 0u);
  CHECK(x.pool.recycle == 1800s);
  CHECK(!x.pool.pre_ping);
  CHECK(x.pool.timeout == 2500ms);
  CHECK_EQ(x.retry.max_retries, 3u);
  CHECK(x.retry.initial_delay == 100ms);
  CHECK(x.retry.max_delay == 60s);
}

SCENARIO("a recycle of -1 means never, as in SQLAlchemy") {
  CHECK(load_env({{"POOL_RECYCLE", "-1"}}).pool.recycle == 0s);
  CHECK(load_line({{"pool.recycle", "-1"}}).pool.recycle == 0s);
}

SCENARIO("a variable set to nothing is as good as not set") {
  auto x = load_env({{"POOL_SIZE", ""}, {"DATABASE_URI", ""}, {"DATABASE_URI_FILE", ""}});
  CHECK_EQ(x.pool.size, 10u);
}

SCENARIO("booleans in the environment have six spellings") {
  for (auto yes : {"true", "True", "TRUE", "1", "yes"})
    CHECK(load_env({{"POOL_PRE_PING", yes}}).pool.pre_ping);
  for (auto no : {"false", "False", "FALSE", "0", "no"})
    CHECK(!load_env({{"POOL_PRE_PING", no}}).pool.pre_ping);
}

SCENARIO("mistakes in the environment name the variable") {
  CHECK_EQ(env_error({{"POOL_SIZE", "ten"}}),
           "environment variable POOL_SIZE is 'ten', but must be a whole number from 1 to 10000");
  CHECK_EQ(env_error({{"POOL_SIZE", "0"}}),
           "environment variable POOL_SIZE is '0', but must be a whole number from 1 to 10000");
  CHECK_EQ(env_error({{"MAX_OVERFLOW", "-1"}}),
           "environment variable MAX_OVERFLOW is '-1', but must be a whole number from 0 to 10000");
  CHECK_EQ(env_error({{"POOL_SIZE", "10 "}}),
           "environment variable POOL_SIZE is '10 ', but must be a whole number from 1 to 10000");
  CHECK_EQ(env_error({{"POOL_SIZE", "99999999999999999999"}}),
           "environment variable POOL_SIZE is '99999999999999999999', but must be a whole number from 1 to 10000");
  CHECK_EQ(env_error({{"POOL_PRE_PING", "maybe"}}),
           "environment variable POOL_PRE_PING is 'maybe', but must be true, false, 1, 0, yes or no");
  CHECK_EQ(env_error({{"POOL_TIMEOUT", "-1"}}),
           "environment variable POOL_TIMEOUT is '-1', but must be a time from 1ms to 24h" + time_form);
  CHECK_EQ(env_error({{"POOL_TIMEOUT", std::string(70, 'x') + "\n"}}),
           "environment variable POOL_TIMEOUT is '" + std::string(60, 'x') + "...', but must be a time from 1ms to 24h"
               + time_form);
  CHECK_EQ(env_error({{"POOL_TIMEOUT", "\x1b[2J"}}),
           "environment variable POOL_TIMEOUT is '?[2J', but must be a time from 1ms to 24h" + time_form);
}

SCENARIO("settings on the command line go by key") {
  auto x = load_line({{"pool.size", "20"}, {"pool.timeout", "500ms"}, {"log.level", "debug"}, {"pool.name", "jobs"}});
  CHECK_EQ(x.pool.size, 20u);
  CHECK(x.pool.timeout == 500ms);
  CHECK_EQ(x.log.level, "debug");
  CHECK_EQ(x.pool.name, "jobs");
}

SCENARIO("without a way to look variables up, those of the process count") {
  setenv("POOL_SIZE", "23", 1);
  setenv("DATABASE_URI", "mysql://u:p@somewhere/d", 1);
  auto got = load_settings({});
  unsetenv("POOL_SIZE");
  unsetenv("DATABASE_URI");
  CHECK_EQ(got.pool.size, 23u);
  CHECK_EQ(got.server.host, "somewhere");
  CHECK_EQ(error_of([] { load_settings({}); }).substr(0, 20), "no database is named");
}

SCENARIO("mistakes on the command line name the option") {
  CHECK_EQ(line_error({{"pool.size", "many"}}), "--pool-size is 'many', but must be a whole number from 1 to 10000");
  CHECK_EQ(line_error({{"log.level", ""}}),
           "--log-level is '', but must be trace, debug, info, warning, error, critical or off");
  CHECK_EQ(line_error({{"log.colour", "on"}}),
           "command line: unknown key 'log.colour'; known in log: level, format, status-interval");
  CHECK_EQ(line_error({{"size", "1"}}), "command line: unknown key 'size'; known in cenote: pool, server, retry, log, "
                                        "http, node, remote, budget; did you mean pool.size?");
}

SCENARIO("mistakes between two settings are found when all sources have been read") {
  CHECK_EQ(env_error({{"MAX_RETRY_DELAY", "0.5"}}),
           "retry.max-delay is 500ms, but must be at least retry.initial-delay, which is 1s");
  CHECK_EQ(env_error({{"MAX_RETRY_DELAY", "0.5"}, {"INITIAL_RETRY_DELAY", "0.5"}}), "(none)");
}

SCENARIO("the server comes from DATABASE_URI") {
  auto x = load_env({{"DATABASE_URI", "mysql+pymysql://u:p@db.example/bato"}}, true);
  CHECK_EQ(x.server.endpoint(), "db.example:3306/bato");
  CHECK_EQ(x.server.password.reveal(), "p");
}

SCENARIO("the server comes from the file that DATABASE_URI_FILE names") {
  for (auto end : {"", "\n", "\r\n", "\n\n"}) {
    temporary_file file{std::string{"mysql://u:p@h/d"} + end, "secret"};
    auto x = load_env({{"DATABASE_URI_FILE", file.name()}}, true);
    CHECK_EQ(x.server.endpoint(), "h:3306/d");
    CHECK_EQ(x.server.user, "u");
  }
}

SCENARIO("without a server the error says how to name one") {
  CHECK_EQ(env_error({}, true), "no database is named: set DATABASE_URI to mysql://user:password@host:port/database, "
                                "or DATABASE_URI_FILE to the name of a file that holds that");
  CHECK_EQ(env_error({}, false), "(none)");
}

SCENARIO("two servers are one too many") {
  CHECK_EQ(env_error({{"DATABASE_URI", "mysql://h"}, {"DATABASE_URI_FILE", "f"}}),
           "DATABASE_URI and DATABASE_URI_FILE are both set: set only one of them");
}

SCENARIO("a bad URI names where it came from") {
  CHECK_EQ(env_error({{"DATABASE_URI", "mysql://u:p@h:x/d"}}),
           "DATABASE_URI: the port must be a number from 1 to 65535 (in the password write '@' as %40, '/' as %2F, '?' "
           "as %3F, and an IPv6 address in brackets)");
  temporary_file file{"postgres://u:p@h/d\n", "secret"};
  CHECK_EQ(
      env_error({{"DATABASE_URI_FILE", file.name()}}),
      "DATABASE_URI_FILE: in secret: the URI must begin with mysql:// or mariadb:// (no blank or quote before it)");
}

SCENARIO("the passphrase of the client's key comes from the environment, or from a file that it names") {
  const std::string uri = "mysql://u:p@h/d?ssl_cert=/c&ssl_key=/k";
  auto x = load_env({{"DATABASE_URI", uri}, {"DATABASE_SSL_KEY_PASSPHRASE", "sesame"}}, true);
  CHECK_EQ(x.server.tls_key_passphrase.reveal(), "sesame");
  x = load_env({{"DATABASE_URI", uri}, {"DATABASE_SSL_KEY_PASSPHRASE_FILE", "/f"}}, true);
  CHECK_EQ(x.server.tls_key_passphrase_file, "/f");
  x = load_env({{"DATABASE_URI", uri}, {"DATABASE_SSL_KEY_PASSPHRASE", ""}}, true);
  CHECK(x.server.tls_key_passphrase.empty());
  x = load_env({{"DATABASE_URI", "mysql://h"}, {"DATABASE_SSL_KEY_PASSPHRASE_FILE", "/f"}}, true);
  CHECK(x.server.tls_key_passphrase_file.empty());
  CHECK_EQ(env_error({{"DATABASE_URI", uri},
                      {"DATABASE_SSL_KEY_PASSPHRASE", "sesame"},
                      {"DATABASE_SSL_KEY_PASSPHRASE_FILE", "/f"}}),
           "DATABASE_SSL_KEY_PASSPHRASE and DATABASE_SSL_KEY_PASSPHRASE_FILE are both set: set only one of them");
  CHECK_EQ(
      env_error({{"DATABASE_URI", uri + "&ssl_key_passphrase_file=/g"}, {"DATABASE_SSL_KEY_PASSPHRASE", "sesame"}}),
      "the passphrase of ssl_key is given by ssl_key_passphrase_file and by the environment: leave one out");
}

SCENARIO("a bad DATABASE_URI_FILE says what is wrong with it") {
  CHECK_EQ(env_error({{"DATABASE_URI_FILE", "nowhere"}}),
           "DATABASE_URI_FILE: cannot read nowhere: No such file or directory");
  CHECK_EQ(env_error({{"DATABASE_URI_FILE", "."}}), "DATABASE_URI_FILE: cannot read .: Is a directory");
  CHECK_EQ(env_error({{"DATABASE_URI_FILE", "mysql://u:p@h"}}),
           "DATABASE_URI_FILE must name a file that holds the URI; for the URI itself there is DATABASE_URI");
  {
    temporary_file file{"\n", "secret"};
    CHECK_EQ(env_error({{"DATABASE_URI_FILE", file.name()}}), "DATABASE_URI_FILE: the file secret is empty");
  }
  {
    temporary_file file{std::string(70'000, 'x'), "secret"};
    CHECK_EQ(env_error({{"DATABASE_URI_FILE", file.name()}}),
             "DATABASE_URI_FILE: cannot read secret: it is larger than 64 KiB");
  }
}
