#pragma once

#include "bato/messages.hpp"

#include <cstdint>
#include <optional>

namespace bato {

/// The number of chapters that the page of a manga shows; nothing if it cannot be read.
///
/// Simulated: a real service would ask the site. This one derives the answer from the row, always the same, so that the
/// example needs no network and its tests know the answer.
std::optional<uint32_t> scrape(const manga_details& manga);

} // namespace bato
