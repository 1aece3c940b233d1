#include "actors/random_id.hpp"

#include <random>

#include <unistd.h>

namespace cenote {

uint64_t random_id() {
  uint64_t out = 0;
  while (out == 0)
    if (getentropy(&out, sizeof(out)) != 0) {
      std::random_device other;
      out = static_cast<uint64_t>(other()) << 32 | other();
    }
  return out;
}

} // namespace cenote
