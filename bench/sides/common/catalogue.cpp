#include "catalogue.hpp"

namespace cenote::bench {

catalogue::catalogue(int size) {
  rows_.reserve(static_cast<size_t>(size));
  for (int id = 1; id <= size; ++id) {
    auto number = std::to_string(id);
    // Titles of different lengths and beyond ASCII, as real ones are.
    rows_.push_back({id, "Manga no. " + number + std::string(static_cast<size_t>(id % 40), '~') + " 漫画",
                     "https://manga.example/title/" + number + "/a-slug-of-usual-length", 1 + id * 7 % 900});
  }
}

} // namespace cenote::bench
