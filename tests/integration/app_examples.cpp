// The examples do what the README says.

#define CAF_SUITE app.examples

#include "integration/app_processes.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <csignal>
#include <filesystem>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

SCENARIO("the first query prints what it finds") {
  environment here{{"DATABASE_URI", shared_server().uri()}};
  for (auto statement : {"CREATE OR REPLACE TABLE manga (id INT PRIMARY KEY, title TEXT, chapters INT)",
                         "INSERT INTO manga VALUES (41, 'Another', 3), (42, '薬屋', 76)"})
    REQUIRE_EQ(run({"cenote", "sql", statement}, here).code, 0);
  auto x = run({"first_query"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "薬屋: 76 chapters\n");
  CHECK_EQ(run({"cenote", "sql", "DROP TABLE manga"}, here).code, 0);
  CHECK(contains(run({"first_query"}, here).err, "manga"));
}

SCENARIO("the demo loses nothing when all connections are cut") {
  program demo{{"cenote-demo", "--seconds=3", "--actors=60"}};
  auto x = demo.wait();
  MESSAGE(x.out);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
  CHECK(contains(x.out, "the server has cut all 15 connections\n"));
  CHECK(contains(x.out, "callers go on: 60 answers within"));
  CHECK(contains(x.out, "\nlost: 0\n"));
  CHECK(contains(x.out, "\ndoubled: 0\n"));
  CHECK_GE(count(x.out, " statements/s "), 3u);
  CHECK(std::filesystem::is_empty(demo.folder()));
  CHECK(command_lines_with(demo.folder()).empty());
}

SCENARIO("the demo can be interrupted") {
  program demo{{"cenote-demo", "--actors=20"}};
  while (command_lines_with(demo.folder()).empty())
    continue;
  demo.signal(SIGINT);
  auto x = demo.wait();
  CHECK_EQ(x.code, 128 + SIGINT);
  CHECK_LT(x.seconds, 9.0);
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
