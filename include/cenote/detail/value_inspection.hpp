#pragma once

// The other half of cenote/type_ids.hpp, which includes it at its end: how a `value` travels to other nodes. CAF 0.18.7
// builds doubles from their parts and changes those with a denormal number or the bits of a NaN, so their bits are sent
// instead; everything else goes CAF's way.

#include "cenote/type_ids.hpp"

#include <bit>
#include <cstdint>
#include <utility>
#include <variant>

#include <caf/inspector_access.hpp>

namespace cenote::detail {

/// A double as it is sent.
struct double_bits {
  double value = 0;
};

template <class Inspector>
bool inspect(Inspector& f, double_bits& number) {
  if (f.has_human_readable_format())
    return f.apply(number.value);
  auto get = [&number] { return std::bit_cast<uint64_t>(number.value); };
  auto set = [&number](uint64_t bits) {
    number.value = std::bit_cast<double>(bits);
    return true;
  };
  return f.apply(get, set);
}

} // namespace cenote::detail

namespace caf {

template <>
struct variant_inspector_traits<cenote::value> {
  using value_type = cenote::value;

  template <class>
  struct types_of;

  template <class... Ts>
  struct types_of<std::variant<Ts...>> {
    static constexpr type_id_t ids[] = {type_id_v<Ts>...};
    using list = detail::type_list<Ts...>;
  };

  static constexpr auto& allowed_types = types_of<value_type>::ids;

  static auto type_index(const value_type& content) { return content.index(); }

  template <class F, class Value>
  static bool visit(F&& f, Value&& content) {
    auto save = [&f](auto& alternative) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(alternative)>, double>) {
        cenote::detail::double_bits copy{alternative};
        return f(copy);
      } else {
        return f(alternative);
      }
    };
    return std::visit(save, content);
  }

  static void assign(value_type& target, cenote::detail::double_bits in) { target = in.value; }

  template <class T>
  static void assign(value_type& target, T&& in) {
    target = std::forward<T>(in);
  }

  template <class F>
  static bool load(type_id_t, F&, detail::type_list<>) {
    return false;
  }

  template <class F, class T, class... Ts>
  static bool load(type_id_t type, F& continuation, detail::type_list<T, Ts...>) {
    if (type_id_v<T> != type)
      return load(type, continuation, detail::type_list<Ts...>{});
    std::conditional_t<std::is_same_v<T, double>, cenote::detail::double_bits, T> alternative{};
    continuation(alternative);
    return true;
  }

  template <class F>
  static bool load(type_id_t type, F continuation) {
    return load(type, continuation, typename types_of<value_type>::list{});
  }
};

} // namespace caf
