#pragma once

// The other half of cenote/result.hpp, which includes it at its end.

#include "cenote/detail/mapping.hpp"
#include "cenote/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cenote::detail {

class row_reader;

template <class T>
T read_cell(const row& source, size_t column);

/// The inspector for a field's type that has an `inspect` overload of its own: it reads one cell.
class cell_reader {
public:
  static constexpr bool is_loading = true;

  cell_reader(const row& source, size_t column) : from_{source}, column_{column} {
    // nop
  }

  /// Enums are numbers in columns: no `inspect` overload can know whether the column is text.
  static constexpr bool has_human_readable_format() noexcept { return false; }

  template <class T>
  bool apply(T& cell) {
    cell = read_cell<T>(from_, column_);
    return true;
  }

  template <class Get, class Set>
  bool apply(Get&&, Set&& set) {
    auto cell = read_cell<std::decay_t<std::invoke_result_t<Get&>>>(from_, column_);
    reason_ = refusal(set, std::move(cell));
    return !reason_;
  }

  template <class T>
  no_fields object(T&) {
    static_assert(always_false<T>, "a field of a row cannot be a struct with fields: a column holds a single value");
    return {};
  }

  template <class... Ts>
  no_fields field(Ts&&...) {
    return {};
  }

  [[noreturn]] void fail() const;

private:
  const row& from_;
  size_t column_;
  std::optional<std::string> reason_;
};

/// The value of one cell, as the type of a field.
template <class T>
T read_cell(const row& source, size_t column) {
  static_assert(!std::is_same_v<T, std::string_view>,
                "a std::string_view would outlive the result that it points into: make the field a std::string");
  if constexpr (is_optional<T>) {
    if (source.is_null(column))
      return std::nullopt;
    return T{std::in_place, read_cell<typename T::value_type>(source, column)};
  } else if constexpr (self_made_value<T, cell_reader>) {
    auto content = T{};
    cell_reader f{source, column};
    if (!inspect(f, content))
      f.fail();
    return content;
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(source.get<enum_integer<T>>(column));
  } else {
    return source.get<T>(column);
  }
}

/// Stands for a reset, a fallback or an invariant that a field does not have.
struct absent {};

/// Loads one field: what `field` of a loading inspector returns.
template <class T, class Set, class Reset = absent, class Fallback = absent, class Invariant = absent>
class field_reader {
public:
  field_reader(std::string_view name, Set set, Reset reset = {}, Fallback otherwise = {}, Invariant valid = {})
      : name_{name},
        set_{std::move(set)},
        reset_{std::move(reset)},
        otherwise_{std::move(otherwise)},
        valid_{std::move(valid)} {
    // nop
  }

  template <class U>
  auto fallback(U substitute) && {
    return field_reader<T, Set, Reset, U, Invariant>{name_, std::move(set_), std::move(reset_), std::move(substitute),
                                                     std::move(valid_)};
  }

  template <class Predicate>
  auto invariant(Predicate predicate) && {
    return field_reader<T, Set, Reset, Fallback, Predicate>{name_, std::move(set_), std::move(reset_),
                                                            std::move(otherwise_), std::move(predicate)};
  }

  bool operator()(row_reader& f);

private:
  static constexpr bool has_fallback = !std::is_same_v<Fallback, absent>;

  /// Assigns what NULL means to this field.
  /// @returns false if it has no meaning of its own: the field's type then decides.
  bool assign_null(row_reader& f);

  void assign(row_reader& f, T&& content);

  bool valid(T& content) {
    if constexpr (std::is_same_v<Invariant, absent>)
      return true;
    else if constexpr (is_optional<T>)
      return !content || valid_(*content); // As in CAF: an invariant is told values only.
    else
      return valid_(content);
  }

  std::string_view name_;
  [[no_unique_address]] Set set_;
  [[no_unique_address]] Reset reset_;
  [[no_unique_address]] Fallback otherwise_;
  [[no_unique_address]] Invariant valid_;
};

/// What `object` of a loading inspector returns.
template <class OnLoad = absent>
class object_reader {
public:
  explicit object_reader(row_reader& f, OnLoad callback = {}) : f_{f}, on_load_{std::move(callback)} {
    // nop
  }

  template <class Name>
  object_reader&& pretty_name(Name&&) && {
    return std::move(*this);
  }

  template <class F>
  object_reader&& on_save(F&&) && {
    return std::move(*this);
  }

  template <class F>
  object_reader<F> on_load(F callback) && {
    return object_reader<F>{f_, std::move(callback)};
  }

  template <class... Fields>
  bool fields(Fields&&... readers);

private:
  row_reader& f_;
  OnLoad on_load_;
};

/// The inspector that turns rows into structs. It looks each column up once for all rows that it reads.
class row_reader {
public:
  static constexpr bool is_loading = true;
  static constexpr size_t npos = static_cast<size_t>(-1);

  explicit row_reader(const result& rows) : rows_{rows} {
    // nop
  }

  // -- for result and row --------------------------------------------------------

  /// Looks the columns of all fields up and reads nothing.
  /// @throws result_error if a field has no column and no fallback.
  template <class T>
  void look_up() {
    auto unused = T{};
    next_ = 0;
    row_ = npos;
    inspect(*this, unused);
  }

  /// @throws result_error if the row does not fit.
  template <class T>
  T read(size_t index) {
    auto record = T{};
    next_ = 0;
    row_ = index;
    if (!inspect(*this, record))
      fail_object("");
    return record;
  }

  // -- for inspect overloads -----------------------------------------------------

  static constexpr bool has_human_readable_format() noexcept { return false; }

  template <class T>
  object_reader<> object(T&) {
    return object_reader<>{*this};
  }

  template <class Name, class T>
  static auto field(const Name& name, T& member) {
    static_assert(!std::is_const_v<T>, "a field that is read from a row cannot be const");
    auto set = [&member](T&& loaded) { member = std::move(loaded); };
    return field_reader<T, decltype(set)>{to_string_view(name), set};
  }

  template <class Name, class Get, class Set>
  static auto field(const Name& name, Get&&, Set set) {
    return field_reader<std::decay_t<std::invoke_result_t<Get&>>, Set>{to_string_view(name), std::move(set)};
  }

  template <class Name, class IsPresent, class Get, class Reset, class Set>
  static auto field(const Name& name, IsPresent&&, Get&&, Reset reset, Set set) {
    return field_reader<std::decay_t<std::invoke_result_t<Get&>>, Set, Reset>{to_string_view(name), std::move(set),
                                                                              std::move(reset)};
  }

  template <class T, class... Ts>
  bool apply(T&&, Ts&&...) {
    static_assert(always_false<T>, "a row is a struct with fields: this type's inspect overload names none");
    return false;
  }

  // -- for the fields --------------------------------------------------------------

  /// The column of the next field, or `npos`.
  size_t column_of(std::string_view name);

  /// Whether fields are only looked up, not read.
  bool only_looks_up() const noexcept { return row_ == npos; }

  row source() const noexcept { return rows_[row_]; }

  [[noreturn]] void fail_lookup(std::string_view field, const std::string& type) const;
  [[noreturn]] void fail(std::string_view field, const std::string& type, const std::string& reason) const;
  [[noreturn]] void fail_object(const std::string& reason) const;

  /// The error for a value that was read but not taken.
  [[noreturn]] void refuse(std::string_view field, const std::string& type, const char* refused_by,
                           const std::string& reason = {}) const;

private:
  struct slot {
    std::string name;
    size_t column;
  };

  const result& rows_;
  std::vector<slot> slots_; ///< In the order in which the overload names its fields.
  size_t next_ = 0;
  size_t row_ = npos;
};

template <class T, class Set, class Reset, class Fallback, class Invariant>
bool field_reader<T, Set, Reset, Fallback, Invariant>::operator()(row_reader& f) {
  auto column = f.column_of(name_);
  if (column == row_reader::npos) {
    if constexpr (!has_fallback)
      f.fail_lookup(name_, type_name<T>());
    else if (!f.only_looks_up())
      assign(f, static_cast<T>(std::move(otherwise_)));
    return true;
  }
  if (f.only_looks_up())
    return true;
  auto content = T{};
  try {
    if (f.source().is_null(column) && assign_null(f))
      return true;
    content = read_cell<T>(f.source(), column);
  } catch (const result_error& error) {
    f.fail(name_, type_name<T>(), error.what());
  }
  if (!valid(content))
    f.refuse(name_, type_name<T>(), "invariant");
  assign(f, std::move(content));
  return true;
}

template <class T, class Set, class Reset, class Fallback, class Invariant>
bool field_reader<T, Set, Reset, Fallback, Invariant>::assign_null(row_reader& f) {
  if constexpr (!std::is_same_v<Reset, absent>)
    reset_();
  else if constexpr (has_fallback && !is_optional<T>)
    assign(f, static_cast<T>(std::move(otherwise_)));
  else
    return false;
  return true;
}

template <class T, class Set, class Reset, class Fallback, class Invariant>
void field_reader<T, Set, Reset, Fallback, Invariant>::assign(row_reader& f, T&& content) {
  if (auto reason = refusal(set_, std::move(content)))
    f.refuse(name_, type_name<T>(), "setter", *reason);
}

template <class OnLoad>
template <class... Fields>
bool object_reader<OnLoad>::fields(Fields&&... readers) {
  if (!(readers(f_) && ...))
    return false;
  if constexpr (!std::is_same_v<OnLoad, absent>) {
    if (f_.only_looks_up())
      return true;
    if (auto reason = refusal(on_load_))
      f_.fail_object(*reason);
  }
  return true;
}

} // namespace cenote::detail

namespace cenote {

template <class T>
std::vector<T> result::as() const {
  static_assert(detail::struct_with_fields<T, detail::row_reader>,
                "a row becomes a struct that has an inspect overload, as for CAF: see cenote::result::as");
  detail::row_reader f{*this};
  f.look_up<T>();
  std::vector<T> out;
  out.reserve(size());
  for (size_t i = 0; i < size(); ++i)
    out.push_back(f.read<T>(i));
  return out;
}

template <class T>
T row::as() const {
  static_assert(detail::struct_with_fields<T, detail::row_reader>,
                "a row becomes a struct that has an inspect overload, as for CAF: see cenote::result::as");
  return detail::row_reader{*parent_}.read<T>(size() == 0 ? 0 : first_ / size());
}

} // namespace cenote
