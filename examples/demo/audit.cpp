#include "demo/audit.hpp"

#include "demo/ask.hpp"

#include <map>

namespace demo {

using namespace cenote;

namespace {

/// The lines of one scraper in the log.
struct log_lines {
  uint64_t all = 0;
  uint64_t promised = 0; ///< Different entries among those that were acknowledged, with the right content.
};

uint64_t count_wrong_rows(const result& rows, const std::vector<ledger>& promises) {
  std::map<uint32_t, uint32_t> found;
  for (auto row : rows)
    found[row.get<uint32_t>("anilist_id")] = row.get<uint32_t>("chapters");
  uint64_t wrong = 0;
  for (auto& promise : promises)
    for (auto [id, chapters] : promise.chapters)
      if (auto row = found.find(id); row == found.end() || row->second != chapters)
        ++wrong;
  return wrong;
}

} // namespace

classification audit(caf::actor_system& sys, const pool_actor& pool, const std::vector<ledger>& promises) {
  auto run = [&](statement query) { return ask<result>(sys, pool, execute_atom_v, std::move(query)); };
  classification out;
  out.lost = count_wrong_rows(run(read("SELECT anilist_id, chapters FROM manga")), promises);
  std::map<uint32_t, log_lines> logs;
  for (auto row : run(read("SELECT scraper, COUNT(*) AS n FROM scrape_log GROUP BY scraper")))
    logs[row.get<uint32_t>("scraper")].all = row.get<uint64_t>("n");
  for (auto& promise : promises) {
    auto& found = logs[promise.scraper];
    found.promised = run(read("SELECT COUNT(DISTINCT entry) FROM scrape_log"
                              " WHERE scraper = ? AND entry BETWEEN 1 AND ? AND chapters = entry",
                              promise.scraper, promise.entries))[0]
                         .get<uint64_t>(0);
    out.lost += promise.entries - found.promised;
    out.doubled += found.all - found.promised;
  }
  return out;
}

} // namespace demo
