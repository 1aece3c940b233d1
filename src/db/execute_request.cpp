#include "db/execute_request.hpp"

#include "db/parameter_rules.hpp"
#include "db/placeholders.hpp"
#include "db/text_literal.hpp"
#include "types/temporal_text.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <string_view>
#include <variant>

namespace cenote::db {

namespace {

void append_number(std::string& out, uint64_t number, size_t bytes) {
  char little_endian[sizeof(number)];
  for (size_t i = 0; i < bytes; ++i)
    little_endian[i] = static_cast<char>((number >> (8 * i)) & 0xff);
  out.append(little_endian, bytes);
}

void append_text(std::string& out, std::string_view text) {
  if (text.size() < 251) {
    append_number(out, text.size(), 1);
  } else if (text.size() < 1u << 16) {
    out += '\xfc';
    append_number(out, text.size(), 2);
  } else if (text.size() < 1u << 24) {
    out += '\xfd';
    append_number(out, text.size(), 3);
  } else {
    out += '\xfe';
    append_number(out, text.size(), 8);
  }
  out += text;
}

template <class T>
bool parse(std::string_view text, T& number) {
  auto end = text.data() + text.size();
  auto [ptr, ec] = std::from_chars(text.data(), end, number);
  return ec == std::errc{} && ptr == end;
}

/// Appends the values of the parameters, and writes their types. Every function returns false if the value cannot be
/// sent in this way.
class value_writer {
public:
  /// @param types where the type of the next parameter belongs in `out`: two bytes each.
  /// @param nulls where the bits for NULL begin.
  value_writer(std::string& out, size_t types, size_t nulls, const MARIADB_CHARSET_INFO& charset)
      : out_{out}, types_{types}, nulls_{nulls}, charset_{charset} {
    // nop
  }

  bool add(const value& parameter) {
    auto good = std::visit(*this, parameter);
    ++index_;
    return good;
  }

  bool operator()(const null&) {
    out_[nulls_ + index_ / 8] |= static_cast<char>(1 << (index_ % 8));
    return is(MYSQL_TYPE_NULL);
  }

  bool operator()(int64_t number) {
    append_number(out_, static_cast<uint64_t>(number), 8);
    return is(MYSQL_TYPE_LONGLONG);
  }

  /// A literal is unsigned only if it has to be.
  bool operator()(uint64_t number) {
    append_number(out_, number, 8);
    return is(MYSQL_TYPE_LONGLONG, number > INT64_MAX);
  }

  bool operator()(double number) {
    append_number(out_, std::bit_cast<uint64_t>(number), 8);
    return std::isfinite(number) && is(MYSQL_TYPE_DOUBLE);
  }

  /// The server refuses invalid text in most literals, and takes it as a parameter.
  bool operator()(const std::string& text) {
    append_text(out_, text);
    return is_valid(text, charset_) && is(MYSQL_TYPE_VAR_STRING);
  }

  bool operator()(const bytes&) { return false; }

  /// A literal without a point is an integer as long as it is one of the server's.
  bool operator()(const decimal& number) {
    if (!is_decimal(number.digits))
      return false;
    int64_t whole = 0;
    uint64_t large = 0;
    if (parse(number.digits, whole))
      return (*this)(whole);
    if (parse(number.digits, large))
      return (*this)(large);
    append_text(out_, number.digits);
    return is(MYSQL_TYPE_NEWDECIMAL);
  }

  bool operator()(const date& day) {
    if (!detail::in_range(day))
      return false;
    if (!is_real(day))
      return as_text(day);
    append_number(out_, 4, 1);
    append_day(day.year, day.month, day.day);
    return is(MYSQL_TYPE_DATE);
  }

  bool operator()(const datetime& moment) {
    if (!detail::in_range(moment))
      return false;
    if (!is_real(moment))
      return as_text(moment);
    if (moment.microsecond != 0) // MariaDB loses them in unions, and in TIME().
      return false;
    append_number(out_, 7, 1);
    append_day(moment.year, moment.month, moment.day);
    append_clock(moment.hour, moment.minute, moment.second);
    return is(MYSQL_TYPE_DATETIME);
  }

  bool operator()(const time& span) {
    if (!detail::in_range(span))
      return false;
    if (!is_real(span))
      return as_text(span);
    if (span.negative || span.microsecond != 0) // MariaDB loses the sign where a number is wanted.
      return false;
    append_number(out_, 8, 1);
    append_number(out_, 0, 1);
    append_number(out_, span.hours / 24, 4);
    append_clock(static_cast<uint8_t>(span.hours % 24), span.minute, span.second);
    return is(MYSQL_TYPE_TIME);
  }

private:
  bool is(enum_field_types type, bool is_unsigned = false) {
    out_[types_ + 2 * index_] = static_cast<char>(type);
    out_[types_ + 2 * index_ + 1] = is_unsigned ? '\x80' : '\0';
    return true;
  }

  template <class T>
  bool as_text(const T& value) {
    std::string text;
    detail::append_text(text, value);
    return (*this)(text);
  }

  void append_day(uint16_t year, uint8_t month, uint8_t day) {
    append_number(out_, year, 2);
    append_number(out_, month, 1);
    append_number(out_, day, 1);
  }

  void append_clock(uint8_t hour, uint8_t minute, uint8_t second) {
    append_number(out_, hour, 1);
    append_number(out_, minute, 1);
    append_number(out_, second, 1);
  }

  std::string& out_;
  size_t types_;
  size_t nulls_;
  const MARIADB_CHARSET_INFO& charset_;
  size_t index_ = 0;
};

/// Where the words begin after which a text must have a whole number, but a parameter may be anything: `LIMIT -1` is an
/// error, and the parameter -1 there means all rows.
size_t begin_of_counts(std::string_view sql) {
  auto same = [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y; };
  size_t first = sql.size();
  for (std::string_view word : {"limit", "offset", "fetch"})
    first = std::min(first, static_cast<size_t>(std::ranges::search(sql, word, same).begin() - sql.begin()));
  return first;
}

bool is_count(const value& parameter) {
  auto number = std::get_if<int64_t>(&parameter);
  return number != nullptr ? *number >= 0 : std::holds_alternative<uint64_t>(parameter);
}

} // namespace

std::optional<std::string> to_prepare(prepared_text& text, bool named) {
  auto found = find_placeholders(text.sql, named ? placeholders::named : placeholders::numbered);
  if (found.doubt != uncertainty::none)
    return std::nullopt;
  text.has_names = named;
  text.names.clear();
  auto counts = begin_of_counts(text.sql);
  text.counts_from = static_cast<size_t>(std::ranges::count_if(found.places, [&](auto& x) { return x.pos < counts; }));
  std::string result;
  size_t copied = 0;
  for (auto& [pos, size] : found.places) {
    text.names.push_back(text.sql.substr(pos + 1, size - 1));
    result.append(text.sql, copied, pos - copied);
    result += '?';
    copied = pos + size;
  }
  result.append(text.sql, copied);
  return result;
}

bool write_execute(std::string& out, const prepared_text& text, const statement& query,
                   const MARIADB_CHARSET_INFO& charset) {
  auto count = text.names.size();
  if (!is_utf8(charset) || text.has_names != !query.names.empty()
      || (text.has_names ? query.names.size() : count) != query.params.size())
    return false;
  out.clear();
  append_number(out, text.id, 4);
  append_number(out, CURSOR_TYPE_NO_CURSOR, 1);
  append_number(out, 1, 4); // The server ignores how often.
  if (count == 0)
    return true;
  auto nulls = out.size();
  out.append((count + 7) / 8, '\0');
  out += '\1'; // The types follow.
  auto types = out.size();
  out.append(2 * count, '\0');
  value_writer write{out, types, nulls, charset};
  for (size_t i = 0; i < count; ++i) {
    auto index = i;
    if (text.has_names)
      index = static_cast<size_t>(std::ranges::find(query.names, text.names[i]) - query.names.begin());
    if (index >= query.params.size() || (i >= text.counts_from && !is_count(query.params[index]))
        || !write.add(query.params[index]))
      return false;
  }
  return true;
}

void set_statement(std::string& request, uint32_t id) {
  std::string text;
  append_number(text, id, 4);
  request.replace(0, text.size(), text);
}

} // namespace cenote::db
