#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cenote::config {

/// Reads a span of time: a plain number means seconds (`30`, `0.5`, `-1`), a unit may follow (`ns`, `us`, `ms`, `s`,
/// `min`, `h`). A span that is too small or too large for nanoseconds becomes the smallest or largest that fits: 1 ns,
/// as it must not become 0, which means "never" in many settings.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// As `parse_duration` reads it, with the largest unit that leaves a whole number; hours only from a day on.
std::string format_duration(std::chrono::nanoseconds span);

} // namespace cenote::config
