#include "cenote/detail/row_reader.hpp"

#include "types/column_names.hpp"

namespace cenote::detail {

namespace {

std::string field_text(std::string_view name, const std::string& type) {
  return "field " + quoted(name) + " (" + type + ")";
}

} // namespace

void cell_reader::fail() const {
  // Without row and field: the caller adds them.
  throw result_error("its type does not take " + quoted(from_.text(column_).substr(0, 40))
                     + (reason_.value_or("").empty() ? "" : ": " + *reason_));
}

size_t row_reader::column_of(std::string_view name) {
  auto i = next_++;
  // An overload that names other fields for some rows is slower, but still correct.
  if (i < slots_.size() && slots_[i].name == name)
    return slots_[i].column;
  const auto& columns = rows_.columns();
  auto found = std::ranges::find(columns, name, &column::name);
  slots_.resize(std::max(slots_.size(), i + 1));
  slots_[i] = {std::string{name}, found == columns.end() ? npos : static_cast<size_t>(found - columns.begin())};
  return slots_[i].column;
}

void row_reader::fail_lookup(std::string_view field, const std::string& type) const {
  if (rows_.columns().empty())
    throw result_error("there is no column for the " + field_text(field, type)
                       + ": the result has no columns at all, as after a write");
  throw result_error("there is no column for the " + field_text(field, type) + ": the result has "
                     + list(rows_.columns()) + "; names must be equal, upper and lower case included");
}

void row_reader::fail(std::string_view field, const std::string& type, const std::string& reason) const {
  throw result_error("row " + std::to_string(row_) + ", " + field_text(field, type) + ": " + reason);
}

void row_reader::fail_object(const std::string& reason) const {
  throw result_error("row " + std::to_string(row_) + ": its type does not take these values"
                     + (reason.empty() ? "" : ": " + reason));
}

void row_reader::refuse(std::string_view field, const std::string& type, const char* refused_by,
                        const std::string& reason) const {
  auto column = slots_[next_ - 1].column;
  // Without a column it is the overload's own fallback that is refused.
  auto rejected = column == npos
                      ? "the fallback"
                      : "column " + quoted(rows_.columns()[column].name) + " holds "
                            + (source().is_null(column) ? "NULL" : quoted(source().text(column).substr(0, 40)));
  fail(field, type, rejected + ", which the " + refused_by + " refuses" + (reason.empty() ? "" : ": " + reason));
}

} // namespace cenote::detail
