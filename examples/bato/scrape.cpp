#include "bato/scrape.hpp"

namespace bato {

std::optional<uint32_t> scrape(const manga_details& manga) {
  if (manga.link.empty())
    return std::nullopt;
  return manga.chapters + manga.anilist_id % 3;
}

} // namespace bato
