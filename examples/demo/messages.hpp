#pragma once

#include "cenote/type_ids.hpp"

#include <caf/type_id.hpp>

#include <cstdint>
#include <map>

namespace demo {

/// The writes that were acknowledged to a scraper: all of them must be in the database at the end.
struct ledger {
  uint32_t scraper = 0;
  /// The last acknowledged number of chapters of each manga that only this scraper writes, by anilist id.
  std::map<uint32_t, uint32_t> chapters;
  /// Entries 1 to `entries` of the scraper's log were acknowledged.
  uint32_t entries = 0;

  // How unknown outcomes turned out.
  uint32_t found_done = 0; ///< It had been carried out.
  uint32_t repeated = 0;   ///< It had not.
};

template <class Inspector>
bool inspect(Inspector& f, ledger& x) {
  return f.object(x).fields(f.field("scraper", x.scraper), f.field("chapters", x.chapters),
                            f.field("entries", x.entries), f.field("found-done", x.found_done),
                            f.field("repeated", x.repeated));
}

} // namespace demo

CAF_BEGIN_TYPE_ID_BLOCK(demo, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(demo, (demo::ledger))
CAF_ADD_ATOM(demo, demo, go_atom)
CAF_ADD_ATOM(demo, demo, finish_atom)
CAF_END_TYPE_ID_BLOCK(demo)
