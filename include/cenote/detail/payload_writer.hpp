#pragma once

#include "cenote/detail/payload_types.hpp"
#include "cenote/value.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <caf/byte.hpp>
#include <caf/save_inspector_base.hpp>
#include <caf/span.hpp>
#include <caf/string_view.hpp>
#include <caf/type_id.hpp>

namespace cenote::detail {

/// Writes a value as JSON, by its `inspect` overload. See `cenote::to_json` for how.
class payload_writer : public caf::save_inspector_base<payload_writer> {
public:
  /// What has been written.
  const std::string& text() const noexcept { return out_; }

  /// After a failure: where and why.
  std::string problem() const;

  static constexpr bool has_human_readable_format() noexcept { return true; }

  // -- structure, called by CAF ----------------------------------------------------

  bool begin_object(caf::type_id_t, caf::string_view);
  bool end_object();
  bool begin_field(caf::string_view name);
  bool begin_field(caf::string_view name, bool is_present);
  bool begin_field(caf::string_view name, caf::span<const caf::type_id_t> types, size_t index);
  bool begin_field(caf::string_view name, bool is_present, caf::span<const caf::type_id_t> types, size_t index);
  bool end_field();
  bool begin_tuple(size_t size);
  bool end_tuple();
  bool begin_sequence(size_t size);
  bool end_sequence();
  /// Keys have to be texts.
  bool begin_associative_array(size_t size);
  bool end_associative_array();
  bool begin_key_value_pair();
  bool end_key_value_pair();

  // -- values, called by CAF -------------------------------------------------------

  bool value(bool x);
  bool value(float x);
  bool value(double x);
  bool value(long double x) { return value(static_cast<double>(x)); }
  bool value(caf::string_view x);
  bool value(const std::u16string& x) { return units(x); }
  bool value(const std::u32string& x) { return units(x); }
  bool value(caf::byte x) { return number(static_cast<uint64_t>(x)); }
  bool value(caf::span<const caf::byte> x) { return hex(x.data(), x.size()); }

  template <std::integral T>
  bool value(T x) {
    if constexpr (std::is_signed_v<T>)
      return number(static_cast<int64_t>(x));
    else
      return number(static_cast<uint64_t>(x));
  }

  template <class T>
  requires(
      is_duration<
          T> || is_system_time<T> || is_byte_array<T> || std::is_same_v<T, cenote::bytes>) bool builtin_inspect(const T&
                                                                                                                    x) {
    if constexpr (is_duration<T>) {
      return duration(x);
    } else if constexpr (is_system_time<T>) {
      return time(x);
    } else if constexpr (is_byte_array<T>) {
      return hex(x.data(), x.size());
    } else {
      return hex(x.data.data(), x.data.size());
    }
  }

  // -- containers: an optional element is null or its value ------------------------

  template <class T>
  bool list(const T& xs) {
    if (!begin_sequence(xs.size()))
      return false;
    for (auto&& x : xs)
      if (!element(static_cast<const typename T::value_type&>(x)))
        return false;
    return end_sequence();
  }

  template <class T>
  bool map(const T& xs) {
    if constexpr (is_text_map<T>) {
      if (!begin_associative_array(xs.size()))
        return false;
      for (auto& [key, x] : xs)
        if (!(begin_key_value_pair() && value(caf::string_view{key}) && element(x) && end_key_value_pair()))
          return false;
      return end_associative_array();
    } else {
      if (!begin_sequence(xs.size()))
        return false;
      for (auto& [key, x] : xs)
        if (!(begin_tuple(2) && element(key) && element(x) && end_tuple()))
          return false;
      return end_sequence();
    }
  }

  template <class T>
  bool tuple(const T& xs) {
    return elements_of(*this, xs);
  }

  template <class T, size_t N>
  bool tuple(T (&xs)[N]) {
    return elements_of(*this, xs);
  }

  /// A value that is no field.
  template <class T>
  bool element(const T& x) {
    if constexpr (is_optional<T>)
      return x ? element(*x) : null();
    else
      return apply(x);
  }

private:
  /// What is being written, from the outside to the inside.
  struct level {
    enum class form : uint8_t { object, list, map } kind;
    size_t count = 0;      ///< Elements begun.
    std::string_view name; ///< Of the field; its text lives as long as the call that writes it.
    std::string key;       ///< Of the element of a map.
    bool key_is_next = false;
  };

  bool fail(std::string why);
  bool begin_value();
  bool push(level::form kind, char bracket);
  bool pop(char bracket);
  void name(std::string_view field);
  bool raw(std::string_view text);
  bool string(std::string_view text);
  bool null();
  bool number(int64_t x);
  bool number(uint64_t x);
  bool hex(const void* data, size_t size);
  bool duration(int64_t count, intmax_t num, intmax_t den);
  bool duration(double count, intmax_t num, intmax_t den);
  bool time(int64_t seconds, int64_t nanoseconds);

  template <class Text>
  bool units(const Text& x) {
    if (!begin_sequence(x.size()))
      return false;
    for (auto unit : x)
      if (!number(static_cast<uint64_t>(unit)))
        return false;
    return end_sequence();
  }

  template <class Rep, class Period>
  bool duration(std::chrono::duration<Rep, Period> x) {
    if constexpr (std::is_floating_point_v<Rep>)
      return duration(static_cast<double>(x.count()), Period::num, Period::den);
    else if (std::in_range<int64_t>(x.count()))
      return duration(static_cast<int64_t>(x.count()), Period::num, Period::den);
    else
      return fail("the duration is too long");
  }

  template <class Duration>
  bool time(std::chrono::time_point<std::chrono::system_clock, Duration> x) {
    static_assert(!std::is_floating_point_v<typename Duration::rep>, "times need an integer type");
    static_assert(std::ratio_greater_equal_v<typename Duration::period, std::nano>, "times have at most nanoseconds");
    // From 0000-01-01 to 9999-12-31; compared before anything can overflow.
    auto about = std::chrono::duration<double>{x.time_since_epoch()}.count();
    if (about < -62'167'219'200.0 || about > 253'402'300'799.0)
      return fail("the time is not in the years 0 to 9999");
    // Not by floor, which overflows at the smallest time.
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(x.time_since_epoch());
    auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(x.time_since_epoch() - seconds).count();
    return rest < 0 ? time(seconds.count() - 1, rest + 1'000'000'000) : time(seconds.count(), rest);
  }

  std::string out_;
  std::string problem_;
  std::vector<level> levels_;
};

} // namespace cenote::detail
