// A template: tests a repository without a server, in CAF's test framework and in virtual time.
//   repository_test

#define CAF_TEST_NO_MAIN
#define CAF_SUITE library

#include "repository.hpp"

#include <cenote/pool.hpp>
#include <cenote/testing/scripted_pool.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>

#include <caf/test/unit_test.hpp>
#include <caf/test/unit_test_impl.hpp>

#include <caf/test/bdd_dsl.hpp> // last: it defines words such as `expect`

namespace script = cenote::testing;

namespace {

struct fixture : test_coordinator_fixture<> {
  ~fixture() override { caf::anon_send_exit(books, caf::exit_reason::user_shutdown); }

  // What the repository answers to a message.
  template <class Answer, class... Ts>
  cenote::failure ask(Answer& out, Ts... message) {
    cenote::failure reason;
    sys.spawn([&](caf::event_based_actor* caller) {
      caller->request(books, caf::infinite, message...)
          .then([&](const Answer& answer) { out = answer; },
                [&](const caf::error& err) { reason = cenote::details(err); });
    });
    run(); // until all actors are idle
    return reason;
  }

  script::scripted_pool pool{sys};
  library_actor books = sys.spawn(library, pool.handle());
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a manga that is there is found") {
  GIVEN("a table with one") {
    pool.answer("FROM library WHERE id", script::rows<manga>({{42, "Akira", 120}}));
    WHEN("it is asked for") {
      std::optional<manga> found;
      ask(found, caf::get_atom_v, uint32_t{42});
      THEN("it comes, and the statement had its id and a time limit") {
        REQUIRE(found);
        CHECK_EQ(found->title, "Akira");
        CHECK_EQ(pool.complaint(), "");
        CHECK(pool.seen()[0].params[0] == cenote::to_value(42u));
        CHECK(pool.seen()[0].timeout == std::chrono::seconds{2});
      }
    }
  }
}

SCENARIO("a write that must not run twice is marked as such") {
  GIVEN("a database that loses connections") {
    cenote::failure lost;
    lost.code = cenote::errc::connection_lost;
    lost.outcome = cenote::outcome::unknown;
    pool.fail("UPDATE library", lost);
    WHEN("a chapter is added") {
      uint64_t changed = 0;
      auto reason = ask(changed, add_chapter_atom_v, uint32_t{42});
      THEN("the caller learns that it may have been added, and a retrier would not do it again") {
        CHECK(reason.outcome == cenote::outcome::unknown);
        CHECK(pool.seen()[0].kind == cenote::statement_kind::write);
      }
    }
  }
}

END_FIXTURE_SCOPE()

int main(int argc, char** argv) {
  cenote::init();
  caf::init_global_meta_objects<caf::id_block::library>();
  return caf::test::main(argc, argv);
}
