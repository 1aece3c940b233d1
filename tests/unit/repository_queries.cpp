// The helpers for repositories, in an actor that uses them all.

#define CAF_SUITE repository.queries

#include "cenote/repository.hpp"
#include "cenote/testing/scripted_pool.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using cenote::testing::changed;
using cenote::testing::rows;
using cenote::testing::scripted_pool;
using cenote::testing::table;

struct book {
  uint32_t id = 0;
  std::optional<std::string> title;
  bool operator==(const book&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, book& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("title", x.title));
}

CAF_BEGIN_TYPE_ID_BLOCK(repository_test, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(repository_test, (book))
CAF_ADD_TYPE_ID(repository_test, (std::optional<book>))
CAF_ADD_TYPE_ID(repository_test, (std::vector<book>))
CAF_END_TYPE_ID_BLOCK(repository_test)

namespace {

/// The program's `main` belongs to all suites.
[[maybe_unused]] const auto registered = [] {
  caf::init_global_meta_objects<caf::id_block::repository_test>();
  return true;
}();

using shelf_actor =
    caf::typed_actor<caf::result<std::vector<book>>(caf::get_atom),
                     caf::result<std::optional<book>>(caf::get_atom, uint32_t),
                     caf::result<uint64_t>(caf::put_atom, book), caf::result<uint64_t>(caf::put_atom, book, book),
                     caf::result<std::string>(caf::ok_atom)>;

shelf_actor::behavior_type shelf(shelf_actor::pointer self, const pool_actor& pool) {
  return {
      [=](caf::get_atom) { return fetch<book>(self, pool, read("SELECT all")); },
      [=](caf::get_atom, uint32_t id) { return fetch_one<book>(self, pool, read("SELECT one", id)); },
      [=](caf::put_atom, const book& x) { return run(self, pool, idempotent_write("REPLACE", x)); },
      [=](caf::put_atom, const book& x, const book& y) {
        return run(self, pool, all_or_nothing(write("INSERT", x), write("INSERT", y)));
      },
      [=](caf::ok_atom) {
        return query(self, pool, write("RETURNING"), [](const result& x) { return x[0].get<std::string>("title"); });
      },
  };
}

struct fixture : test_coordinator_fixture<> {
  ~fixture() override { caf::anon_send_exit(under_test, caf::exit_reason::user_shutdown); }

  /// The answer to a message, or why there is none.
  template <class T, class... Ts>
  std::variant<T, failure> ask(Ts... xs) {
    std::optional<std::variant<T, failure>> out;
    sys.spawn([&, this](caf::event_based_actor* caller) {
      caller->request(under_test, caf::infinite, xs...)
          .then([&](const T& x) { out = x; }, [&](const caf::error& error) { out = details(error); });
    });
    run();
    return out.value();
  }

  template <class T, class... Ts>
  T must(Ts... xs) {
    auto out = ask<T>(std::move(xs)...);
    if (auto error = std::get_if<failure>(&out))
      CAF_FAIL(to_string(*error));
    return std::get<T>(out);
  }

  scripted_pool pool{sys};
  shelf_actor under_test = sys.spawn(shelf, pool.handle());
};

failure deadlock() {
  failure out;
  out.code = errc::deadlock;
  out.outcome = outcome::rolled_back;
  out.number = 1213;
  return out;
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("fetch answers with all rows") {
  GIVEN("a table with two rows, and an empty one") {
    std::vector<book> both{{1, "Akira"}, {2, std::nullopt}};
    pool.answer("all", rows(both)).answer("all", rows<book>({}));
    WHEN("the rows are asked for") {
      THEN("they come as structs") {
        CHECK(must<std::vector<book>>(caf::get_atom_v) == both);
        CHECK(must<std::vector<book>>(caf::get_atom_v).empty());
        CHECK_EQ(pool.complaint(), "");
      }
    }
  }
}

SCENARIO("fetch_one answers with the first row or nothing") {
  GIVEN("a table with a row") {
    pool.answer("one", rows<book>({{7, "Nana"}})).answer("one", rows<book>({}));
    WHEN("a row that is there and one that is not are asked for") {
      auto found = must<std::optional<book>>(caf::get_atom_v, uint32_t{7});
      auto nothing = must<std::optional<book>>(caf::get_atom_v, uint32_t{8});
      THEN("the first comes") {
        CHECK((found == book{7, "Nana"}));
        CHECK(!nothing);
        CHECK((pool.seen()[1].params == std::vector<value>{uint64_t{8}}));
      }
    }
  }
}

SCENARIO("run answers with the number of rows changed") {
  GIVEN("writes that change rows") {
    pool.answer("REPLACE", changed(2)).answer("INSERT", changed(1)).answer("INSERT", changed(1));
    WHEN("they are made alone and in a transaction") {
      THEN("the numbers come, for the transaction their sum") {
        CHECK_EQ(must<uint64_t>(caf::put_atom_v, book{1, "a"}), 2u);
        CHECK_EQ(must<uint64_t>(caf::put_atom_v, book{1, "a"}, book{2, "b"}), 2u);
        CHECK_EQ(pool.complaint(), "");
      }
    }
  }
}

SCENARIO("errors are passed on as they are") {
  GIVEN("a statement and a transaction that fail") {
    pool.fail("all", deadlock()).answer("INSERT", changed(1)).fail("INSERT", deadlock());
    WHEN("the repository is asked") {
      auto one = ask<std::vector<book>>(caf::get_atom_v);
      auto both = ask<uint64_t>(caf::put_atom_v, book{1, "a"}, book{2, "b"});
      THEN("the caller gets the failure") {
        CHECK(std::get<failure>(one) == deadlock());
        CHECK_EQ(std::get<failure>(both).statement_index, 1u);
      }
    }
  }
}

SCENARIO("a result that cannot be read is an error, and the repository lives on") {
  GIVEN("a read and a write whose rows lack a column") {
    auto wrong = table({"name"}, {{"Akira"}});
    pool.answer("all", wrong).answer("RETURNING", wrong).answer("all", rows<book>({}));
    WHEN("the repository is asked") {
      auto of_read = std::get<failure>(ask<std::vector<book>>(caf::get_atom_v));
      auto of_write = std::get<failure>(ask<std::string>(caf::ok_atom_v));
      THEN("the error names the column, and a write may have been carried out") {
        CHECK_EQ(of_read.code, errc::invalid_statement);
        CHECK_EQ(of_read.outcome, outcome::rejected);
        CHECK(of_read.text.find("id") != std::string::npos);
        CHECK_EQ(of_write.outcome, outcome::unknown);
        CHECK(of_write.text.find("title") != std::string::npos);
        CHECK(must<std::vector<book>>(caf::get_atom_v).empty());
      }
    }
  }
}

SCENARIO("a pool that has ended is an error for the caller") {
  GIVEN("a repository whose pool has ended") {
    caf::anon_send_exit(pool.handle(), caf::exit_reason::kill);
    run();
    WHEN("it is asked") {
      auto error = std::get<failure>(ask<std::vector<book>>(caf::get_atom_v));
      THEN("the caller learns it") {
        CHECK_EQ(error.code, errc::shutting_down);
      }
    }
  }
}

END_FIXTURE_SCOPE()
