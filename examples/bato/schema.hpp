#pragma once

#include "bato/messages.hpp"
#include "cenote/statement.hpp"

#include <vector>

namespace bato {

/// Creates the tables that are not there yet.
std::vector<cenote::statement> schema();

/// For `--test`: some manga that have never been scraped, one of them without a link.
std::vector<manga_details> sample_data();

} // namespace bato
