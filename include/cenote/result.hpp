#pragma once

#include "cenote/detail/cell_block.hpp"
#include "cenote/detail/inspect_enum.hpp"
#include "cenote/value.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cenote {

/// How the values of a column are represented. The type map is in `value_at`.
enum class column_type : uint8_t {
  integer,          ///< TINYINT ... BIGINT, YEAR -> int64_t
  unsigned_integer, ///< the same, UNSIGNED -> uint64_t
  real,             ///< DOUBLE, and FLOAT -> double. A FLOAT has 6 digits, or all; see docs/limits.md.
  decimal,          ///< DECIMAL -> cenote::decimal
  text,             ///< CHAR, VARCHAR, TEXT, ENUM, SET, UUID, INET6 -> std::string
  json,             ///< JSON -> std::string
  bytes,            ///< BINARY, VARBINARY, BLOB, GEOMETRY (SRID + WKB) -> cenote::bytes
  bit,              ///< BIT -> cenote::bytes, big-endian
  date,             ///< DATE -> cenote::date
  datetime,         ///< DATETIME, TIMESTAMP -> cenote::datetime
  time,             ///< TIME -> cenote::time
  null,             ///< the type of a bare NULL
};

/// The name of a column type as used in error texts: "integer", "text", ...
std::string_view to_string(column_type type);

/// A column of a result.
struct column {
  std::string name;                     ///< The name or alias, UTF-8. Not necessarily unique.
  column_type type = column_type::null; ///< Decides what `row::get` may read it as.
  bool operator==(const column&) const = default;
};

/// Thrown by the accessors of `row` if the program asks for a column that is not there, or for a type that the value
/// does not fit. A mistake in the program, as with `std::vector::at`; the text names column, type and remedy.
class result_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

class row;
class result;

namespace detail {

/// A result of `result::more` on its way to another node.
struct further_result {
  result& content;
};

/// All of them.
struct further_results {
  std::vector<result>& content;
};

template <class Inspector>
bool inspect(Inspector& f, further_result& x);

template <class Inspector>
bool inspect(Inspector& f, further_results& x);

} // namespace detail

/// The result of a statement: rows, or the effects of a write. One flat buffer holds all cells.
///
/// Plain data: copyable, cheap to move, and may be sent to other nodes.
class result {
public:
  class iterator;

  // -- rows --------------------------------------------------------------------

  /// The columns in the order of the SELECT; empty for a statement without a result set.
  const std::vector<column>& columns() const noexcept { return columns_ ? *columns_ : no_columns(); }

  /// Number of rows; zero for a statement without a result set.
  size_t size() const noexcept { return columns().empty() ? 0 : cells_.count() / columns().size(); }

  /// Whether there are no rows.
  bool empty() const noexcept { return size() == 0; }

  /// The row at `index`, which must be less than `size()`. It points into this result and must not outlive it.
  row operator[](size_t index) const noexcept;

  /// The first row: `for (auto row : rows)`. Iterators and rows must not outlive this result.
  iterator begin() const noexcept;

  /// Behind the last row.
  iterator end() const noexcept;

  /// All rows as structs of a type that has an `inspect` overload, the same that makes it a message:
  ///
  ///     struct manga { uint32_t id = 0; std::optional<std::string> title; };
  ///     template <class Inspector>
  ///     bool inspect(Inspector& f, manga& x) {
  ///       return f.object(x).fields(f.field("id", x.id), f.field("title", x.title));
  ///     }
  ///
  /// A field takes the first column of exactly its name, upper and lower case included; further columns are ignored.
  /// Its type may be whatever `row::get` takes except `std::string_view`, an enum (a number in the column), or a type
  /// whose own overload calls `f.apply(...)`. NULL empties a `std::optional`. A field with a `fallback` takes it if
  /// there is no such column, or for NULL if it is no `std::optional`. Setters, invariants and `on_load` work as in
  /// CAF. `T` must have a default constructor.
  /// @throws result_error if a field has no column, even if there are no rows; if a value is NULL, of another type or
  ///         out of range; if a setter, invariant or `on_load` refuses. The text names row, field and its type.
  template <class T>
  std::vector<T> as() const;

  // -- effects -----------------------------------------------------------------

  /// Rows inserted, changed or deleted; zero for a SELECT. An UPDATE counts changed rows, not matched ones.
  uint64_t affected_rows() const noexcept { return affected_rows_; }

  /// The first AUTO_INCREMENT value that the statement created, or zero.
  uint64_t last_insert_id() const noexcept { return last_insert_id_; }

  /// Number of warnings on the server.
  uint16_t warnings() const noexcept { return warnings_; }

  /// The further results of a `CALL`, in order; empty for everything else.
  const std::vector<result>& more() const noexcept { return more_; }

  /// Bytes held by the cells.
  size_t data_size() const noexcept { return cells_.size(); }

  bool operator==(const result& other) const {
    return columns() == other.columns() && cells_ == other.cells_ && affected_rows_ == other.affected_rows_
           && last_insert_id_ == other.last_insert_id_ && warnings_ == other.warnings_ && more_ == other.more_;
  }

  template <class Inspector>
  friend bool inspect(Inspector& f, result& x) {
    detail::further_results more{x.more_};
    return x.inspect_with(f, f.field("more", more));
  }

  template <class Inspector>
  friend bool detail::inspect(Inspector& f, detail::further_result& x);

private:
  friend class row;
  friend class result_builder;

  static const std::vector<column>& no_columns() noexcept;

  /// Whether all cells and all rows are complete.
  bool consistent() const noexcept;

  /// All fields but the further results, then those given.
  template <class Inspector, class... Fields>
  bool inspect_with(Inspector& f, Fields&&... further) {
    auto get_columns = [this] { return columns(); };
    auto set_columns = [this](std::vector<column> definitions) {
      columns_ = std::make_shared<const std::vector<column>>(std::move(definitions));
      return true;
    };
    auto get_data = [this] { return std::string{cells_.content()}; };
    auto set_data = [this](const std::string& data) {
      cells_ = {data, cells_.ends()};
      return true;
    };
    auto get_ends = [this] { return cells_.ends(); };
    auto set_ends = [this](const std::vector<uint32_t>& ends) {
      cells_ = {cells_.content(), ends};
      return true;
    };
    // Data from other nodes may be damaged: the accessors rely on it.
    auto check = [this] { return consistent(); };
    return f.object(*this).on_load(check).fields(
        f.field("columns", get_columns, set_columns), f.field("data", get_data, set_data),
        f.field("ends", get_ends, set_ends), f.field("affected-rows", affected_rows_),
        f.field("last-insert-id", last_insert_id_), f.field("warnings", warnings_), std::forward<Fields>(further)...);
  }

  std::shared_ptr<const std::vector<column>> columns_; ///< Null if there are none.
  detail::cell_block cells_;                           ///< Row by row.
  uint64_t affected_rows_ = 0;
  uint64_t last_insert_id_ = 0;
  uint16_t warnings_ = 0;
  std::vector<result> more_;
};

/// A row of a `result`, which must outlive it. Columns are counted from zero; names compare exactly, the first match
/// counts.
///
/// `get<T>` takes these types, and `std::optional` of each (empty for NULL):
/// every integer type (range-checked) and `bool` (only 0 and 1) from integers; `double` from real columns, and `float`,
/// the nearest, unless the number is too large or too small for one; `char` from a text of one byte; `std::string`,
/// `std::string_view` from text, JSON, decimals; `cenote::bytes` from text, JSON, bytes, bit; `cenote::decimal` from
/// decimals and integers; `date`, `datetime` and `time` from their own; `value` from all.
class row {
public:
  /// Row `index` of a result, which must be less than its `size()`; see `result::operator[]`.
  row(const result* parent, size_t index) noexcept : parent_{parent}, first_{index * parent->columns().size()} {
    // nop
  }

  /// Number of columns.
  size_t size() const noexcept { return parent_->columns().size(); }

  /// Whether the value is NULL.
  /// @throws result_error if there is no such column.
  bool is_null(size_t index) const;

  /// @copydoc is_null(size_t) const
  bool is_null(std::string_view name) const { return is_null(index_of(name)); }

  /// The cell as the server wrote it; empty for NULL. Not checked for type.
  /// @throws result_error if there is no such column.
  std::string_view text(size_t index) const;

  /// The value at `index`, converted to `T` without loss, but for the rounding of a `float`.
  /// @throws result_error if there is no such column, or the value is NULL (without `std::optional`), of another type,
  ///         or out of range.
  template <class T>
  T get(size_t index) const {
    static_assert(!detail::is_wide_character<T>, "text is UTF-8: read it as a std::string");
    if constexpr (detail::is_optional<T>) {
      if (is_null(index))
        return std::nullopt;
      return get<typename T::value_type>(index);
    } else if constexpr (std::is_same_v<T, bool>) {
      return integer(index, 0, 1) != 0;
    } else if constexpr (std::is_same_v<T, char>) {
      return character(index);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      static_assert(sizeof(T) <= sizeof(int64_t), "the server's integers have 64 bits at most");
      return static_cast<T>(integer(index, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    } else if constexpr (std::is_integral_v<T>) {
      static_assert(sizeof(T) <= sizeof(uint64_t), "the server's integers have 64 bits at most");
      return static_cast<T>(unsigned_integer(index, std::numeric_limits<T>::max()));
    } else if constexpr (std::is_same_v<T, float>) {
      return short_real(index);
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(real(index));
    } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
      return T{string(index)};
    } else if constexpr (std::is_same_v<T, value>) {
      return value_at(index);
    } else {
      static_assert(std::is_constructible_v<value, T>, "a column cannot be read as this type: see cenote::row");
      return object<T>(index);
    }
  }

  /// @copydoc get(size_t) const
  template <class T>
  T get(std::string_view name) const {
    return get<T>(index_of(name));
  }

  /// The row as a struct. Every call looks the columns up: for all rows of a result, use `result::as`, which also says
  /// what `T` may be.
  /// @throws result_error as `result::as` does.
  template <class T>
  T as() const;

  /// The value in the type that its column has by the type map of `column_type`.
  /// @throws result_error if there is no such column.
  value value_at(size_t index) const;

  /// The position of the first column of that name.
  /// @throws result_error if there is none; the text lists the names there are.
  size_t index_of(std::string_view name) const;

private:
  int64_t integer(size_t index, int64_t min, int64_t max) const;
  uint64_t unsigned_integer(size_t index, uint64_t max) const;
  double real(size_t index) const;
  float short_real(size_t index) const;
  char character(size_t index) const;
  std::string_view string(size_t index) const;

  /// Defined for bytes, decimal, date, datetime and time.
  template <class T>
  T object(size_t index) const;

  const column& column_at(size_t index) const;
  std::string_view not_null(size_t index, const char* expected_type) const;
  [[noreturn]] void mismatch(size_t index, const char* expected_type) const;

  const result* parent_;
  size_t first_; ///< Index of this row's first cell.
};

template <>
bytes row::object<bytes>(size_t index) const;
template <>
decimal row::object<decimal>(size_t index) const;
template <>
date row::object<date>(size_t index) const;
template <>
datetime row::object<datetime>(size_t index) const;
template <>
time row::object<time>(size_t index) const;

/// Walks the rows of a result.
class result::iterator {
public:
  /// @cond standard
  using iterator_category = std::input_iterator_tag;
  using value_type = row;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = row;

  iterator() noexcept = default;
  iterator(const result* parent, size_t index) noexcept : parent_{parent}, index_{index} {
    // nop
  }

  row operator*() const noexcept { return {parent_, index_}; }
  iterator& operator++() noexcept {
    ++index_;
    return *this;
  }
  iterator operator++(int) noexcept {
    auto copy = *this;
    ++index_;
    return copy;
  }
  bool operator==(const iterator&) const noexcept = default;
  /// @endcond

private:
  const result* parent_ = nullptr;
  size_t index_ = 0;
};

inline row result::operator[](size_t index) const noexcept {
  return {this, index};
}

inline result::iterator result::begin() const noexcept {
  return {this, 0};
}

inline result::iterator result::end() const noexcept {
  return {this, size()};
}

/// Fills a `result` cell by cell, in the order in which the server sends them. Scripted pools of tests use it, too.
class result_builder {
public:
  /// Starts a result with these columns.
  void columns(std::vector<column> definitions) {
    columns(std::make_shared<const std::vector<column>>(std::move(definitions)));
  }

  /// Starts a result with columns that it shares with others.
  void columns(std::shared_ptr<const std::vector<column>> definitions) { result_.columns_ = std::move(definitions); }

  /// Appends a cell that is NULL.
  void add_null() { result_.cells_.add_null(); }

  /// Appends a cell in the server's text form.
  void add(std::string_view cell) { result_.cells_.add(cell); }

  /// Sets the effects of a write.
  void effects(uint64_t affected_rows, uint64_t last_insert_id, uint16_t warnings) {
    result_.affected_rows_ = affected_rows;
    result_.last_insert_id_ = last_insert_id;
    result_.warnings_ = warnings;
  }

  /// Appends a further result of a `CALL`.
  void more(result further) { result_.more_.push_back(std::move(further)); }

  /// Bytes that the result holds so far, with the room for the ends of its cells.
  size_t size() const noexcept { return result_.cells_.size() + result_.cells_.count() * sizeof(uint32_t); }

  /// The result sets of a result one by one, without their common effects.
  static std::vector<result> take_apart(result combined);

  /// Returns the result and starts a new one.
  result finish() { return std::exchange(result_, {}); }

private:
  result result_;
};

/// Further results have none themselves: data from other nodes must not decide how deep a reader recurses.
template <class Inspector>
bool detail::inspect(Inspector& f, further_result& x) {
  return x.content.inspect_with(f);
}

template <class Inspector>
bool detail::inspect(Inspector& f, further_results& x) {
  auto size = x.content.size();
  if (!f.begin_sequence(size))
    return false;
  if constexpr (Inspector::is_loading)
    x.content.clear();
  for (size_t i = 0; i < size; ++i) {
    if constexpr (Inspector::is_loading)
      x.content.emplace_back();
    further_result each{x.content[i]};
    if (!inspect(f, each))
      return false;
  }
  return f.end_sequence();
}

template <class Inspector>
bool inspect(Inspector& f, column_type& x) {
  return detail::inspect_enum(f, x, column_type::null);
}

template <class Inspector>
bool inspect(Inspector& f, column& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("type", x.type));
}

} // namespace cenote

// Defines `result::as` and `row::as`.
#include "cenote/detail/row_reader.hpp"
