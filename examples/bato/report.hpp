#pragma once

#include "bato/messages.hpp"

#include <string>

namespace bato {

/// A line about a manga: `Berserk: 364 -> 366 chapters`. The title is as the database has it.
std::string to_line(const scrape_outcome& outcome);

/// The last line: `run 1: 7 scraped, 6 with new chapters, 1 failed`.
std::string to_line(const scrape_run& run);

} // namespace bato
