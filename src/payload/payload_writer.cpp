#include "cenote/detail/payload_writer.hpp"

#include "payload/limits.hpp"
#include "payload/path.hpp"
#include "payload/time_text.hpp"
#include "types/hex_digit.hpp"
#include "types/printable.hpp"

#include <cassert>
#include <charconv>
#include <cmath>

#include <caf/error.hpp>

namespace cenote::detail {

namespace {

template <class T>
std::string shortest(T x) {
  char buffer[64];
  auto [end, failed] = std::to_chars(buffer, buffer + sizeof buffer, x);
  assert(failed == std::errc{});
  return {buffer, end};
}

/// The fewest digits from which the same number is read.
std::string digits_of(double x) {
  auto out = shortest(x);
  // "-0" would be read as the integer zero.
  if (out.find_first_of(".e") == out.npos)
    out += ".0";
  return out;
}

void append_escaped(std::string& out, std::string_view text) {
  for (auto c : text) {
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (auto code = static_cast<unsigned char>(c); code < 0x20) {
        out += "\\u00";
        append_hex(out, code);
      } else {
        out += c;
      }
    }
  }
}

std::string_view view(caf::string_view x) {
  return {x.data(), x.size()};
}

} // namespace

std::string payload_writer::problem() const {
  if (!problem_.empty())
    return problem_;
  return get_error() ? caf::to_string(get_error()) : "the inspect overload failed without a reason";
}

bool payload_writer::fail(std::string why) {
  if (!problem_.empty())
    return false;
  std::string path;
  for (auto& x : levels_) {
    if (x.kind == level::form::list && x.count > 0)
      payload::add_index(path, x.count - 1);
    else if (x.kind == level::form::map && !x.key_is_next)
      payload::add_name(path, x.key);
    else if (!x.name.empty())
      payload::add_name(path, x.name);
  }
  problem_ = path.empty() ? std::move(why) : path + ": " + why;
  return false;
}

/// What comes before a value.
bool payload_writer::begin_value() {
  if (levels_.empty())
    return out_.empty() || fail("the inspect overload writes two values");
  auto& outer = levels_.back();
  switch (outer.kind) {
  case level::form::object:
    return !outer.name.empty() || fail("the inspect overload writes a value outside of a field");
  case level::form::list:
    if (outer.count++ > 0)
      out_ += ',';
    return true;
  case level::form::map:
    return !outer.key_is_next || fail("the keys of a map have to be texts");
  }
  return false;
}

bool payload_writer::push(level::form kind, char bracket) {
  if (!begin_value())
    return false;
  if (levels_.size() == payload::max_depth)
    return fail("more than " + std::to_string(payload::max_depth) + " lists and objects within each other");
  levels_.push_back({kind, 0, {}, {}, false});
  out_ += bracket;
  return true;
}

bool payload_writer::pop(char bracket) {
  assert(!levels_.empty());
  levels_.pop_back();
  out_ += bracket;
  return true;
}

void payload_writer::name(std::string_view field) {
  auto& outer = levels_.back();
  if (outer.count++ > 0)
    out_ += ',';
  out_ += '"';
  append_escaped(out_, field);
  out_ += "\":";
}

bool payload_writer::raw(std::string_view text) {
  if (!begin_value())
    return false;
  out_ += text;
  return true;
}

bool payload_writer::string(std::string_view text) {
  if (!is_utf8(text))
    return fail("the text is not UTF-8: use cenote::bytes or a vector of bytes");
  if (!levels_.empty() && levels_.back().kind == level::form::map && levels_.back().key_is_next) {
    levels_.back().key = text;
    levels_.back().key_is_next = false;
    name(text);
    return true;
  }
  if (!begin_value())
    return false;
  out_ += '"';
  append_escaped(out_, text);
  out_ += '"';
  return true;
}

// -- structure ---------------------------------------------------------------------

bool payload_writer::begin_object(caf::type_id_t, caf::string_view) {
  return push(level::form::object, '{');
}

bool payload_writer::end_object() {
  return pop('}');
}

bool payload_writer::begin_field(caf::string_view field) {
  if (levels_.empty() || levels_.back().kind != level::form::object)
    return fail("the inspect overload writes a field outside of an object");
  levels_.back().name = view(field);
  name(view(field));
  return true;
}

bool payload_writer::begin_field(caf::string_view field, bool is_present) {
  return !is_present || begin_field(field);
}

bool payload_writer::begin_field(caf::string_view field, caf::span<const caf::type_id_t> types, size_t index) {
  auto type = index < types.size() ? caf::query_type_name(types[index]) : caf::string_view{};
  if (levels_.empty())
    return fail("the inspect overload writes a field outside of an object");
  levels_.back().name = view(field);
  if (type.empty())
    return fail("the variant is empty, or its type has no name: was its block of types initialized?");
  name("@" + std::string{view(field)} + "-type");
  out_ += '"';
  append_escaped(out_, view(type));
  out_ += '"';
  return begin_field(field);
}

bool payload_writer::begin_field(caf::string_view field, bool is_present, caf::span<const caf::type_id_t> types,
                                 size_t index) {
  return !is_present || begin_field(field, types, index);
}

bool payload_writer::end_field() {
  levels_.back().name = {};
  return true;
}

bool payload_writer::begin_tuple(size_t) {
  return push(level::form::list, '[');
}

bool payload_writer::end_tuple() {
  return pop(']');
}

bool payload_writer::begin_sequence(size_t) {
  return push(level::form::list, '[');
}

bool payload_writer::end_sequence() {
  return pop(']');
}

bool payload_writer::begin_associative_array(size_t) {
  return push(level::form::map, '{');
}

bool payload_writer::end_associative_array() {
  return pop('}');
}

bool payload_writer::begin_key_value_pair() {
  levels_.back().key_is_next = true;
  return true;
}

bool payload_writer::end_key_value_pair() {
  levels_.back().key_is_next = true;
  return true;
}

// -- values ------------------------------------------------------------------------

bool payload_writer::value(bool x) {
  return raw(x ? "true" : "false");
}

bool payload_writer::value(float x) {
  if (!std::isfinite(x))
    return fail("the number is infinite or not a number, which JSON does not have");
  // Numbers are read as a double: a few floats need more digits than their own fewest for that.
  auto text = shortest(x);
  double read = 0;
  std::from_chars(text.data(), text.data() + text.size(), read);
  if (static_cast<float>(read) != x)
    return value(static_cast<double>(x));
  if (text.find_first_of(".e") == text.npos)
    text += ".0";
  return raw(text);
}

bool payload_writer::value(double x) {
  if (!std::isfinite(x))
    return fail("the number is infinite or not a number, which JSON does not have");
  return raw(digits_of(x));
}

bool payload_writer::value(caf::string_view x) {
  return string(view(x));
}

bool payload_writer::null() {
  return raw("null");
}

bool payload_writer::number(int64_t x) {
  return raw(std::to_string(x));
}

bool payload_writer::number(uint64_t x) {
  return raw(std::to_string(x));
}

bool payload_writer::hex(const void* data, size_t size) {
  auto bytes = static_cast<const unsigned char*>(data);
  std::string text;
  text.reserve(2 * size);
  for (size_t i = 0; i < size; ++i)
    append_hex(text, bytes[i]);
  return string(text);
}

bool payload_writer::duration(int64_t count, intmax_t num, intmax_t den) {
  auto unit = payload::find_unit(num, den);
  return unit ? string(std::to_string(count) + std::string{unit->name}) : number(count);
}

bool payload_writer::duration(double count, intmax_t num, intmax_t den) {
  auto unit = payload::find_unit(num, den);
  if (!unit || !std::isfinite(count))
    return value(count);
  return string(shortest(count) + std::string{unit->name});
}

bool payload_writer::time(int64_t seconds, int64_t nanoseconds) {
  return string(payload::format_time(seconds, nanoseconds));
}

} // namespace cenote::detail
