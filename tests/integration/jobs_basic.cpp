#define CAF_SUITE jobs.basic

#include "support/jobs_fixture.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

struct basic_fixture : jobs_fixture {
  /// A handler that notes each job in the same transaction.
  void note_all(const job_queue& queue) {
    handle<count_up>(queue, [](auto& work, auto& context) {
      return job_done(write("INSERT INTO done VALUES (?, ?)", work.number, context.attempt)).with_result("{\"n\": 1}");
    });
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(basic_fixture)

SCENARIO("a job is stored, done, and its end is told to those who await it") {
  GIVEN("a queue with a handler") {
    auto queue = start_queue();
    note_all(queue);
    WHEN("a job is submitted") {
      auto work = make_job(count_up{7});
      auto id = must_queue<job_id>(queue, submit_atom_v, work);
      CHECK_EQ(id, work.id);
      auto ended = must_queue<job_status>(queue, await_atom_v, id);
      THEN("its effect and its end are there together") {
        CHECK(ended.state == job_state::done);
        CHECK_EQ(ended.result, "{\"n\": 1}");
        CHECK_EQ(ended.attempt, 1u);
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 7"), 1);
      }
    }
    WHEN("the same job is submitted again") {
      auto work = make_job(count_up{8});
      auto id = must_queue<job_id>(queue, submit_atom_v, work);
      must_queue<job_status>(queue, await_atom_v, id);
      CHECK_EQ(must_queue<job_id>(queue, submit_atom_v, work), id);
      THEN("it is not done twice") {
        CHECK_EQ(number("SELECT COUNT(*) FROM cenote_job WHERE payload LIKE '%8%'"), 1);
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 8"), 1);
      }
    }
    WHEN("many jobs are submitted at once") {
      std::vector<job> works;
      for (auto i = 0; i < 1200; ++i)
        works.push_back(make_job(count_up{1000 + i}));
      auto ids = must_queue<std::vector<job_id>>(queue, submit_atom_v, works);
      CHECK_EQ(ids.size(), 1200u);
      THEN("each is done once") {
        CHECK(eventually([&] { return number("SELECT COUNT(*) FROM done WHERE number >= 1000") >= 1200; }));
        CHECK_EQ(number("SELECT COUNT(DISTINCT number) FROM done WHERE number >= 1000"), 1200);
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number >= 1000"), 1200);
      }
    }
  }
}

END_FIXTURE_SCOPE()
