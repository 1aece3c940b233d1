#define CAF_SUITE jobs.migrate

#include "job_tables/schema.hpp"
#include "support/jobs_fixture.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <thread>

using namespace cenote;
using namespace cenote::test;

namespace {

struct migrate_fixture : jobs_fixture {
  /// The tables of an earlier version, as the program of then has made them.
  void begin_with(uint32_t version) {
    must(admin(), write("DROP TABLE IF EXISTS cenote_job, cenote_job_node, cenote_job_limit, cenote_job_batch, "
                        "cenote_job_periodic, cenote_job_migration"));
    must(admin(), job_tables::create_migration_table());
    for (auto& step : job_tables::migrations())
      if (step.version <= version) {
        apply(step);
        must(admin(), job_tables::note_migration(step));
      }
  }

  void apply(const job_tables::migration& step) {
    for (auto& change : step.statements)
      must(admin(), change);
  }

  int64_t version() { return number("SELECT MAX(version) FROM cenote_job_migration"); }
};

const auto latest = job_tables::current_version();

} // namespace

BEGIN_FIXTURE_SCOPE(migrate_fixture)

SCENARIO("tables of every earlier version are brought to the latest one, with their jobs") {
  for (uint32_t earlier = 1; earlier < latest; ++earlier) {
    GIVEN("tables of an earlier version with a job") {
      begin_with(earlier);
      CHECK_EQ(version(), static_cast<int64_t>(earlier));
      auto work = make_job(count_up{static_cast<int>(earlier)});
      must(admin(), enqueue(work));
      WHEN("they are migrated") {
        auto report = migrate_jobs(system(), admin());
        THEN("each step is carried out once, and the job is done") {
          CHECK_EQ(report.before, earlier);
          CHECK_EQ(report.after, latest);
          CHECK_EQ(report.steps.size(), size_t{latest - earlier});
          CHECK_EQ(version(), static_cast<int64_t>(latest));
          CHECK(migrate_jobs(system(), admin()).steps.empty());
          auto queue = start_queue();
          handle<count_up>(queue, [](auto&, auto&) { return job_done(); });
          CHECK(must_queue<job_status>(queue, await_atom_v, work.id).state == job_state::done);
        }
      }
    }
  }
}

SCENARIO("a migration that was interrupted is continued") {
  for (auto& step : job_tables::migrations()) {
    GIVEN("tables of which one step was made, but not noted") {
      begin_with(step.version - 1);
      apply(step);
      WHEN("they are migrated") {
        auto report = migrate_jobs(system(), admin());
        THEN("they have the latest version") {
          CHECK_EQ(report.before, step.version - 1);
          CHECK_EQ(version(), static_cast<int64_t>(latest));
        }
      }
    }
  }
}

SCENARIO("of two programs that migrate at the same time, one does") {
  GIVEN("a database without the tables") {
    begin_with(0);
    must(admin(), write("DROP TABLE cenote_job_migration"));
    auto other = start_pool(server.settings(), rules_for(2));
    WHEN("two of them begin") {
      job_migration_report second;
      std::thread thread{[&] { second = migrate_jobs(system(), other); }};
      auto first = migrate_jobs(system(), admin());
      thread.join();
      THEN("the steps are carried out once") {
        CHECK_EQ(first.steps.size() + second.steps.size(), size_t{latest});
        CHECK_EQ(version(), static_cast<int64_t>(latest));
      }
    }
  }
}

END_FIXTURE_SCOPE()
