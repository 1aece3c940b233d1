// The examples do what the README says.

#define CAF_SUITE app.examples

#include "integration/app_processes.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

/// The number in the line of the demo's summary that begins with the label; -1 if there is none.
int number(const std::string& summary, const std::string& label) {
  auto line = summary.find("\n  " + label + " ");
  return line == std::string::npos ? -1 : std::atoi(summary.c_str() + line + 3 + label.size());
}

} // namespace

SCENARIO("the first query prints what it finds") {
  environment here{{"DATABASE_URI", shared_server().uri()}};
  for (auto statement : {"CREATE OR REPLACE TABLE manga (id INT PRIMARY KEY, title TEXT, chapters INT)",
                         "INSERT INTO manga VALUES (41, 'Another', 3), (42, '薬屋', 76)"})
    REQUIRE_EQ(run({"cenote", "sql", statement}, here).code, 0);
  auto x = run({"first_query"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "薬屋: 76 chapters\n"); // And nothing of what the library logs.
  CHECK_EQ(run({"cenote", "sql", "DROP TABLE manga"}, here).code, 0);
  CHECK(contains(run({"first_query"}, here).err, "manga"));
}

SCENARIO("the demo loses nothing when all connections are cut") {
  program demo{{"cenote-demo", "--seconds=3", "--actors=60"}};
  auto x = demo.wait();
  MESSAGE(x.out);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
  CHECK(contains(x.out, "all rows were locked; the server has cut all 15 connections\n"));
  CHECK(contains(x.out, "callers go on: 60 answers within"));
  CHECK(contains(x.out, "\nlost: 0\n"));
  CHECK(contains(x.out, "\ndoubled: 0\n"));
  CHECK_GE(count(x.out, " statements/s "), 3u);
  // The cut hit statements, not idle connections.
  CHECK_GE(number(x.out, "retried"), 0);
  CHECK_GE(number(x.out, "unknown outcomes"), 0);
  CHECK_GT(number(x.out, "retried") + number(x.out, "unknown outcomes"), 0);
  CHECK(std::filesystem::is_empty(demo.folder()));
  CHECK(command_lines_with(demo.folder()).empty());
}

SCENARIO("the demo can be interrupted while its server starts") {
  program demo{{"cenote-demo", "--actors=20"}};
  REQUIRE(appears(demo.folder()));
  demo.signal(SIGINT);
  auto x = demo.wait();
  CHECK_EQ(x.code, 128 + SIGINT);
  CHECK_LT(x.seconds, 9.0);
  CHECK(std::filesystem::is_empty(demo.folder()));
  CHECK(command_lines_with(demo.folder()).empty());
}

SCENARIO("the demo can be interrupted while it works, and loses nothing then, either") {
  program demo{{"cenote-demo", "--actors=20", "--seconds=60"}};
  REQUIRE(demo.prints(" statements/s "));
  demo.signal(SIGINT);
  auto x = demo.wait();
  CHECK_EQ(x.code, 128 + SIGINT);
  CHECK_EQ(x.err, "");
  CHECK_LT(x.seconds, 30.0);
  CHECK(contains(x.out, "interrupted; until then:"));
  CHECK(contains(x.out, "\nlost: 0\n"));
  CHECK(contains(x.out, "\ndoubled: 0\n"));
  CHECK(std::filesystem::is_empty(demo.folder()));
  CHECK(command_lines_with(demo.folder()).empty());
}

SCENARIO("the demo explains itself") {
  auto x = run({"cenote-demo", "--help"});
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.out, "--seconds"));
  CHECK(contains(x.out, "--actors"));
  CHECK_EQ(run({"cenote-demo", "--nonsense"}).code, 2);
  CHECK_EQ(run({"cenote-demo", "--actors=0"}).code, 2);
}
