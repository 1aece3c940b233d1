#pragma once

#include "cenote/type_ids.hpp"

#include <caf/timespan.hpp>
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
  uint64_t id = 0;
  std::string round;                     ///< Its key: the id of the job that ends it.
  std::optional<cenote::datetime> ended; ///< UTC; none: it is under way.
  uint32_t scraped = 0;
  uint32_t updated = 0; ///< Of these, those with new chapters.
  uint32_t failed = 0;
  bool operator==(const scrape_run&) const = default;
};

/// What a round has found out about a manga: a row of `scrapes`, with the title.
struct scrape_outcome {
  std::string title;
  uint32_t before = 0;           ///< Chapters.
  std::optional<uint32_t> after; ///< None: its page cannot be read.
  bool operator==(const scrape_outcome&) const = default;
};

// -- jobs ------------------------------------------------------------------------------

/// Begins a round, unless one is under way: a `scrape_manga` for each manga that was not scraped for some time, and
/// `end_round` after them.
struct start_round {
  caf::timespan stale_after{0};
  uint32_t batch = 0; ///< Manga, at most.
};

/// Scrapes a manga, and stores what was found.
struct scrape_manga {
  std::string round; ///< See `scrape_run::round`.
  uint32_t anilist_id = 0;
};

/// Ends a round, whose key is the id of this job.
struct end_round {
  uint32_t planned = 0; ///< Its number of manga.
};

template <class Inspector>
bool inspect(Inspector& f, manga_details& x) {
  return f.object(x).fields(f.field("anilist_id", x.anilist_id), f.field("title", x.title), f.field("link", x.link),
                            f.field("chapters", x.chapters), f.field("last_scraped", x.last_scraped));
}

template <class Inspector>
bool inspect(Inspector& f, scrape_run& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("round", x.round), f.field("ended", x.ended),
                            f.field("scraped", x.scraped), f.field("updated", x.updated), f.field("failed", x.failed));
}

template <class Inspector>
bool inspect(Inspector& f, scrape_outcome& x) {
  return f.object(x).fields(f.field("title", x.title), f.field("chapters_before", x.before),
                            f.field("chapters_after", x.after));
}

template <class Inspector>
bool inspect(Inspector& f, start_round& x) {
  return f.object(x).fields(f.field("stale_after", x.stale_after), f.field("batch", x.batch));
}

template <class Inspector>
bool inspect(Inspector& f, scrape_manga& x) {
  return f.object(x).fields(f.field("round", x.round), f.field("anilist_id", x.anilist_id));
}

template <class Inspector>
bool inspect(Inspector& f, end_round& x) {
  return f.object(x).fields(f.field("planned", x.planned));
}

} // namespace bato

CAF_BEGIN_TYPE_ID_BLOCK(bato, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(bato, (bato::manga_details))
CAF_ADD_TYPE_ID(bato, (bato::scrape_run))
CAF_ADD_TYPE_ID(bato, (bato::scrape_outcome))
CAF_ADD_TYPE_ID(bato, (bato::start_round))
CAF_ADD_TYPE_ID(bato, (bato::scrape_manga))
CAF_ADD_TYPE_ID(bato, (bato::end_round))
CAF_ADD_TYPE_ID(bato, (std::optional<bato::manga_details>))
CAF_ADD_TYPE_ID(bato, (std::optional<bato::scrape_run>))
CAF_ADD_TYPE_ID(bato, (std::vector<bato::manga_details>))
CAF_ADD_TYPE_ID(bato, (std::vector<bato::scrape_outcome>))
CAF_ADD_ATOM(bato, bato, find_atom)
CAF_ADD_ATOM(bato, bato, stale_atom)
CAF_ADD_ATOM(bato, bato, last_run_atom)
CAF_ADD_ATOM(bato, bato, outcomes_atom)
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

    // Those not scraped for that time, the oldest first, up to the given number.
    caf::result<std::vector<manga_details>>(stale_atom, caf::timespan, uint32_t),

    // The last round, if there was one.
    caf::result<std::optional<scrape_run>>(last_run_atom),

    // The round with this key, if there is one.
    caf::result<std::optional<scrape_run>>(caf::get_atom, std::string),

    // What a round has found out so far, by anilist id.
    caf::result<std::vector<scrape_outcome>>(outcomes_atom, std::string)>;

} // namespace bato
