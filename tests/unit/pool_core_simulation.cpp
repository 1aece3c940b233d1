#define CAF_SUITE pool.core_simulation

#include "support/core_world.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

SCENARIO("whatever happens, the pool keeps its rules and answers every request exactly once") {
  GIVEN("four hundred worlds of random rules, callers, connections and servers") {
    core_world::tally all;
    std::vector<std::string> problems;
    WHEN("thousands of events happen in each, and the pool is drained then") {
      for (uint32_t seed = 1; seed <= 400; ++seed) {
        core_world x{seed};
        if (auto problem = x.run(2500); !problem.empty())
          problems.push_back("seed " + std::to_string(seed) + ": " + problem);
        all.grants += x.done().grants;
        all.generations += x.done().generations;
        all.looks += x.done().looks;
        all.limits += x.done().limits;
        all.connects_elsewhere += x.done().connects_elsewhere;
        all.shared += x.done().shared;
        all.passed += x.done().passed;
        all.requeued += x.done().requeued;
        all.retired += x.done().retired;
        all.first += x.done().first;
        for (auto [code, count] : x.done().failures)
          all.failures[code] += count;
      }
      THEN("nothing was wrong in any of them, and everything that can happen has happened often") {
        CHECK_EQ(problems, std::vector<std::string>{});
        CHECK_GT(all.grants, 100'000u);
        CHECK_GT(all.generations, 5'000u);
        CHECK_GT(all.looks, 100u);
        CHECK_GT(all.limits, 200u);
        CHECK_GT(all.connects_elsewhere, 10'000u);
        CHECK_GT(all.shared, 10'000u);
        CHECK_GT(all.passed, 500u);
        CHECK_GT(all.requeued, 100u);
        CHECK_GT(all.retired, 200u);
        CHECK_GT(all.first, 1'000u);
        for (auto code :
             {errc::acquire_timeout, errc::queue_full, errc::shutting_down, errc::connect_failed, errc::server_full,
              errc::read_only_server, errc::login_refused, errc::circuit_open, errc::overloaded})
          CHECK_GT(all.failures[code], 50u);
      }
    }
  }
}
