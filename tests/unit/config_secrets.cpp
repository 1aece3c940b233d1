// The password appears in no error, whatever is wrong with the URI and wherever it was put by mistake.

#define CAF_SUITE config.secrets

#include "unit/config_support.hpp"

#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// Not a word that could be in an error by accident.
const std::string marker = "hunter2";

bool leaks(const std::string& text) {
  return text.find(marker) != std::string::npos;
}

/// Passwords with everything around the marker that could mislead a parser.
std::vector<std::string> passwords() {
  std::vector<std::string> out;
  for (std::string before :
       {"",   "1",    "12/", "12?", "/", "?",     "@",  "a@", ":", "%",   "%0",        "#",    "&",
        "x=", "1?x=", "1/?", "[",   "]", "[::1]", "a,", ";",  " ", "://", "1?ssl_ca=", "1?a&", "3306/d?"})
    for (std::string after :
         {"",   "1", "/", "?",   "@",  ":",  "%",  "#",   "=",  "&", "&charset=", "=1", "?charset=utf8",
          "/x", "]", ",", "%zz", "\n", "\t", "@h", "@h/", "@h?"})
      out.push_back(before + marker + after);
  return out;
}

std::vector<std::string> uris(const std::string& password) {
  std::vector<std::string> out = {
      "mysql://u:" + password + "@h/d",
      "mysql://u:" + password + "@h:0/d",
      "mysql://u:" + password + "@h:x/d",
      "mysql://u:" + password + "@h,i/d",
      "mysql://u:" + password + "@h;i/d",
      "mysql://u:" + password + "@[::1/d",
      "mysql://u:" + password + "@h/d?nonsense=1",
      "mysql://u:" + password + "@h/d?charset=%00",
      "mysql://u:" + password + "@h/d?connect_timeout=x",
      "mysql://u:" + password + "@h/d/e",
      "mysql://u:" + password,
      "mysql://u:" + password + "@",
      "mysql://:" + password + "@h",
      "mysql:/u:" + password + "@h/d",
      "mysql:u:" + password + "@h/d",
      "postgres://u:" + password + "@h/d",
      "u:" + password + "@h/d",
      password,
      "\"mysql://u:" + password + "@h/d\"",
      "mysql://h/d?password=" + password,
  };
  // Behind a '&' there is a key, which may be shown.
  if (password.find('&') == std::string::npos)
    for (auto key : {"connect_timeout=", "compress=", "charset="})
      out.push_back(std::string{"mysql://h/d?"} + key + password);
  return out;
}

} // namespace

SCENARIO("no error about a URI shows the password") {
  auto errors = 0;
  for (auto& password : passwords()) {
    for (auto& uri : uris(password)) {
      auto text = error_of([&] { parse_uri(uri); });
      errors += text != "(none)" ? 1 : 0;
      if (leaks(text))
        FAIL("the password of " << uri << " is in: " << text);
    }
  }
  // Else the test would have looked at nothing.
  CHECK_GT(errors, 5000);
}

SCENARIO("no error about a randomly damaged URI shows the password") {
  std::minstd_rand random{20260101};
  const std::string uri = "mysql+pymysql://user:" + marker + "@db.example:3306/bato?charset=utf8mb4&connect_timeout=5";
  const std::string noise = ":/?#[]@!$&'()*+,;=%. \t\nA0";
  auto password_at = uri.find(marker);
  for (auto round = 0; round < 20'000; ++round) {
    auto damaged = uri;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      auto at = random() % damaged.size();
      if (at >= password_at && at < password_at + marker.size())
        continue; // A marker with a hole in it could not be found.
      switch (random() % 3) {
      case 0:
        damaged[at] = noise[random() % noise.size()];
        break;
      case 1:
        damaged.insert(at, 1, noise[random() % noise.size()]);
        break;
      default:
        damaged.erase(at, 1);
      }
    }
    auto text = error_of([&] { parse_uri(damaged); });
    if (leaks(text))
      FAIL("the password of " << damaged << " is in: " << text);
  }
}

SCENARIO("what a URI says can be shown in logs: the endpoint has no login") {
  for (auto& password : passwords()) {
    for (auto& uri : uris(password)) {
      try {
        auto x = parse_uri(uri);
        // A URI whose password is unclear is an error instead, see above.
        if (x.password.reveal().find(marker) != std::string::npos && leaks(x.endpoint()))
          FAIL("the password of " << uri << " is in the endpoint " << x.endpoint());
      } catch (configuration_error&) {
        // nop
      }
    }
  }
}

SCENARIO("no error shows a URI that was put into the wrong place") {
  const auto uri = "mysql://u:" + marker + "@h/d";
  for (auto& info : setting_table()) {
    auto by_command_line = error_of([&] { load_settings({"", nullptr, {{info.key, uri}}}, false); });
    CHECK(!leaks(by_command_line));
    if (!info.environment.empty())
      CHECK(!leaks(error_of([&] { load_settings({"", environment({{info.environment, uri}}), {}}, false); })));
    auto dot = info.key.find('.');
    auto text = "cenote { " + info.key.substr(0, dot) + " { " + info.key.substr(dot + 1) + " = \"" + uri + "\" } }";
    CHECK(!leaks(error_of([&] { load_text(text); })));
  }
  CHECK(!leaks(error_of([&] { load_settings({"", environment({{"DATABASE_URI_FILE", uri}}), {}}); })));
  CHECK(!leaks(error_of([&] { load_settings({"", nullptr, {{"uri", uri}}}); })));
}

SCENARIO("no error about a config file shows a URI or password in it") {
  const auto uri = "mysql://u:" + marker + "@h/d";
  for (auto& text : {"cenote { uri = \"" + uri + "\" }", "uri = \"" + uri + "\"", "DATABASE_URI = " + uri,
                     "cenote { uri = " + uri + " }", "cenote { server { password = \"" + marker + "\" } }",
                     "cenote { server { password = " + marker + " } }", "cenote { uri = \"" + uri + " }",
                     "cenote { database { uri { x = <" + uri + "> } } }", "cenote { uri = [\"" + uri + "\", ] ]",
                     "cenote = \"" + uri + "\""}) {
    auto error = error_of([&] { load_text(text); });
    MESSAGE(error);
    CHECK_NE(error, "(none)");
    CHECK(!leaks(error));
  }
}
