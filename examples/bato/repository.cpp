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

constexpr auto stale_sql = "SELECT " COLUMNS " FROM manga_details WHERE last_scraped IS NULL OR last_scraped < ?"
                           " ORDER BY last_scraped, anilist_id LIMIT ?";

constexpr auto record_sql = "INSERT INTO scrape_runs (began, ended, scraped, updated, failed)"
                            " VALUES (:began, :ended, :scraped, :updated, :failed)";

#undef COLUMNS

} // namespace

repository_actor::behavior_type repository(repository_actor::pointer self, const pool_actor& pool) {
  return {
      // A user waits for these: an early error is better than a late answer.
      [=](caf::get_atom, uint32_t id) { return fetch_one<manga_details>(self, pool, read(get_sql, id).within(5s)); },
      [=](find_atom, const std::string& text) {
        return fetch<manga_details>(self, pool, read(find_sql, text).within(5s));
      },
      // Scraped data is worth many attempts, and may be written twice.
      [=](caf::put_atom, const manga_details& manga) {
        return run(self, pool, idempotent_write(put_sql, manga).retried_at_most(10));
      },
      [=](stale_atom, const datetime& since, uint32_t limit) {
        return fetch<manga_details>(self, pool, read(stale_sql, since, limit).within(30s));
      },
      // A second line would be wrong: repeated only if the first has certainly not been written.
      [=](record_atom, const scrape_run& finished) {
        return query(self, pool, write(record_sql, finished), [](const result& done) { return done.last_insert_id(); });
      },
  };
}

} // namespace bato
