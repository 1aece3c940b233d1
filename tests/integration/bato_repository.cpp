// The repository of the Bato service, against a server.

#define CAF_SUITE bato.repository

#include "bato/repository.hpp"
#include "bato/schema.hpp"
#include "bato/scrape.hpp"
#include "integration/bato_support.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace bato;
using namespace cenote;
using namespace cenote::test;

namespace {

/// The program's `main` belongs to all suites.
[[maybe_unused]] const auto registered = [] {
  caf::init_global_meta_objects<caf::id_block::bato>();
  return true;
}();

struct fixture : bato_fixture {
  fixture() : books{system().spawn(repository, pool)} {
    must(pool, write("DROP TABLE IF EXISTS manga_details, scrape_runs"));
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

  std::vector<manga_details> stale(datetime since, uint32_t limit) {
    return ask<std::vector<manga_details>>(stale_atom_v, since, limit);
  }

  repository_actor books;
};

constexpr datetime noon{2024, 5, 1, 12, 0, 0, 500};
constexpr datetime evening{2024, 5, 1, 18, 0, 0, 0};

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
  auto scraped = [this](size_t n, datetime when) {
    auto x = sample_data()[n];
    x.last_scraped = when;
    ask<uint64_t>(caf::put_atom_v, x);
  };
  scraped(0, evening);
  scraped(1, noon);
  CHECK_EQ(stale(noon, 100).size(), 6u); // Not before noon: that is the limit itself.
  auto all = stale({2024, 5, 2}, 100);
  REQUIRE_EQ(all.size(), 8u);
  CHECK_EQ(all[0].anilist_id, 30656u);
  CHECK_EQ(all[6].anilist_id, 30013u);
  CHECK_EQ(all[7].anilist_id, 30002u);
  CHECK_EQ(stale({2024, 5, 2}, 3).size(), 3u);
}

SCENARIO("runs are numbered and recorded") {
  scrape_run x{noon, evening, 7, 5, 1};
  CHECK_EQ(ask<uint64_t>(record_atom_v, x), 1u);
  CHECK_EQ(ask<uint64_t>(record_atom_v, x), 2u);
  auto rows = must(pool, read("SELECT * FROM scrape_runs")).as<scrape_run>();
  REQUIRE_EQ(rows.size(), 2u);
  CHECK((rows[1] == x));
}

SCENARIO("times of the system's clock are UTC to the microsecond") {
  using namespace std::chrono;
  auto leap_day = sys_days{2024y / February / 29} + hours{23} + minutes{59} + seconds{58} + microseconds{7};
  CHECK((to_datetime(time_point_cast<system_clock::duration>(leap_day)) == datetime{2024, 2, 29, 23, 59, 58, 7}));
}

END_FIXTURE_SCOPE()
