#pragma once

#include "cenote/detail/payload_types.hpp"
#include "cenote/value.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <caf/byte.hpp>
#include <caf/load_inspector_base.hpp>
#include <caf/span.hpp>
#include <caf/string_view.hpp>
#include <caf/type_id.hpp>

namespace cenote::detail {

/// Reads a value from JSON, by its `inspect` overload. Never throws for what the text holds.
class payload_reader : public caf::load_inspector_base<payload_reader> {
public:
  /// Parses the text; if it is no JSON, everything that is read from it fails.
  explicit payload_reader(std::string_view json);
  ~payload_reader() override;

  payload_reader(const payload_reader&) = delete;
  payload_reader& operator=(const payload_reader&) = delete;

  /// After a failure: where and why, `chapters[3].title: expected a text, got a number`.
  std::string problem() const;

  static constexpr bool has_human_readable_format() noexcept { return true; }

  // -- structure, called by CAF ----------------------------------------------------

  bool begin_object(caf::type_id_t, caf::string_view);
  bool end_object();
  bool begin_field(caf::string_view name);
  bool begin_field(caf::string_view name, bool& is_present);
  bool begin_field(caf::string_view name, caf::span<const caf::type_id_t> types, size_t& index);
  bool begin_field(caf::string_view name, bool& is_present, caf::span<const caf::type_id_t> types, size_t& index);
  bool end_field();
  bool begin_tuple(size_t size);
  bool end_tuple();
  bool begin_sequence(size_t& size);
  bool end_sequence();
  bool begin_associative_array(size_t& size);
  bool end_associative_array();
  bool begin_key_value_pair();
  bool end_key_value_pair();

  // -- values, called by CAF -------------------------------------------------------

  bool value(bool& x);
  bool value(float& x);
  bool value(double& x);
  bool value(long double& x);
  bool value(std::string& x);
  bool value(std::u16string& x) { return units(x); }
  bool value(std::u32string& x) { return units(x); }
  bool value(caf::byte& x);
  bool value(caf::span<caf::byte> x);

  template <std::integral T>
  bool value(T& x) {
    if constexpr (std::is_signed_v<T>) {
      int64_t out = 0;
      if (!number(out, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()))
        return false;
      x = static_cast<T>(out);
    } else {
      uint64_t out = 0;
      if (!number(out, std::numeric_limits<T>::max()))
        return false;
      x = static_cast<T>(out);
    }
    return true;
  }

  template <class T>
  requires(
      is_duration<
          T> || is_system_time<T> || is_byte_array<T> || std::is_same_v<T, cenote::bytes>) bool builtin_inspect(T& x) {
    if constexpr (is_duration<T>) {
      return duration(x);
    } else if constexpr (is_system_time<T>) {
      return time(x);
    } else if constexpr (is_byte_array<T>) {
      std::string data;
      if (!hex(data))
        return false;
      x.resize(data.size());
      std::transform(data.begin(), data.end(), x.begin(),
                     [](char c) { return static_cast<typename T::value_type>(static_cast<unsigned char>(c)); });
      return true;
    } else {
      return hex(x.data);
    }
  }

  // -- containers: an optional element is null or its value ------------------------

  template <class T>
  bool list(T& xs) {
    xs.clear();
    size_t size = 0;
    if (!begin_sequence(size))
      return false;
    for (size_t i = 0; i < size; ++i) {
      typename T::value_type x{};
      if (!element(x))
        return false;
      xs.insert(xs.end(), std::move(x));
    }
    return end_sequence();
  }

  template <class T>
  bool map(T& xs) {
    xs.clear();
    size_t size = 0;
    if (!(is_text_map<T> ? begin_associative_array(size) : begin_sequence(size)))
      return false;
    for (size_t i = 0; i < size; ++i) {
      typename T::key_type key{};
      typename T::mapped_type x{};
      if constexpr (is_text_map<T>) {
        if (!(begin_key_value_pair() && value(key) && element(x) && end_key_value_pair()))
          return false;
      } else {
        if (!(begin_tuple(2) && element(key) && element(x) && end_tuple()))
          return false;
      }
      xs.emplace(std::move(key), std::move(x));
    }
    return is_text_map<T> ? end_associative_array() : end_sequence();
  }

  template <class T>
  bool tuple(T& xs) {
    return elements_of(*this, xs);
  }

  template <class T, size_t N>
  bool tuple(T (&xs)[N]) {
    return elements_of(*this, xs);
  }

  /// A value that is no field.
  template <class T>
  bool element(T& x) {
    if constexpr (is_optional<T>) {
      if (take_null()) {
        x.reset();
        return true;
      }
      return element(x.emplace());
    } else {
      return apply(x);
    }
  }

private:
  struct state;

  bool fail(std::string why);
  bool expected(std::string_view what, const void* got);
  const void* take();
  bool take_null();
  bool push(const void* node, bool is_map);
  const void* find_field(caf::string_view name);
  bool number(int64_t& out, int64_t min, int64_t max);
  bool number(uint64_t& out, uint64_t max);
  bool hex(std::string& out);
  bool duration(int64_t& count, intmax_t num, intmax_t den);
  bool duration(double& count, intmax_t num, intmax_t den);
  bool time(int64_t& count, intmax_t num, intmax_t den);
  bool out_of_range();

  template <class Text>
  bool units(Text& x) {
    x.clear();
    size_t size = 0;
    if (!begin_sequence(size))
      return false;
    for (size_t i = 0; i < size; ++i) {
      uint64_t unit = 0;
      if (!number(unit, std::numeric_limits<typename Text::value_type>::max()))
        return false;
      x += static_cast<typename Text::value_type>(unit);
    }
    return end_sequence();
  }

  template <class Rep, class Period>
  bool duration(std::chrono::duration<Rep, Period>& x) {
    std::conditional_t<std::is_floating_point_v<Rep>, double, int64_t> count = 0;
    if (!duration(count, Period::num, Period::den))
      return false;
    if constexpr (!std::is_floating_point_v<Rep>)
      if (!std::in_range<Rep>(count))
        return out_of_range();
    x = std::chrono::duration<Rep, Period>{static_cast<Rep>(count)};
    return true;
  }

  template <class Duration>
  bool time(std::chrono::time_point<std::chrono::system_clock, Duration>& x) {
    static_assert(!std::is_floating_point_v<typename Duration::rep>, "times need an integer type");
    int64_t count = 0;
    if (!time(count, Duration::period::num, Duration::period::den))
      return false;
    if (!std::in_range<typename Duration::rep>(count))
      return out_of_range();
    x = std::chrono::time_point<std::chrono::system_clock, Duration>{
        Duration{static_cast<typename Duration::rep>(count)}};
    return true;
  }

  std::unique_ptr<state> state_;
};

} // namespace cenote::detail
