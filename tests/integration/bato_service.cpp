// The Bato service as its operator sees it.

#define CAF_SUITE bato.service

#include "cenote/database.hpp"
#include "integration/app_processes.hpp"
#include "integration/app_program.hpp"
#include "integration/bato_support.hpp"

#include <csignal>
#include <filesystem>
#include <functional>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : bato_fixture {
  fixture() {
    must(pool, write("DROP TABLE IF EXISTS manga_details, scrape_runs, scrapes, cenote_job, cenote_job_batch,"
                     " cenote_job_limit, cenote_job_migration, cenote_job_node, cenote_job_periodic"));
  }

  /// Tables with two manga.
  void prepare() {
    REQUIRE_EQ(test::run({"bato-service", "--once"}, here).code, 0);
    must(pool, write("TRUNCATE TABLE scrape_runs"));
    must(pool,
         write("INSERT INTO manga_details VALUES (1, 'A', 'https://a', 10, NULL), (2, 'B', 'https://b', 20, NULL)"));
  }

  int number(const std::string& sql) { return must(pool, read(sql))[0].get<int>(0); }

  /// Whether somebody does. INNODB_TRX would not tell: it is renewed only if nobody has read it for 100 ms.
  bool waits_for_lock() {
    return number("SELECT CAST(VARIABLE_VALUE AS INT) FROM information_schema.GLOBAL_STATUS"
                  " WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'")
           == 1;
  }

  /// Starts the service and tells it to stop in the middle of a round, while one of its jobs waits for a row. That gets
  /// the row after `meanwhile`.
  void stop_in_a_round(
      std::optional<program>& service, const std::function<void()>& meanwhile = [] {}) {
    database db{system(), pool};
    db.with_transaction([&](database::session& s) {
      s.execute(read("SELECT * FROM manga_details WHERE anilist_id = 2 FOR UPDATE"));
      service.emplace(std::vector<std::string>{"bato-service"}, here);
      REQUIRE(eventually([&] { return waits_for_lock(); }));
      service->signal(SIGTERM);
      CHECK(service->logs("ending what has begun"));
      meanwhile();
    });
  }

  environment here{{"DATABASE_URI", shared_server().uri()}};
};

} // namespace

SCENARIO("with --test and --once it prints what it did on a server of its own") {
  program service{{"bato-service", "--test", "--once"}};
  auto x = service.wait();
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.out, "Berserk: 364 -> 366 chapters\n"));
  CHECK(contains(x.out, "薬屋のひとりごと: its page cannot be read\n"));
  CHECK(x.out.ends_with("run 1: 7 scraped, 6 with new chapters, 1 failed\n"));
  CHECK(contains(x.err, "INFO pool main: size 10"));
  CHECK(!contains(x.err, "WARNING"));
  CHECK(!contains(x.err, "ERROR"));
  CHECK(std::filesystem::is_empty(service.folder()));
  CHECK(command_lines_with(service.folder()).empty());
}

SCENARIO("a database that cannot be used is one critical line without a password, and the program's exit code for it") {
  auto check = [](const std::string& uri, const std::string& reason, int code = 1) {
    auto x = run({"bato-service"}, {{"DATABASE_URI", uri}});
    CHECK_EQ(x.code, code);
    CHECK_EQ(count(x.err, "CRITICAL"), 1u);
    CHECK(contains(x.err, reason));
    CHECK(!contains(x.all(), "geheim"));
    CHECK_EQ(x.out, "");
    CHECK_LT(x.seconds, 4.0);
  };
  check("mysql://u:geheim@127.0.0.1:1/x?connect_timeout=2", "the server is down or cannot be reached");
  check("mysql://u:geheim@127.0.0.1:1/x?no_such_key=2", "no_such_key", 2);
  check("postgres://u:geheim@127.0.0.1/x", "DATABASE_URI", 2);
  auto port = std::to_string(shared_server().settings().port);
  check("mysql://nobody:geheim@127.0.0.1:" + port + "/x", "refuses the login");
  auto none = run({"bato-service"});
  CHECK_EQ(none.code, 2);
  CHECK_EQ(count(none.err, "CRITICAL"), 1u);
}

SCENARIO("it explains itself") {
  auto x = run({"bato-service", "--help"});
  CHECK_EQ(x.code, 0);
  for (auto option : {"--once", "--test", "--config", "--interval", "--stale-after", "DATABASE_URI"})
    CHECK(contains(x.out, option));
  CHECK_EQ(run({"bato-service", "--nonsense"}).code, 2);
  CHECK_EQ(run({"bato-service", "--interval=0"}).code, 2);
  auto misspelt = run({"bato-service", "--intervall", "3"});
  CHECK_EQ(misspelt.code, 2);
  CHECK_EQ(misspelt.err,
           "bato-service: unknown option --intervall; did you mean --interval?\nTry 'bato-service --help'.\n");
}

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a second round finds nothing that is stale, unless it is told to") {
  prepare();
  auto once = [this](std::vector<std::string> words) {
    words.insert(words.begin(), {"bato-service", "--once"});
    return test::run(words, here).out;
  };
  auto first = once({});
  CHECK(contains(first, "A: 10 -> 11 chapters\n"));
  CHECK(contains(first, "B: 20 -> 22 chapters\n"));
  CHECK(first.ends_with("run 1: 2 scraped, 2 with new chapters, 0 failed\n"));
  CHECK_EQ(once({}), "run 2: 0 scraped, 0 with new chapters, 0 failed\n");
  CHECK(once({"--stale-after=0", "--batch=1"}).ends_with("run 3: 1 scraped, 1 with new chapters, 0 failed\n"));
  CHECK_EQ(number("SELECT COUNT(*) FROM scrape_runs"), 3);
}

SCENARIO("what a title does to a terminal is escaped") {
  prepare();
  must(pool, write("UPDATE manga_details SET title = ? WHERE anilist_id = 1", "A\x1b[2J\nrun 9: all is well\x07"));
  auto x = test::run({"bato-service", "--once"}, here);
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.out, "A\\x1b[2J\\nrun 9: all is well\\x07: 10 -> 11 chapters\n"));
  CHECK(!contains(x.all(), "\x1b"));
  CHECK_EQ(count(x.out, "\n"), 3u);
}

SCENARIO("it does one round after the other until SIGTERM") {
  prepare();
  program service{{"bato-service", "--interval=1", "--stale-after=0"}, here};
  CHECK(eventually([this] { return number("SELECT COUNT(*) FROM scrape_runs WHERE scraped = 2") >= 2; }));
  service.signal(SIGTERM);
  auto x = service.wait();
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.err, "stopped; "));
  CHECK(!contains(x.err, "ERROR"));
  CHECK_EQ(x.out, "");
}

SCENARIO("after SIGTERM in the middle of a round what has begun is ended, and the next start does the rest") {
  prepare();
  std::optional<program> service;
  stop_in_a_round(service);
  auto x = service->wait();
  CHECK_EQ(x.code, 0);
  CHECK_EQ(number("SELECT chapters FROM manga_details WHERE anilist_id = 2"), 22);
  CHECK_EQ(number("SELECT COUNT(*) FROM scrape_runs WHERE ended IS NULL"), 1);
  auto next = test::run({"bato-service", "--once"}, here);
  CHECK_EQ(next.code, 0);
  // The rest of the round may have been done before the new one began, which then has nothing to do.
  CHECK(next.out == "A: 10 -> 11 chapters\nB: 20 -> 22 chapters\nrun 1: 2 scraped, 2 with new chapters, 0 failed\n"
        || next.out == "run 2: 0 scraped, 0 with new chapters, 0 failed\n");
  CHECK_EQ(number("SELECT COUNT(*) FROM scrape_runs WHERE id = 1 AND scraped = 2 AND ended IS NOT NULL"), 1);
}

SCENARIO("a service that is killed in the middle of a round loses nothing, and nothing is scraped twice") {
  GIVEN("a list of manga") {
    prepare();
    must(pool, write("INSERT INTO manga_details SELECT seq, CONCAT('manga ', seq), 'https://a', 100, NULL"
                     " FROM seq_3_to_60"));
    WHEN("the service is killed while it scrapes them") {
      database db{system(), pool};
      db.with_transaction([&](database::session& s) {
        // A job that does not end, so that the round does not.
        s.execute(read("SELECT * FROM manga_details WHERE anilist_id = 41 FOR UPDATE"));
        program service{{"bato-service", "--once"}, here};
        CHECK(eventually([this] { return number("SELECT COUNT(*) FROM scrapes") >= 20; }));
        service.signal(SIGKILL);
        CHECK_EQ(service.wait().out, "");
      });
      CHECK_EQ(number("SELECT COUNT(*) FROM scrape_runs WHERE ended IS NULL"), 1);
      auto stored = number("SELECT COUNT(*) FROM scrapes");
      CHECK_LT(stored, 60);
      MESSAGE(stored << " of 60 were stored");
      THEN("the next start ends this round, and reports all of it") {
        auto next = test::run({"bato-service", "--once"}, here);
        MESSAGE("the next start took " << next.seconds << " s");
        CHECK_EQ(next.code, 0);
        CHECK_EQ(count(next.out, " chapters\n"), 40u); // The number of a third stays as it is.
        CHECK(next.out.ends_with("run 1: 60 scraped, 40 with new chapters, 0 failed\n"));
        CHECK_EQ(number("SELECT COUNT(*) FROM scrapes"), 60);
        // A second scrape would have added to these.
        CHECK_EQ(number("SELECT COUNT(*) FROM manga_details WHERE anilist_id > 2 AND chapters = 100 + anilist_id % 3"),
                 58);
        CHECK_LE(count(next.err, " chapters"), 60u - static_cast<size_t>(stored));
      }
    }
  }
}

SCENARIO("a second SIGTERM cuts the round") {
  prepare();
  std::optional<program> service;
  stop_in_a_round(service, [&] {
    service->signal(SIGTERM);
    CHECK_LT(service->wait().seconds, 20.0);
  });
}

SCENARIO("a server of its own goes with the service") {
  program service{{"bato-service", "--test"}};
  CHECK(service.logs("Berserk: 364 -> 366 chapters"));
  service.signal(SIGTERM);
  auto x = service.wait();
  CHECK_EQ(x.code, 0);
  CHECK(std::filesystem::is_empty(service.folder()));
  CHECK(command_lines_with(service.folder()).empty());
}

END_FIXTURE_SCOPE()
