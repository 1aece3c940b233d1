// The repository of the Bato service, against a server.

#define CAF_SUITE bato.repository

#include "bato/repository.hpp"
#include "bato/schema.hpp"
#include "integration/bato_support.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace bato;
using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// The program's `main` belongs to all suites.
[[maybe_unused]] const auto registered = [] {
  caf::init_global_meta_objects<caf::id_block::bato>();
  return true;
}();

struct fixture : bato_fixture {
  fixture() : books{system().spawn(repository, pool)} {
    must(pool, write("DROP TABLE IF EXISTS manga_details, scrape_runs, scrapes"));
    for (auto& x : schema())
      must(pool, x);
    for (auto& x : sample_data())
      CHECK_EQ(ask<uint64_t>(caf::put_atom_v, x), 1u);
  }

  ~fixture() { caf::anon_send_exit(books, caf::exit_reason::user_shutdown); }

  template <class T, class... Ts>
  T ask(Ts... message) {
    caf::scoped_actor self{system()};
    T out{};
    self->request(books, caf::infinite, message...)
        .receive([&](const T& x) { out = x; },
                 [](const caf::error& error) { throw std::runtime_error{describe(error)}; });
    return out;
  }

  std::optional<manga_details> get(uint32_t id) { return ask<std::optional<manga_details>>(caf::get_atom_v, id); }

  std::vector<manga_details> stale(caf::timespan age, uint32_t limit) {
    return ask<std::vector<manga_details>>(stale_atom_v, age, limit);
  }

  std::optional<scrape_run> last_run() { return ask<std::optional<scrape_run>>(last_run_atom_v); }

  repository_actor books;
};

constexpr datetime noon{2024, 5, 1, 12, 0, 0, 500};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a manga is got by its id") {
  CHECK((get(30002) == sample_data()[0]));
  CHECK(!get(1));
}

SCENARIO("manga are found by a part of their title, in the order of titles") {
  auto found = ask<std::vector<manga_details>>(find_atom_v, std::string{"a"});
  REQUIRE_EQ(found.size(), 2u);
  CHECK_EQ(found[0].title, "Chainsaw Man");
  CHECK_EQ(found[1].title, "Vagabond");
  CHECK_EQ(ask<std::vector<manga_details>>(find_atom_v, std::string{"フリーレン"}).size(), 1u);
  CHECK(ask<std::vector<manga_details>>(find_atom_v, std::string{"%"}).empty());
}

SCENARIO("putting a manga again replaces it") {
  auto x = sample_data()[0];
  x.chapters = 365;
  x.last_scraped = noon;
  CHECK_EQ(ask<uint64_t>(caf::put_atom_v, x), 2u);
  CHECK_EQ(ask<uint64_t>(caf::put_atom_v, x), 0u);
  CHECK((get(x.anilist_id) == x));
}

SCENARIO("the list begins with what was never scraped, and then the oldest") {
  auto scraped = [this](uint32_t id, uint32_t hours_ago) {
    must(pool, write("UPDATE manga_details SET last_scraped = UTC_TIMESTAMP(6) - INTERVAL ? HOUR WHERE anilist_id = ?",
                     hours_ago, id));
  };
  scraped(30002, 2);
  scraped(30013, 4);
  CHECK_EQ(stale(5h, 100).size(), 6u);
  CHECK_EQ(stale(3h, 100).size(), 7u);
  auto all = stale(0s, 100);
  REQUIRE_EQ(all.size(), 8u);
  CHECK_EQ(all[0].anilist_id, 30656u);
  CHECK_EQ(all[6].anilist_id, 30013u);
  CHECK_EQ(all[7].anilist_id, 30002u);
  CHECK_EQ(stale(0s, 3).size(), 3u);
}

SCENARIO("a round has a number, and counts what was found out in it") {
  CHECK(!last_run());
  auto store = [this](const std::string& round, size_t n, std::optional<uint32_t> chapters) {
    for (auto& effect : store_scrape(round, sample_data()[n], chapters))
      must(pool, effect);
  };
  must(pool, begin_run("one"));
  must(pool, begin_run("two"));
  CHECK_EQ(last_run()->id, 2u);
  CHECK(!last_run()->ended);
  store("one", 0, 364);
  store("two", 0, 366);
  store("two", 1, 1090);
  store("two", 5, std::nullopt);
  CHECK_THROWS_AS(store("two", 0, 367), std::runtime_error); // Each manga once in a round.
  must(pool, end_run("two", 4));
  auto run = last_run();
  CHECK(run->ended.has_value());
  run->ended.reset();
  CHECK((run == scrape_run{2, "two", {}, 2, 1, 2}));
  CHECK(!ask<std::optional<scrape_run>>(caf::get_atom_v, std::string{"one"})->ended);
  CHECK(!ask<std::optional<scrape_run>>(caf::get_atom_v, std::string{"three"}));
  auto outcomes = ask<std::vector<scrape_outcome>>(outcomes_atom_v, std::string{"two"});
  REQUIRE_EQ(outcomes.size(), 3u);
  CHECK((outcomes[0] == scrape_outcome{"Berserk", 364, 366}));
  CHECK((outcomes[2] == scrape_outcome{"薬屋のひとりごと", 76, {}}));
  CHECK_EQ(get(30002)->chapters, 366u);
  CHECK(get(30002)->last_scraped.has_value());
  CHECK(!get(99022)->last_scraped);
}

END_FIXTURE_SCOPE()
