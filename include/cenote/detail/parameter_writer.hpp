#pragma once

#include "cenote/detail/mapping.hpp"
#include "cenote/value.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cenote::detail {

template <class T>
value to_field_value(T& content);

/// The inspector for a field's type that has an `inspect` overload of its own: it takes one value.
class cell_writer {
public:
  static constexpr bool is_loading = false;

  /// Enums are numbers in columns; see `cell_reader`.
  static constexpr bool has_human_readable_format() noexcept { return false; }

  template <class T>
  bool apply(T&& content) {
    result = to_field_value(content);
    return true;
  }

  template <class Get, class Set>
  bool apply(Get&& get, Set&&) {
    auto&& content = get();
    result = to_field_value(content);
    return true;
  }

  template <class T>
  no_fields object(T&) {
    static_assert(always_false<T>, "a field that is a parameter cannot be a struct with fields: it is a single value");
    return {};
  }

  template <class... Ts>
  no_fields field(Ts&&...) {
    return {};
  }

  value result;
};

/// The value of one field.
template <class T>
value to_field_value(T& content) {
  using type = std::remove_const_t<T>;
  if constexpr (is_optional<type>) {
    return content ? to_field_value(*content) : value{null{}};
  } else if constexpr (self_made_value<type, cell_writer>) {
    cell_writer f;
    // Overloads take the object by reference, and change it only when they load.
    if (!inspect(f, const_cast<type&>(content)))
      throw std::invalid_argument("a parameter's inspect overload failed");
    return std::move(f.result);
  } else if constexpr (std::is_enum_v<type>) {
    return to_value(static_cast<enum_integer<type>>(content));
  } else {
    return to_value(content);
  }
}

class parameter_writer;

/// Saves one field: what `field` of a saving inspector returns. A fallback is for those who load.
template <class Get>
class field_writer {
public:
  field_writer(std::string_view name, Get get) : name_{name}, get_{std::move(get)} {
    // nop
  }

  template <class T>
  field_writer&& fallback(T&&) && {
    return std::move(*this);
  }

  template <class F>
  field_writer&& invariant(F&&) && {
    return std::move(*this);
  }

  bool operator()(parameter_writer& f);

private:
  std::string_view name_;
  Get get_;
};

/// What `object` of a saving inspector returns.
template <class OnSave = std::nullptr_t>
class object_writer {
public:
  explicit object_writer(parameter_writer& f, OnSave callback = {}) : f_{f}, on_save_{std::move(callback)} {
    // nop
  }

  template <class Name>
  object_writer&& pretty_name(Name&&) && {
    return std::move(*this);
  }

  template <class F>
  object_writer&& on_load(F&&) && {
    return std::move(*this);
  }

  template <class F>
  object_writer<F> on_save(F callback) && {
    return object_writer<F>{f_, std::move(callback)};
  }

  template <class... Fields>
  bool fields(Fields&&... writers) {
    static_assert(sizeof...(Fields) > 0, "a struct without fields has no parameters");
    if (!(writers(f_) && ...))
      return false;
    if constexpr (!std::is_null_pointer_v<OnSave>) {
      if (auto reason = refusal(on_save_))
        throw std::invalid_argument("the on_save callback of the parameters' struct refused it"
                                    + (reason->empty() ? "" : ": " + *reason));
    }
    return true;
  }

private:
  parameter_writer& f_;
  OnSave on_save_;
};

/// The inspector that turns a struct into named parameters.
class parameter_writer {
public:
  static constexpr bool is_loading = false;
  static constexpr bool has_human_readable_format() noexcept { return false; }

  parameter_writer(std::vector<std::string>& names, std::vector<value>& params) : names_{names}, params_{params} {
    // nop
  }

  void add(std::string_view name, value parameter) {
    names_.emplace_back(name);
    params_.push_back(std::move(parameter));
  }

  template <class T>
  object_writer<> object(T&) {
    return object_writer<>{*this};
  }

  template <class Name, class T>
  static auto field(const Name& name, T& member) {
    return make_field(name, [&member] { return to_field_value(member); });
  }

  template <class Name, class Get, class Set>
  static auto field(const Name& name, Get get, Set&&) {
    return make_field(name, [get]() mutable {
      auto&& content = get();
      return to_field_value(content);
    });
  }

  template <class Name, class IsPresent, class Get, class Reset, class Set>
  static auto field(const Name& name, IsPresent is_present, Get get, Reset&&, Set&&) {
    return make_field(name, [is_present, get]() mutable -> value {
      if (!is_present())
        return null{};
      auto&& content = get();
      return to_field_value(content);
    });
  }

  template <class T, class... Ts>
  bool apply(T&&, Ts&&...) {
    static_assert(always_false<T>, "named parameters are a struct's fields: this type's inspect overload names none");
    return false;
  }

private:
  template <class Name, class Get>
  static field_writer<Get> make_field(const Name& name, Get get) {
    return {to_string_view(name), std::move(get)};
  }

  std::vector<std::string>& names_;
  std::vector<value>& params_;
};

template <class Get>
bool field_writer<Get>::operator()(parameter_writer& f) {
  f.add(name_, get_());
  return true;
}

} // namespace cenote::detail
