#include "cenote/result.hpp"

#include "types/column_names.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

namespace cenote {

namespace {

using detail::list;
using detail::quoted;

/// The C++ types that a column can be read as.
const char* readable_as(column_type type) {
  switch (type) {
  case column_type::integer:
    return "an integer type or cenote::decimal";
  case column_type::unsigned_integer:
    return "an unsigned integer type or cenote::decimal";
  case column_type::real:
    return "double";
  case column_type::decimal:
    return "cenote::decimal or std::string";
  case column_type::text:
  case column_type::json:
    return "std::string";
  case column_type::bytes:
  case column_type::bit:
    return "cenote::bytes";
  case column_type::date:
    return "cenote::date";
  case column_type::datetime:
    return "cenote::datetime";
  case column_type::time:
    return "cenote::time";
  case column_type::null:
    return "a std::optional";
  }
  return "cenote::value";
}

/// Parses all of `text`; the server writes nothing but the number.
template <class T>
bool parse(std::string_view text, T& out) {
  auto end = text.data() + text.size();
  auto [ptr, ec] = std::from_chars(text.data(), end, out);
  return ec == std::errc{} && ptr == end;
}

[[noreturn]] void damaged(const column& source, std::string_view cell) {
  throw result_error("column " + quoted(source.name) + " is " + std::string{to_string(source.type)} + " but holds "
                     + quoted(cell.substr(0, 40)) + ": the result is damaged, or not made by a server");
}

template <class T>
[[noreturn]] void out_of_range(const column& source, std::string_view cell, T min, T max) {
  throw result_error("column " + quoted(source.name) + " holds " + std::string{cell} + ", outside of the wanted type's "
                     + std::to_string(min) + " to " + std::to_string(max) + ": read it as a type that holds it");
}

} // namespace

std::string_view to_string(column_type type) {
  switch (type) {
  case column_type::integer:
    return "integer";
  case column_type::unsigned_integer:
    return "unsigned integer";
  case column_type::real:
    return "real";
  case column_type::decimal:
    return "decimal";
  case column_type::text:
    return "text";
  case column_type::json:
    return "json";
  case column_type::bytes:
    return "bytes";
  case column_type::bit:
    return "bit";
  case column_type::date:
    return "date";
  case column_type::datetime:
    return "datetime";
  case column_type::time:
    return "time";
  case column_type::null:
    return "null";
  }
  return "invalid type";
}

// -- result ----------------------------------------------------------------------

const std::vector<column>& result::no_columns() noexcept {
  static const std::vector<column> none;
  return none;
}

bool result::consistent() const noexcept {
  if (columns().empty())
    return cells_.count() == 0 && cells_.size() == 0;
  return cells_.count() % columns().size() == 0 && cells_.is_consistent();
}

// -- row -------------------------------------------------------------------------

const column& row::column_at(size_t index) const {
  const auto& columns = parent_->columns();
  if (first_ >= parent_->cells_.count())
    throw result_error("there is no such row: the result has " + std::to_string(parent_->size())
                       + " rows, counted from 0");
  if (index < columns.size())
    return columns[index];
  throw result_error("there is no column " + std::to_string(index) + ": the result has "
                     + std::to_string(columns.size()) + (columns.size() == 1 ? " column" : " columns")
                     + ", counted from 0: " + list(columns));
}

size_t row::index_of(std::string_view name) const {
  const auto& columns = parent_->columns();
  auto i = std::ranges::find(columns, name, &column::name);
  if (i != columns.end())
    return static_cast<size_t>(i - columns.begin());
  throw result_error("there is no column " + quoted(name) + ": the result has " + list(columns));
}

bool row::is_null(size_t index) const {
  column_at(index);
  return parent_->cells_.is_null(first_ + index);
}

std::string_view row::text(size_t index) const {
  column_at(index);
  return parent_->cells_[first_ + index];
}

std::string_view row::not_null(size_t index, const char* expected_type) const {
  const auto& source = column_at(index);
  const auto& cells = parent_->cells_;
  auto cell = first_ + index;
  if (cells.is_null(cell))
    throw result_error("column " + quoted(source.name) + " (" + std::string{to_string(source.type)}
                       + ") is NULL here, which " + expected_type
                       + " cannot hold: read it as a std::optional, or use COALESCE in SQL");
  return cells[cell];
}

void row::mismatch(size_t index, const char* expected_type) const {
  const auto& source = column_at(index);
  throw result_error("column " + quoted(source.name) + " is " + std::string{to_string(source.type)} + ", not "
                     + expected_type + ": read it as " + readable_as(source.type) + ", or CAST it in SQL");
}

int64_t row::integer(size_t index, int64_t min, int64_t max) const {
  auto cell = not_null(index, "an integer");
  const auto& source = parent_->columns()[index];
  if (source.type == column_type::integer) {
    int64_t result = 0;
    if (!parse(cell, result))
      damaged(source, cell);
    if (result < min || result > max)
      out_of_range(source, cell, min, max);
    return result;
  }
  if (source.type == column_type::unsigned_integer) {
    uint64_t result = 0;
    if (!parse(cell, result))
      damaged(source, cell);
    if (result > static_cast<uint64_t>(max))
      out_of_range(source, cell, min, max);
    return static_cast<int64_t>(result);
  }
  mismatch(index, "integer");
}

uint64_t row::unsigned_integer(size_t index, uint64_t max) const {
  auto cell = not_null(index, "an integer");
  const auto& source = parent_->columns()[index];
  if (source.type != column_type::integer && source.type != column_type::unsigned_integer)
    mismatch(index, "integer");
  if (source.type == column_type::integer && cell.starts_with('-'))
    out_of_range(source, cell, uint64_t{0}, max);
  uint64_t result = 0;
  if (!parse(cell, result))
    damaged(source, cell);
  if (result > max)
    out_of_range(source, cell, uint64_t{0}, max);
  return result;
}

double row::real(size_t index) const {
  auto cell = not_null(index, "a floating-point number");
  const auto& source = column_at(index);
  if (source.type != column_type::real)
    mismatch(index, "real");
  double result = 0;
  if (!parse(cell, result))
    damaged(source, cell);
  return result;
}

float row::short_real(size_t index) const {
  auto exact = real(index);
  auto result = static_cast<float>(exact);
  if ((std::isinf(result) && !std::isinf(exact)) || (result == 0 && exact != 0))
    throw result_error("column " + quoted(column_at(index).name) + " holds " + std::string{text(index)}
                       + ", which is too " + (result == 0 ? "small" : "large") + " for a float: read it as double");
  return result;
}

char row::character(size_t index) const {
  auto cell = string(index);
  if (cell.size() != 1)
    throw result_error("column " + quoted(column_at(index).name) + " holds a text of " + std::to_string(cell.size())
                       + " bytes, not one character of ASCII: read it as std::string");
  return cell.front();
}

std::string_view row::string(size_t index) const {
  auto cell = not_null(index, "a string");
  switch (parent_->columns()[index].type) {
  case column_type::text:
  case column_type::json:
  case column_type::decimal:
    return cell;
  default:
    mismatch(index, "text");
  }
}

template <>
bytes row::object<bytes>(size_t index) const {
  auto cell = not_null(index, "cenote::bytes");
  switch (column_at(index).type) {
  case column_type::text:
  case column_type::json:
  case column_type::bytes:
  case column_type::bit:
    return {std::string{cell}};
  default:
    mismatch(index, "bytes");
  }
}

template <>
decimal row::object<decimal>(size_t index) const {
  auto cell = not_null(index, "cenote::decimal");
  switch (column_at(index).type) {
  case column_type::decimal:
  case column_type::integer:
  case column_type::unsigned_integer:
    return {std::string{cell}};
  default:
    mismatch(index, "decimal");
  }
}

template <>
date row::object<date>(size_t index) const {
  auto cell = not_null(index, "cenote::date");
  if (column_at(index).type != column_type::date)
    mismatch(index, "date");
  if (auto result = parse_date(cell))
    return *result;
  damaged(column_at(index), cell);
}

template <>
datetime row::object<datetime>(size_t index) const {
  auto cell = not_null(index, "cenote::datetime");
  if (column_at(index).type != column_type::datetime)
    mismatch(index, "datetime");
  if (auto result = parse_datetime(cell))
    return *result;
  damaged(column_at(index), cell);
}

template <>
time row::object<time>(size_t index) const {
  auto cell = not_null(index, "cenote::time");
  if (column_at(index).type != column_type::time)
    mismatch(index, "time");
  if (auto result = parse_time(cell))
    return *result;
  damaged(column_at(index), cell);
}

value row::value_at(size_t index) const {
  if (is_null(index))
    return null{};
  switch (column_at(index).type) {
  case column_type::integer:
    return get<int64_t>(index);
  case column_type::unsigned_integer:
    return get<uint64_t>(index);
  case column_type::real:
    return get<double>(index);
  case column_type::decimal:
    return object<decimal>(index);
  case column_type::text:
  case column_type::json:
    return std::string{text(index)};
  case column_type::bytes:
  case column_type::bit:
    return object<bytes>(index);
  case column_type::date:
    return object<date>(index);
  case column_type::datetime:
    return object<datetime>(index);
  case column_type::time:
    return object<time>(index);
  case column_type::null:
    break;
  }
  damaged(column_at(index), text(index));
}

std::vector<result> result_builder::take_apart(result combined) {
  std::vector<result> sets;
  auto further = std::exchange(combined.more_, {});
  sets.reserve(1 + further.size());
  sets.push_back(std::move(combined));
  std::ranges::move(further, std::back_inserter(sets));
  for (auto& set : sets)
    set.affected_rows_ = set.last_insert_id_ = 0;
  return sets;
}

} // namespace cenote
