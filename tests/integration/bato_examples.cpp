// The examples of one file do what they say.

#define CAF_SUITE bato.examples

#include "integration/app_program.hpp"
#include "integration/bato_support.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : bato_fixture {
  environment here{{"DATABASE_URI", shared_server().uri()}};
};

const auto examples = {"first_query", "blocking", "jobs", "repository", "transaction"};

/// What an example says when it cannot do its work: one line, beside those that the library logs.
std::string error_line(const std::string& example, const environment& variables) {
  auto x = test::run({example}, variables);
  MESSAGE(example << ": " << x.err);
  CHECK_EQ(x.code, 1);
  CHECK_EQ(x.out, "");
  CHECK(!contains(x.err, "terminate"));
  std::istringstream in{x.err};
  std::vector<std::string> said;
  for (std::string line; std::getline(in, line);)
    // A line of the log may stand right behind it.
    if (!line.empty() && !line.starts_with('['))
      said.push_back(line);
  CHECK_EQ(said.size(), 1u);
  return said.empty() ? "" : said.front();
}

/// The server's URI with another login.
std::string uri_of(const std::string& login) {
  auto uri = shared_server().uri();
  return "mysql://" + login + uri.substr(uri.find('@'));
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("the repository stores and finds") {
  must(pool, write("CREATE OR REPLACE TABLE library (id INT UNSIGNED PRIMARY KEY, title TEXT NOT NULL,"
                   " chapters INT UNSIGNED)"));
  auto x = test::run({"repository"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "Akira has 121 chapters\nfound Akira\nfound Nana\n");
  must(pool, write("DROP TABLE library"));
  auto without = test::run({"repository"}, here);
  CHECK_EQ(without.code, 1);
  CHECK(contains(without.err, "library"));
}

SCENARIO("the transaction moves all or nothing") {
  must(pool, write("CREATE OR REPLACE TABLE account (name VARCHAR(20) PRIMARY KEY, amount INT UNSIGNED NOT NULL)"));
  must(pool, write("INSERT INTO account VALUES ('Asuka', 100)"));
  auto x = test::run({"transaction"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "moved; Asuka has 70 left\nnothing was moved: statement 1 failed with 1690, rejected\n");
  auto rei = must(pool, read("SELECT amount FROM account WHERE name = 'Rei'"));
  CHECK_EQ(rei[0].get<int>(0), 30);
}

SCENARIO("the blocking facade counts every visit") {
  must(pool, write("CREATE OR REPLACE TABLE visits (page VARCHAR(20) PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB"));
  auto x = test::run({"blocking"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "8 visits\n");
  auto without = test::run({"blocking"}, {{"DATABASE_URI", "mysql://u:geheim@127.0.0.1:1/x?connect_timeout=1"}});
  CHECK_EQ(without.code, 1);
  CHECK(contains(without.err, "127.0.0.1:1"));
  CHECK(!contains(without.all(), "geheim"));
}

SCENARIO("the jobs are done once each") {
  must(pool, write("CREATE OR REPLACE TABLE manga (id INT PRIMARY KEY, title VARCHAR(200), chapters INT)"));
  auto x = test::run({"jobs"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "the job is durable\nthe job is done\nthe job is done\nBerserk has 365 chapters\n");
  auto again = test::run({"jobs"}, here);
  CHECK_EQ(again.code, 1);
  CHECK(contains(again.err, "1062"));
  auto jobs = must(pool, read("SELECT COUNT(*) FROM cenote_job")); // No cause, no job.
  CHECK_EQ(jobs[0].get<int>(0), 2);
  must(pool, write("DROP TABLE manga"));
}

SCENARIO("an example that has nothing to connect to says so and fails") {
  for (auto example : examples) {
    CHECK(contains(error_line(example, {}), "set DATABASE_URI"));
    CHECK(contains(error_line(example, {{"DATABASE_URI", ""}}), "set DATABASE_URI"));
    CHECK(contains(error_line(example, {{"DATABASE_URI", "nonsense"}}), "mysql://"));
    CHECK(contains(error_line(example, {{"DATABASE_URI", "mysql://h/x?chraset=utf8"}}), "chraset"));
    CHECK(contains(error_line(example, {{"DATABASE_URI_FILE", "/nowhere"}}), "/nowhere"));
  }
}

SCENARIO("an example that cannot log in says so and fails") {
  for (auto example : examples) {
    CHECK(contains(error_line(example, {{"DATABASE_URI", uri_of("nobody:wrong")}}), "1045"));
    CHECK(contains(error_line(example, {{"DATABASE_URI", shared_server().uri() + "_unknown"}}), "1049"));
  }
}

SCENARIO("an example whose server is away says so and fails, within seconds") {
  for (auto example : examples)
    CHECK(contains(error_line(example, {{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}}), "127.0.0.1:1"));
}

SCENARIO("an example without standard streams fails, and what it prints reaches no socket") {
  for (auto example : examples) {
    auto path = std::string{CENOTE_BINARY_DIR "/bin/"} + example;
    auto x = test::run({"/bin/sh", "-c", "exec \"$0\" <&- >&- 2>&-", path}, {{"DATABASE_URI", uri_of("nobody:wrong")}});
    CHECK_EQ(x.code, 1);
  }
}

SCENARIO("an example without its table says so and fails") {
  for (auto table : {"manga", "visits", "library", "account"})
    must(pool, write(std::string{"DROP TABLE IF EXISTS "} + table));
  for (auto example : examples)
    CHECK(contains(error_line(example, here), "1146"));
}

SCENARIO("an example whose table holds something else fails, too, and does not hang") {
  must(pool, write("CREATE OR REPLACE TABLE manga (id INT PRIMARY KEY, title TEXT, chapters INT)"));
  must(pool, write("INSERT INTO manga VALUES (42, NULL, NULL)"));
  auto x = test::run({"first_query"}, here);
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.err, "title"));
  must(pool, write("CREATE OR REPLACE TABLE account (name VARCHAR(20) PRIMARY KEY, amount INT UNSIGNED NOT NULL)"));
  auto empty = test::run({"transaction"}, here);
  CHECK_EQ(empty.code, 1);
  CHECK(contains(empty.err, "Asuka"));
  must(pool, write("DROP TABLE manga"));
  must(pool, write("DROP TABLE account"));
}

END_FIXTURE_SCOPE()
