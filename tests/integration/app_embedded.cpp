// `--embedded`: a server of its own that leaves nothing behind.

#define CAF_SUITE app.embedded

#include "integration/app_processes.hpp"
#include "integration/app_program.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

/// Whether nothing is left at the moment: a program that has ended waits for its server.
bool left_nothing(const program& x) {
  return std::filesystem::is_empty(x.folder()) && command_lines_with(x.folder()).empty();
}

} // namespace

SCENARIO("check, sql and serve work with a private server, whatever DATABASE_URI says") {
  program check{{"cenote", "--embedded", "check"}, {{"DATABASE_URI", "nonsense"}}};
  auto x = check.wait();
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
  CHECK(contains(x.out, "initialized           yes"));
  CHECK(left_nothing(check));
  program sql{{"cenote", "sql", "SELECT ?", "--embedded", "5"}, {{"DATABASE_URI_FILE", "/nonsense"}}};
  x = sql.wait();
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, " 5\n---\n 5\n(1 row)\n");
  CHECK(left_nothing(sql));
  program serve{{"cenote", "serve", "--embedded"}};
  REQUIRE(serve.logs(" INFO ready: "));
  CHECK(!command_lines_with(serve.folder()).empty());
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
  CHECK(left_nothing(serve));
}

SCENARIO("nothing is left after a failure") {
  program sql{{"cenote", "sql", "--embedded", "SELECT * FROM missing"}};
  auto x = sql.wait();
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.err, " ERROR 1146 (42S02): "));
  CHECK(left_nothing(sql));
}

SCENARIO("nothing is left after a signal, however early") {
  program early{{"cenote", "serve", "--embedded"}};
  REQUIRE(early.logs("starting a private MariaDB server"));
  early.signal(SIGTERM);
  CHECK_EQ(early.wait().code, 128 + SIGTERM);
  CHECK(left_nothing(early));
  program busy{{"cenote", "sql", "--embedded", "--log-level=debug", "SELECT SLEEP(50)"}};
  REQUIRE(busy.logs("opened connection"));
  busy.signal(SIGINT);
  auto x = busy.wait();
  CHECK_EQ(x.code, 128 + SIGINT);
  CHECK_LT(x.seconds, 30.0);
  CHECK(left_nothing(busy));
}

SCENARIO("nothing is left after the program was killed") {
  program serve{{"cenote", "serve", "--embedded"}};
  REQUIRE(serve.logs(" INFO ready: "));
  serve.signal(SIGKILL);
  CHECK_EQ(serve.wait().code, 128 + SIGKILL);
  CHECK(all_gone(serve.folder()));
  CHECK(is_emptied(serve.folder()));
}

SCENARIO("nothing is left after the program was killed while its server starts") {
  for (auto delay : {0, 20, 50, 100, 200, 400}) {
    program sql{{"cenote", "sql", "--embedded", "SELECT SLEEP(50)"}};
    REQUIRE(appears(sql.folder())); // The script's command line.
    std::this_thread::sleep_for(std::chrono::milliseconds{delay});
    sql.signal(SIGKILL);
    CHECK_EQ(sql.wait().code, 128 + SIGKILL);
    CHECK(all_gone(sql.folder()));
    CHECK(is_emptied(sql.folder()));
  }
}

SCENARIO("a wrong setting is told before a server is started") {
  program check{{"cenote", "check", "--embedded", "--pool-size=0", "--log-level=info"}};
  auto x = check.wait();
  CHECK_EQ(x.code, 2);
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK_LT(x.seconds, 2.0);
}

SCENARIO("a missing script is told") {
  temporary_folder folder;
  std::filesystem::create_directory(folder.file("bin"));
  std::filesystem::copy_file(CENOTE_BINARY_DIR "/bin/cenote", folder.file("bin/cenote"));
  auto x = run({folder.file("bin/cenote"), "check", "--embedded"});
  CHECK_EQ(x.code, 1);
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK(contains(x.err, " CRITICAL --embedded needs the script " + folder.file("libexec/cenote/mariadb")));
}
