#pragma once

#include "bato/messages.hpp"

#include <chrono>
#include <optional>

namespace bato {

/// The number of chapters that the page of a manga shows; nothing if it cannot be read.
///
/// Simulated: a real service would ask the site. This one makes the answer up from what is known, always the same, so
/// that the example needs no network and its tests know what comes.
std::optional<uint32_t> scrape(const manga_details& x);

/// A time of the system's clock as the database stores it: UTC.
cenote::datetime to_datetime(std::chrono::system_clock::time_point x);

} // namespace bato
