#pragma once

#include "cenote/value.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <caf/byte.hpp>

namespace cenote::detail {

/// Types that are written as something else than their inspect overload says.
template <class T>
inline constexpr bool is_duration = false;

template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
inline constexpr bool is_system_time = false;

template <class Duration>
inline constexpr bool is_system_time<std::chrono::time_point<std::chrono::system_clock, Duration>> = true;

/// An array of bytes, which becomes a text.
template <class T>
inline constexpr bool is_byte_array = false;

template <class T>
requires(std::is_same_v<typename T::value_type, std::byte> || std::is_same_v<typename T::value_type, caf::byte>)
    && requires(T& x) {
  x.data(), x.resize(1);
}
inline constexpr bool is_byte_array<T> = true;

/// A map that becomes an object: its keys are different texts.
template <class T>
inline constexpr bool is_text_map = false;

template <class T>
requires std::is_same_v<typename T::key_type, std::string> && requires(T& x) {
  x.emplace(std::declval<typename T::key_type>(), std::declval<typename T::mapped_type>()).second;
}
inline constexpr bool is_text_map<T> = true;

} // namespace cenote::detail
