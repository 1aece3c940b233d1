// The password is nowhere to be seen.

#define CAF_SUITE app.secrecy

#include "integration/app_processes.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

/// What every password here begins with; the rest needs escaping in a URI.
constexpr auto marker = "Zq7marker";
constexpr auto password = "Zq7marker!@:/%";
constexpr auto escaped = "Zq7marker%21%40%3A%2F%25";

std::string uri_for(const std::string& user) {
  auto uri = shared_server().uri();
  return "mysql://" + user + ":" + escaped + uri.substr(uri.find('@'));
}

/// Makes the user `marked`, with the marked password.
void make_user() {
  environment admin{{"DATABASE_URI", shared_server().uri()}};
  for (auto statement : {std::string{"CREATE OR REPLACE USER marked@'%' IDENTIFIED BY '"} + password + "'",
                         std::string{"GRANT ALL ON *.* TO marked@'%'"}})
    REQUIRE_EQ(run({"cenote", "sql", "-"}, admin, statement).code, 0);
}

bool is_secret(const ended& x) {
  return !contains(x.all(), marker);
}

} // namespace

SCENARIO("no output and no log shows the password") {
  make_user();
  environment good{{"DATABASE_URI", uri_for("marked")}};
  environment refused{{"DATABASE_URI", uri_for("nobody")}};
  environment down{{"DATABASE_URI", std::string{"mysql://u:"} + escaped + "@127.0.0.1:1/x"}};
  for (auto format : {"text", "json"}) {
    std::vector<std::string> loud{"--log-level=trace", std::string{"--log-format="} + format};
    auto all_of = [&loud](std::vector<std::string> words) {
      words.insert(words.begin() + 1, loud.begin(), loud.end());
      return words;
    };
    for (auto& variables : {good, refused, down}) {
      auto expected = &variables == &good || variables == good ? 0 : 1;
      for (auto& words : {all_of({"cenote", "check"}), all_of({"cenote", "check", "--json"}),
                          all_of({"cenote", "sql", "SELECT CURRENT_USER()"}),
                          all_of({"cenote", "sql", "--json", "SHOW PROCESSLIST"})}) {
        auto x = run(words, variables);
        CHECK_EQ(x.code, expected);
        CHECK(is_secret(x));
        CHECK(!x.err.empty()); // Else the log has not been looked at.
      }
    }
    auto x = run(all_of({"cenote", "sql", "SELECT * FROM missing"}), good);
    CHECK_EQ(x.code, 1);
    CHECK(is_secret(x));
  }
}

SCENARIO("a URI that cannot be read is not shown") {
  for (auto bad : {"mysql://u:Zq7marker@h:99999/x", "mysql:/u:Zq7marker@h/x", "u:Zq7marker@h/x",
                   "mysql://u:Zq7marker@h/x?nonsense=1", "mysql://u:Zq7marker@h;x/y", "mysql://u:Zq7marker@[::1/x",
                   "Zq7marker", "mysql://u:Zq7marker@h/x?connect_timeout=Zq7"}) {
    for (auto command : {"check", "serve"}) {
      auto x = run({"cenote", command, "--log-level=trace"}, {{"DATABASE_URI", bad}});
      MESSAGE(x.err);
      CHECK_EQ(x.code, 2);
      CHECK(is_secret(x));
    }
    temporary_folder folder;
    auto file = folder.write("uri", bad);
    auto x = run({"cenote", "check"}, {{"DATABASE_URI_FILE", file}});
    CHECK_EQ(x.code, 2);
    CHECK(is_secret(x));
  }
}

SCENARIO("a strange URI that can be read is not shown while its server is waited for") {
  for (auto strange : {"mysql://u:Zq7marker@:1", "mysql://u:Zq7marker%2@host.invalid/x",
                       "mysql://u:Zq7marker@127.0.0.1:1/x?ssl_ca=/no/such/file"}) {
    environment variables{{"DATABASE_URI", strange}};
    auto x = run({"cenote", "check", "--log-level=trace"}, variables);
    MESSAGE(x.err);
    CHECK_EQ(x.code, 1);
    CHECK(is_secret(x));
    program serve{{"cenote", "serve", "--log-level=trace"}, variables};
    // A file that is missing is for a person to mend: nothing is tried again.
    auto hopeless = contains(strange, "ssl_ca");
    CHECK(serve.logs(hopeless ? " CRITICAL " : "; trying again"));
    serve.signal(SIGTERM);
    x = serve.wait();
    CHECK_EQ(x.code, hopeless ? 1 : 0);
    CHECK(is_secret(x));
  }
}

SCENARIO("no process shows the password in its command line, nor serve in its log") {
  make_user();
  program serve{{"cenote", "serve", "--log-level=trace", "--log-status-interval=50ms"},
                {{"DATABASE_URI", uri_for("marked")}}};
  REQUIRE(serve.logs("checked in 10"));
  CHECK(command_lines_with(marker).empty());
  serve.signal(SIGTERM);
  auto x = serve.wait();
  CHECK_EQ(x.code, 0);
  CHECK(is_secret(x));
}

SCENARIO("the password of a private server is as secret") {
  program serve{{"cenote", "serve", "--embedded", "--log-level=trace", "--log-status-interval=50ms"}};
  REQUIRE(serve.logs("checked in 10"));
  std::string generated;
  for (auto& entry : std::filesystem::recursive_directory_iterator{serve.folder()})
    if (entry.path().filename() == "password")
      std::ifstream{entry.path()} >> generated;
  REQUIRE_GE(generated.size(), 20u);
  CHECK_GE(command_lines_with(serve.folder()).size(), 2u); // The server and its watcher.
  CHECK(command_lines_with(generated).empty());
  serve.signal(SIGTERM);
  auto x = serve.wait();
  CHECK_EQ(x.code, 0);
  CHECK(!contains(x.all(), generated));
}
