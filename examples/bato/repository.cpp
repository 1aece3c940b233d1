#include "bato/repository.hpp"

#include "cenote/repository.hpp"

#include <chrono>

namespace bato {

using namespace cenote;
using namespace std::chrono_literals;

namespace {

#define COLUMNS "anilist_id, title, link, chapters, last_scraped"

constexpr auto get_sql = "SELECT " COLUMNS " FROM manga_details WHERE anilist_id = ?";

constexpr auto find_sql = "SELECT " COLUMNS " FROM manga_details WHERE LOCATE(?, title) ORDER BY title";

constexpr auto put_sql = "INSERT INTO manga_details (" COLUMNS ")"
                         " VALUES (:anilist_id, :title, :link, :chapters, :last_scraped)"
                         " ON DUPLICATE KEY UPDATE title = :title, link = :link, chapters = :chapters,"
                         " last_scraped = :last_scraped";

constexpr auto stale_sql = "SELECT " COLUMNS " FROM manga_details"
                           " WHERE last_scraped IS NULL OR last_scraped < UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND"
                           " ORDER BY last_scraped, anilist_id LIMIT ?";

#define RUN "SELECT id, round, ended, scraped, updated, failed FROM scrape_runs "

constexpr auto last_run_sql = RUN "ORDER BY id DESC LIMIT 1";

constexpr auto get_run_sql = RUN "WHERE round = ?";

constexpr auto outcomes_sql = "SELECT title, chapters_before, chapters_after FROM scrapes"
                              " JOIN manga_details USING (anilist_id) WHERE round = ? ORDER BY anilist_id";

#undef RUN
#undef COLUMNS

} // namespace

repository_actor::behavior_type repository(repository_actor::pointer self, const pool_actor& pool) {
  return {
      // A user waits for these: an early error is better than a late answer.
      [=](caf::get_atom, uint32_t id) { return fetch_one<manga_details>(self, pool, read(get_sql, id).within(5s)); },
      [=](find_atom, const std::string& text) {
        return fetch<manga_details>(self, pool, read(find_sql, text).within(5s));
      },
      [=](caf::put_atom, const manga_details& manga) {
        return run(self, pool, idempotent_write(put_sql, manga).retried_at_most(10));
      },
      [=](stale_atom, caf::timespan age, uint32_t limit) {
        auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(age).count();
        return fetch<manga_details>(self, pool, read(stale_sql, microseconds, limit).within(30s));
      },
      [=](last_run_atom) { return fetch_one<scrape_run>(self, pool, read(last_run_sql).within(30s)); },
      [=](caf::get_atom, const std::string& round) {
        return fetch_one<scrape_run>(self, pool, read(get_run_sql, round).within(30s));
      },
      [=](outcomes_atom, const std::string& round) {
        return fetch<scrape_outcome>(self, pool, read(outcomes_sql, round).within(30s));
      },
  };
}

statement begin_run(const std::string& round) {
  return write("INSERT INTO scrape_runs (round, began) VALUES (?, UTC_TIMESTAMP(6))", round);
}

std::vector<statement> store_scrape(const std::string& round, const manga_details& manga,
                                    std::optional<uint32_t> chapters) {
  std::vector<statement> effects{
      write("INSERT INTO scrapes VALUES (?, ?, ?, ?)", round, manga.anilist_id, manga.chapters, chapters)};
  if (chapters)
    effects.push_back(write("UPDATE manga_details SET chapters = ?, last_scraped = UTC_TIMESTAMP(6)"
                            " WHERE anilist_id = ?",
                            *chapters, manga.anilist_id));
  return effects;
}

statement end_run(const std::string& round, uint32_t planned) {
  // COUNT leaves out what is NULL.
  return write("UPDATE scrape_runs JOIN (SELECT COUNT(chapters_after) AS found,"
               " COUNT(IF(chapters_after <> chapters_before, 1, NULL)) AS changed FROM scrapes WHERE round = ?) x"
               " SET ended = UTC_TIMESTAMP(6), scraped = found, updated = changed, failed = ? - found"
               " WHERE round = ?",
               round, planned, round);
}

} // namespace bato
