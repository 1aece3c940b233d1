#include "db/result_reader.hpp"

#include <algorithm>
#include <string_view>

namespace cenote::db {

namespace {

constexpr unsigned binary_charset = 63;

/// MySQL's own number for JSON; Connector/C knows it, its header for MariaDB does not use it.
constexpr auto mysql_json = static_cast<enum_field_types>(245);

/// Whether text of this character set, as the server sends it, is UTF-8: a session may have changed its character set.
/// Numbers unknown to Connector/C are collations of newer servers, nearly all of UTF-8.
bool is_utf8(unsigned number) noexcept {
  auto charset = mariadb_get_charset_by_nr(number);
  return charset == nullptr || std::string_view{charset->csname}.starts_with("utf8")
         || std::string_view{charset->csname} == "ascii";
}

bool has_format(const MYSQL_FIELD& field, std::string_view name) noexcept {
  MARIADB_CONST_STRING format{nullptr, 0};
  return mariadb_field_attr(&format, &field, MARIADB_FIELD_ATTR_FORMAT_NAME) == 0 && format.str != nullptr
         && std::string_view{format.str, format.length} == name;
}

} // namespace

shared_columns columns_of(const MYSQL_FIELD* fields, unsigned count) {
  std::vector<column> result;
  result.reserve(count);
  for (unsigned i = 0; i < count; ++i)
    result.push_back({std::string{fields[i].name, fields[i].name_length}, type_of(fields[i])});
  return std::make_shared<const std::vector<column>>(std::move(result));
}

column_type type_of(const MYSQL_FIELD& field) noexcept {
  switch (field.type) {
  case MYSQL_TYPE_TINY:
  case MYSQL_TYPE_SHORT:
  case MYSQL_TYPE_INT24:
  case MYSQL_TYPE_LONG:
  case MYSQL_TYPE_LONGLONG:
    return (field.flags & UNSIGNED_FLAG) != 0 ? column_type::unsigned_integer : column_type::integer;
  case MYSQL_TYPE_YEAR: // Flagged as unsigned, which says nothing about years.
    return column_type::integer;
  case MYSQL_TYPE_FLOAT:
  case MYSQL_TYPE_DOUBLE:
    return column_type::real;
  case MYSQL_TYPE_DECIMAL:
  case MYSQL_TYPE_NEWDECIMAL:
    return column_type::decimal;
  case MYSQL_TYPE_DATE:
  case MYSQL_TYPE_NEWDATE:
    return column_type::date;
  case MYSQL_TYPE_DATETIME:
  case MYSQL_TYPE_DATETIME2:
  case MYSQL_TYPE_TIMESTAMP:
  case MYSQL_TYPE_TIMESTAMP2:
    return column_type::datetime;
  case MYSQL_TYPE_TIME:
  case MYSQL_TYPE_TIME2:
    return column_type::time;
  case MYSQL_TYPE_BIT:
    return column_type::bit;
  case MYSQL_TYPE_NULL:
    return column_type::null;
  case MYSQL_TYPE_GEOMETRY:
    return column_type::bytes;
  default: // Strings of all kinds.
    if (field.type == mysql_json)
      return column_type::json;
    if (field.charsetnr != binary_charset && !is_utf8(field.charsetnr))
      return column_type::bytes;
    if (has_format(field, "json"))
      return column_type::json;
    return field.charsetnr == binary_charset ? column_type::bytes : column_type::text;
  }
}

binary_format format_of(const MYSQL_FIELD& field) noexcept {
  binary_format result;
  result.type = static_cast<uint8_t>(field.type);
  result.is_unsigned = (field.flags & UNSIGNED_FLAG) != 0;
  result.decimals = static_cast<uint8_t>(std::min(field.decimals, 255u));
  constexpr unsigned long max_width = 255;
  if ((field.flags & ZEROFILL_FLAG) != 0)
    result.padded_width = static_cast<uint8_t>(std::min(field.length, max_width));
  return result;
}

void result_reader::start(uint64_t max_bytes, bool each) {
  finish();
  max_bytes_ = max_bytes;
  each_ = each;
}

bool result_reader::begin_rows(shared_columns columns) {
  ++sets_;
  columns_ = columns->size();
  if (sets_ > 1) {
    // A loop in a procedure can return very many small results: they count with all the memory they take.
    complete_ += sizeof(result);
    for (const auto& definition : *columns)
      complete_ += sizeof(column) + definition.name.size();
  }
  current().columns(std::move(columns));
  return is_within_limit();
}

bool result_reader::add(MYSQL_ROW cells, const unsigned long* lengths) {
  auto& target = current();
  last_row_ = columns_ * sizeof(uint32_t);
  for (size_t i = 0; i < columns_; ++i)
    last_row_ += lengths[i];
  if (held() + last_row_ > max_bytes_)
    return false;
  for (size_t i = 0; i < columns_; ++i) {
    if (cells[i] == nullptr)
      target.add_null();
    else
      target.add({cells[i], lengths[i]});
  }
  return true;
}

bool result_reader::add_binary(std::span<const binary_format> columns, std::string_view packet) {
  auto before = held();
  auto is_well_formed = add_binary_row(current(), columns, packet);
  last_row_ = static_cast<size_t>(held() - before);
  return is_well_formed;
}

void result_reader::end_rows(uint16_t warnings) {
  ++ended_sets_;
  current().effects(0, 0, warnings);
  if (sets_ > 1) {
    complete_ += further_.size();
    first_.more(further_.finish());
  }
}

void result_reader::effects(uint64_t affected_rows, uint64_t last_insert_id, uint16_t warnings) {
  first_.effects(affected_rows, last_insert_id, warnings);
}

result result_reader::finish() {
  if (sets_ > 1)
    further_.finish();
  sets_ = 0;
  ended_sets_ = 0;
  complete_ = 0;
  return first_.finish();
}

} // namespace cenote::db
