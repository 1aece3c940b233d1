#define CAF_SUITE jobs.plans

#include "job_tables/operators.hpp"
#include "job_tables/rows.hpp"
#include "job_tables/statements.hpp"
#include "support/jobs_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

struct plans_fixture : jobs_fixture {
  plans_fixture() : user{system(), start_pool(server.settings(), rules_for(2))}, session{user.checkout()} {
    // Each kind of job that a search must not look at, many times.
    fill("wanted", job_state::done, 30'000);
    fill("wanted", job_state::scheduled, 30'000);
    fill("wanted", job_state::discarded, 10'000);
    fill("unknown", job_state::waiting, 30'000);
    fill("wanted", job_state::waiting, 30'000);
    must(admin(), read("ANALYZE TABLE cenote_job"));
  }

  void fill(const std::string& kind, job_state state, int count) {
    // Scheduled ones are due in an hour, waiting ones since an hour.
    auto hour = state == job_state::scheduled ? 3'600'000'000 : -3'600'000'000;
    must(
        admin(),
        write("INSERT INTO cenote_job (id, queue, kind, state, place, priority, max_attempts, created_at, run_at, "
              "time_limit, backoff_first, backoff_longest, payload) SELECT UNHEX(MD5(CONCAT(?, ?, seq))), 'default', "
              "?, ?, "
              "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) + ? + seq, 0, 20, 0, 0, 1000000, 1000, 1000, "
              "'{}' FROM seq_1_to_30000 WHERE seq <= ?",
              kind, static_cast<int>(state), kind, static_cast<int>(state), hour, count));
  }

  job_tables::claim_order order(size_t count, std::vector<std::string> kinds = {"wanted"}) {
    return {"default", std::move(kinds), count, ++claims, "somebody", true};
  }

  /// How many rows and index entries the session has read so far.
  int64_t read_so_far() {
    int64_t sum = 0;
    for (auto row : user.must(session, read("SHOW SESSION STATUS LIKE 'Handler_read%'")))
      if (row.text(0).find("_rnd") == std::string_view::npos) // Of temporary tables.
        sum += std::stoll(std::string{row.text(1)});
    return sum;
  }

  int64_t rows_read(const std::vector<statement>& statements) {
    auto before = read_so_far();
    for (auto& one : statements)
      user.must(session, one);
    return read_so_far() - before;
  }

  session_user user;
  session_id session;
  int64_t claims = 0;
};

} // namespace

BEGIN_FIXTURE_SCOPE(plans_fixture)

SCENARIO("searches read as many rows as they find, however many others there are") {
  GIVEN("130000 jobs in all states") {
    user.begin(session, {isolation::read_committed, false});
    THEN("a claim reads a few rows for each job that it takes") {
      auto rows = rows_read(job_tables::claim(order(10)));
      CHECK_LE(rows, 100);
      auto taken = job_tables::read_claimed(user.must(session, job_tables::claimed(order(10))));
      CHECK(taken.empty()); // Another claim's number.
      CHECK_LE(rows_read(job_tables::claim(order(10, {"unheard-of", "wanted"}))), 150);
    }
    THEN("so do the look, the search for lost jobs, and the removal of old ones") {
      std::vector<std::string> kinds{"wanted", "unheard-of"};
      CHECK_LE(rows_read({job_tables::look("default", kinds)}), 40);
      CHECK_LE(rows_read({job_tables::abandoned()}), 80);
      CHECK_LE(rows_read({job_tables::queues_and_kinds()}), 20);
      CHECK_LE(rows_read({job_tables::count_running("default")}), 40);
      CHECK_LE(rows_read(job_tables::remove_old("default", "wanted", job_state::cancelled, 1h)), 20);
    }
    THEN("so does what operators ask for") {
      std::vector<job_tables::queue_and_kind> pairs{{"default", "wanted"}, {"default", "unheard-of"}};
      job_tables::job_filter filter;
      filter.queue = "default";
      // Ten of each of seven states, and those once more that are shown.
      CHECK_LE(rows_read({job_tables::list(filter, pairs, 10)}), 250);
      CHECK_LE(rows_read({job_tables::pick(filter, pairs, 10)}), 250);
      filter.states = {job_state::waiting};
      CHECK_LE(rows_read({job_tables::list(filter, pairs, 10)}), 60);
      job_id first;
      CHECK_LE(rows_read({job_tables::find_between(first, first, 10), job_tables::terms(first)}), 10);
      // A count reads what it counts, at most as many as it is told.
      CHECK_LE(rows_read({job_tables::count(pairs, 100, 10)}), 500);
      CHECK_LE(rows_read({job_tables::all_limits(), job_tables::nodes()}), 10);
    }
    THEN("no plan has a sort of jobs") {
      auto all = job_tables::claim(order(10, {"unheard-of", "wanted"}));
      all.push_back(job_tables::look("default", std::vector<std::string>{"wanted"}));
      all.push_back(job_tables::abandoned());
      for (auto& query : all) {
        query.sql = "EXPLAIN " + query.sql;
        for (auto row : user.must(session, query)) {
          if (row.get<std::optional<std::string>>("table").value_or("") != "cenote_job"
              && row.get<std::optional<std::string>>("table").value_or("") != "j")
            continue;
          CHECK_NE(row.text(row.index_of("type")), "ALL");
          CHECK_NE(row.text(row.index_of("type")), "index");
        }
      }
    }
    user.ask_rollback(session);
  }
}

SCENARIO("two nodes that claim at once get different jobs, and neither waits") {
  GIVEN("a claim that has not been committed") {
    user.begin(session, {isolation::read_committed, false});
    auto first_order = order(5);
    for (auto& one : job_tables::claim(first_order))
      user.must(session, one);
    WHEN("another one is made") {
      session_user other_user{system(), start_pool(server.settings(), rules_for(1))};
      auto other = other_user.checkout();
      other_user.must(other, write("SET SESSION innodb_lock_wait_timeout = 1"));
      other_user.begin(other, {isolation::read_committed, false});
      auto second_order = order(5);
      for (auto& one : job_tables::claim(second_order))
        other_user.must(other, one);
      auto second = job_tables::read_claimed(other_user.must(other, job_tables::claimed(second_order)));
      auto first = job_tables::read_claimed(user.must(session, job_tables::claimed(first_order)));
      THEN("it has others, the next ones") {
        CHECK_EQ(first.size(), 5u);
        CHECK_EQ(second.size(), 5u);
        for (auto& one : first)
          for (auto& two : second)
            CHECK_NE(one.id, two.id);
        CHECK_EQ(other_user
                     .must(other, read("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_locked > "
                                       "60"))[0]
                     .get<int>(0),
                 0);
      }
      THEN("and jobs can be submitted meanwhile") {
        auto pool = start_pool(server.settings(), rules_for(1));
        CHECK(run(pool, enqueue(make_job(count_up{1}))));
        auto same_kind = make_job(count_up{2});
        same_kind.kind = "wanted";
        CHECK(run(pool, enqueue(same_kind).within(5s)));
      }
    }
  }
}

SCENARIO("of a small table no more is read and locked than of a large one") {
  GIVEN("three jobs") {
    must(admin(), write("DELETE FROM cenote_job"));
    fill("wanted", job_state::waiting, 3);
    must(admin(), read("ANALYZE TABLE cenote_job"));
    THEN("a claim finds its jobs by the primary key") {
      for (auto& query : job_tables::claim(order(2))) {
        query.sql = "EXPLAIN " + query.sql;
        for (auto row : user.must(session, query)) {
          MESSAGE(query.sql);
          CHECK(row.get<std::optional<std::string>>("table") != "j" || row.text(row.index_of("type")) == "eq_ref");
        }
      }
    }
  }
}

END_FIXTURE_SCOPE()
