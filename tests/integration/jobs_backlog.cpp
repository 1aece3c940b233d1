#define CAF_SUITE jobs.backlog

#include "support/jobs_fixture.hpp"

#include <algorithm>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

BEGIN_FIXTURE_SCOPE(jobs_fixture)

SCENARIO("nodes whose effects take long keep their leases, and claim no more than they can end") {
  GIVEN("two nodes with 4 connections each, whose handlers answer at once with effects of 50 ms") {
    auto first = start_queue();
    auto second = start_queue();
    for (auto& queue : {first, second})
      handle<count_up>(queue, [](auto& work, auto&) {
        return job_done(write("INSERT INTO done SELECT ?, SLEEP(0.05)", work.number));
      });
    WHEN("more jobs are submitted than a node can end within its lease") {
      std::vector<job> works;
      for (auto i = 0; i < 500; ++i)
        works.push_back(make_job(count_up{i}));
      must_queue<std::vector<job_id>>(first, submit_atom_v, works);
      size_t most = 0;
      CHECK(eventually([&] {
        for (auto& queue : {first, second}) {
          auto now = must_queue<job_queue_status>(queue, status_atom_v);
          most = std::max<size_t>(most, now.running + now.ending);
        }
        return number("SELECT COUNT(*) FROM done") >= 500;
      }));
      THEN("none of them is taken for lost") {
        CHECK_EQ(number("SELECT COUNT(*) FROM cenote_job WHERE attempt = 1 AND error IS NULL"), 500);
        CAF_CHECK_LESS_OR_EQUAL(most, 2u * job_queue_settings{}.max_running);
      }
    }
  }
}

END_FIXTURE_SCOPE()
