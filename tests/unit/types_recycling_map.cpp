#define CAF_SUITE types.recycling_map

#include "types/recycling_map.hpp"

#include <cstdint>
#include <memory>
#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

using map = recycling_map<uint64_t, std::unique_ptr<uint64_t>>;

void add(map& entries, uint64_t key) {
  entries.add(key, std::make_unique<uint64_t>(2 * key));
}

} // namespace

SCENARIO("what is put into a recycling map can be taken out once, in any order") {
  map entries;
  for (uint64_t round = 0; round < 3; ++round) { // The second takes the memory of the first.
    for (uint64_t key = 1; key <= 1'000; ++key)
      add(entries, 1'000 * round + key);
    size_t wrong = 0;
    for (uint64_t key = 1'000; key > 0; --key) {
      auto content = entries.take(1'000 * round + key);
      wrong += content == nullptr || *content != 2 * (1'000 * round + key);
      wrong += entries.contains(1'000 * round + key);
    }
    CHECK_EQ(wrong, 0u);
    CHECK(entries.empty());
  }
}

SCENARIO("entries that come after others have left are all that is seen in a recycling map") {
  map entries;
  for (uint64_t key = 1; key <= 4; ++key)
    add(entries, key);
  entries.take(1);
  entries.take(3);
  add(entries, 5);
  std::set<uint64_t> seen;
  for (auto& [key, content] : entries)
    seen.insert(*content);
  CHECK_EQ(seen, (std::set<uint64_t>{4, 8, 10}));
  CHECK(entries.contains(5));
  CHECK(!entries.contains(3));
}
