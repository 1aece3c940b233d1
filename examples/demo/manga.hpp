#pragma once

#include "cenote/statement.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace demo {

/// A row of the table `manga`.
struct manga {
  uint32_t anilist_id = 0;
  std::string title;
  std::string link;
  uint32_t chapters = 0;
};

/// Makes `n` of them, always the same ones.
std::vector<manga> make_manga(size_t n);

/// The statements that create the tables: `manga`, and `scrape_log`, to which every scrape adds a line. Nothing in the
/// log's definition keeps a line from being added twice: that is left to the scrapers.
std::vector<cenote::statement> make_tables();

/// The statements that load the rows, some hundred at a time.
std::vector<cenote::statement> load(const std::vector<manga>& rows);

/// The clock's time in UTC.
cenote::datetime now_utc();

} // namespace demo
