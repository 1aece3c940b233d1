#pragma once

#include "cenote/type_ids.hpp"

#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bato {

/// A manga: a row of `manga_details`.
struct manga_details {
  uint32_t anilist_id = 0;
  std::string title;
  std::string link; ///< Its page; empty: none.
  uint32_t chapters = 0;
  std::optional<cenote::datetime> last_scraped; ///< UTC; none: never.
  bool operator==(const manga_details&) const = default;
};

/// A round of the service: a row of `scrape_runs`.
struct scrape_run {
  cenote::datetime began; ///< UTC.
  cenote::datetime ended; ///< UTC.
  uint32_t scraped = 0;
  uint32_t updated = 0; ///< Of these, those with new chapters.
  uint32_t failed = 0;
  bool operator==(const scrape_run&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, manga_details& x) {
  return f.object(x).fields(f.field("anilist_id", x.anilist_id), f.field("title", x.title), f.field("link", x.link),
                            f.field("chapters", x.chapters), f.field("last_scraped", x.last_scraped));
}

template <class Inspector>
bool inspect(Inspector& f, scrape_run& x) {
  return f.object(x).fields(f.field("began", x.began), f.field("ended", x.ended), f.field("scraped", x.scraped),
                            f.field("updated", x.updated), f.field("failed", x.failed));
}

} // namespace bato

CAF_BEGIN_TYPE_ID_BLOCK(bato, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(bato, (bato::manga_details))
CAF_ADD_TYPE_ID(bato, (bato::scrape_run))
CAF_ADD_TYPE_ID(bato, (std::optional<bato::manga_details>))
CAF_ADD_TYPE_ID(bato, (std::vector<bato::manga_details>))
CAF_ADD_ATOM(bato, bato, find_atom)
CAF_ADD_ATOM(bato, bato, stale_atom)
CAF_ADD_ATOM(bato, bato, record_atom)
CAF_END_TYPE_ID_BLOCK(bato)

namespace bato {

/// The repository of the service. Errors are cenote's.
using repository_actor = caf::typed_actor<
    // The manga with this anilist id, if there is one.
    caf::result<std::optional<manga_details>>(caf::get_atom, uint32_t),

    // Those with the text in their title, in the order of their titles.
    caf::result<std::vector<manga_details>>(find_atom, std::string),

    // Inserts or replaces. Answers the number of rows changed: 1 for a new one, 2 for a replaced one, 0 for an
    // unchanged one.
    caf::result<uint64_t>(caf::put_atom, manga_details),

    // Those not scraped since that time (UTC), the oldest first, up to the given number.
    caf::result<std::vector<manga_details>>(stale_atom, cenote::datetime, uint32_t),

    // Records a round. Answers its number.
    caf::result<uint64_t>(record_atom, scrape_run)>;

} // namespace bato
