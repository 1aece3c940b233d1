#pragma once

// What row_reader.hpp and parameter_writer.hpp have in common: which types are fields, and CAF's conventions for the
// functions that an `inspect` overload hands over. Both do without CAF's headers: they only speak its language.

#include "cenote/value.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace cenote::detail {

/// Whether there is an `inspect` overload for `T` that takes this inspector.
template <class Inspector, class T>
concept inspectable = requires(Inspector& f, T& x) {
  { inspect(f, x) } -> std::convertible_to<bool>;
};

template <class T, class Variant>
inline constexpr bool is_alternative = false;

template <class T, class... Ts>
inline constexpr bool is_alternative<T, std::variant<Ts...>> = (std::is_same_v<T, Ts> || ...);

/// A field's type that defines how it is stored, by `f.apply(...)` in its `inspect` overload: enums and wrappers of a
/// single value. cenote's own types have overloads for the network only.
template <class T, class Inspector>
concept self_made_value = (std::is_enum_v<T> || std::is_class_v<T>)&&!is_optional<
                              T> && !std::is_same_v<T, value> && !is_alternative<T, value> && inspectable<Inspector, T>;

/// A struct whose fields stand for columns or named placeholders.
template <class T, class Inspector>
concept struct_with_fields =
    std::is_class_v<T> && !is_optional<
        T> && !std::is_constructible_v<value, T> && !std::is_convertible_v<const T&, std::string_view> && inspectable<Inspector, T>;

/// Takes the text of any string type: CAF has a `string_view` of its own.
template <class Text>
std::string_view to_string_view(const Text& text) {
  if constexpr (std::is_convertible_v<const Text&, std::string_view>)
    return text;
  else
    return {text.data(), text.size()};
}

/// Calls a setter or a callback of an `inspect` overload. In CAF's convention it returns nothing, `false` if it
/// refuses, or an error that says why.
/// @returns nothing if it accepted, otherwise the reason, which is empty if it gave none.
template <class F, class... Ts>
std::optional<std::string> refusal(F& f, Ts&&... args) {
  using answer = std::invoke_result_t<F&, Ts...>;
  if constexpr (std::is_void_v<answer>) {
    f(std::forward<Ts>(args)...);
  } else if constexpr (std::is_same_v<answer, bool>) {
    if (!f(std::forward<Ts>(args)...))
      return "";
  } else {
    if (auto error = f(std::forward<Ts>(args)...))
      return to_string(error);
  }
  return std::nullopt;
}

/// Returned where a struct is used for a single value, so that the static_assert before it is the only error.
struct no_fields {
  template <class... Ts>
  bool fields(Ts&&...) {
    return false;
  }
  template <class T>
  no_fields pretty_name(T&&) {
    return {};
  }
  template <class F>
  no_fields on_load(F&&) {
    return {};
  }
  template <class F>
  no_fields on_save(F&&) {
    return {};
  }
  template <class T>
  no_fields fallback(T&&) {
    return {};
  }
  template <class F>
  no_fields invariant(F&&) {
    return {};
  }
};

/// The name of a field's type, for error texts.
template <class T>
std::string type_name() {
  if constexpr (is_optional<T>)
    return "std::optional<" + type_name<typename T::value_type>() + ">";
  else if constexpr (std::is_enum_v<T>)
    return "an enum of " + type_name<enum_integer<T>>();
  else if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_same_v<T, char>)
    return "char";
  else if constexpr (std::is_integral_v<T>)
    return (std::is_signed_v<T> ? "int" : "uint") + std::to_string(8 * sizeof(T)) + "_t";
  else if constexpr (std::is_same_v<T, float>)
    return "float";
  else if constexpr (std::is_floating_point_v<T>)
    return "double";
  else if constexpr (std::is_same_v<T, std::string>)
    return "std::string";
  else if constexpr (std::is_same_v<T, bytes>)
    return "cenote::bytes";
  else if constexpr (std::is_same_v<T, decimal>)
    return "cenote::decimal";
  else if constexpr (std::is_same_v<T, date>)
    return "cenote::date";
  else if constexpr (std::is_same_v<T, datetime>)
    return "cenote::datetime";
  else if constexpr (std::is_same_v<T, time>)
    return "cenote::time";
  else if constexpr (std::is_same_v<T, value>)
    return "cenote::value";
  else
    return "a class";
}

} // namespace cenote::detail
