// The examples of one file do what they say.

#define CAF_SUITE bato.examples

#include "integration/app_program.hpp"
#include "integration/bato_support.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : bato_fixture {
  environment here{{"DATABASE_URI", shared_server().uri()}};
};

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

SCENARIO("the blocking face counts every visit") {
  must(pool, write("CREATE OR REPLACE TABLE visits (page VARCHAR(20) PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB"));
  auto x = test::run({"blocking"}, here);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, "8 visits\n");
  auto without = test::run({"blocking"}, {{"DATABASE_URI", "mysql://u:geheim@127.0.0.1:1/x?connect_timeout=1"}});
  CHECK_EQ(without.code, 1);
  CHECK(contains(without.err, "127.0.0.1:1"));
  CHECK(!contains(without.all(), "geheim"));
}

END_FIXTURE_SCOPE()
