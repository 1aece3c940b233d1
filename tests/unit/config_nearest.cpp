// What somebody probably meant.

#define CAF_SUITE config.nearest

#include "config/nearest.hpp"
#include "unit/config_support.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::config;
using namespace cenote::test;

SCENARIO("the distance counts changed, added, missing and swapped letters") {
  struct {
    std::string_view a, b;
    size_t distance;
  } table[] = {
      {"", "", 0},
      {"", "abc", 3},
      {"abc", "", 3},
      {"size", "size", 0},
      {"size", "sise", 1},
      {"size", "siz", 1},
      {"size", "sizes", 1},
      {"size", "siez", 1},
      {"size", "isze", 1},
      {"abc", "cab", 2},
      {"kitten", "sitting", 3},
      {"SIZE", "size", 0},
      {"pool_size", "pool-size", 0},
      {"pool.size", "pool-size", 0},
  };
  for (auto& x : table) {
    MESSAGE(x.a << " and " << x.b);
    CHECK_EQ(edit_distance(x.a, x.b), x.distance);
    CHECK_EQ(edit_distance(x.b, x.a), x.distance);
  }
}

SCENARIO("the nearest word is found, and none if none is near") {
  std::vector<std::string> options{"--pool-size",         "--pool-min-size", "--pool-timeout",
                                   "--pool-max-overflow", "--json",          "--log-level"};
  struct {
    std::string_view word, meant;
  } table[] = {
      {"--pool-sise", "--pool-size"},
      {"--pol-size", "--pool-size"},
      {"--poolsize", "--pool-size"},
      {"-pool-size", "--pool-size"},
      {"--pool_size", "--pool-size"},
      {"--size", "--pool-size"},
      {"--min-size", "--pool-min-size"},
      {"--timeuot", "--pool-timeout"},
      {"--overflow", "--pool-max-overflow"},
      {"--jsn", "--json"},
      {"--LOG-LEVEL", "--log-level"},
      {"--nonsense", ""},
      {"--x", ""},
      {"--", ""},
      {"", ""},
      {"--password", ""},
  };
  for (auto& x : table) {
    MESSAGE(x.word);
    CHECK_EQ(nearest(x.word, options), x.meant);
  }
  CHECK_EQ(nearest(std::string(100'000, 'x'), options), "");
  CHECK_EQ(nearest("size", {}), "");
  CHECK_EQ(did_you_mean("--jsn", options), "; did you mean --json?");
  CHECK_EQ(did_you_mean("nonsense", options), "");
}

SCENARIO("a mistyped word among a setting's words is told with the nearest") {
  auto error = [](const std::string& key, const std::string& value) {
    return error_of([&] { load_settings({"", environment({}), {{key, value}}}, false); });
  };
  CHECK(error("log.level", "inof").ends_with("critical or off; did you mean info?"));
  CHECK(error("log.level", "warn").ends_with("critical or off; did you mean warning?"));
  CHECK(error("log.level", "WARNING").ends_with("; did you mean warning?"));
  CHECK(error("log.format", "jsno").ends_with("text or json; did you mean json?"));
  CHECK(error("pool.pre-ping", "flase").ends_with("; did you mean false?"));
  CHECK(error("pool.size", "tne").ends_with("10000"));
  CHECK(error_of([] { load_text("cenote { log { level = \"debgu\" } }"); }).ends_with("; did you mean \"debug\"?"));
  auto by_environment = [](const std::string& name, const std::string& value) {
    return error_of([&] { load_settings({"", environment({{name, value}}), {}}, false); });
  };
  CHECK(by_environment("POOL_PRE_PING", "ture").ends_with("; did you mean true?"));
}

SCENARIO("a mistyped key of a URI is told with the nearest, if it may be shown") {
  auto error = [](const std::string& uri) { return error_of([&] { parse_uri(uri); }); };
  CHECK(error("mysql://u:p@h/d?chraset=utf8mb4").ends_with("'chraset'; did you mean charset?"));
  CHECK(error("mysql://u:p@h/d?sslca=/x").ends_with("'sslca'; did you mean ssl_ca?"));
  CHECK(error("mysql://u:p@h/d?ssl-verify-crt=1").ends_with("; did you mean ssl_verify_cert?"));
  CHECK(error("mysql://u:p@h/d?conection_timeout=1").ends_with("; did you mean connect_timeout?"));
  CHECK(error("mysql://u:p@h/d?ssl_mode=REQUIERD").ends_with("; did you mean REQUIRED?"));
  CHECK(error("mysql://u:p@h/d?compress=ture").ends_with("; did you mean true?"));
  // What stands here may be a part of the password.
  CHECK(error("mysql://u:1?chraset=5").ends_with("query has an unknown key"));
}

SCENARIO("a URI under another name is told") {
  auto error = [](const std::string& name) {
    return error_of([&] { load_settings({"", environment({{name, "mysql://u:geheim@h/d"}}), {}}); });
  };
  CHECK(error("DATABASE_URL").ends_with("; DATABASE_URL is set, but that is not the name that is looked up"));
  CHECK(error("MYSQL_URL").ends_with("; MYSQL_URL is set, but that is not the name that is looked up"));
  CHECK(error("DATABASE_URL").find("geheim") == std::string::npos);
}
