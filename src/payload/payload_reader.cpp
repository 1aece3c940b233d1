#include "cenote/detail/payload_reader.hpp"

#include "payload/json_text.hpp"
#include "payload/path.hpp"
#include "payload/time_text.hpp"
#include "types/hex_digit.hpp"
#include "types/printable.hpp"

#include <cassert>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <caf/error.hpp>
#include <caf/sec.hpp>
#include <nlohmann/json.hpp>

namespace cenote::detail {

using nlohmann::json;

/// The document, and where in it the reader is.
struct payload_reader::state {
  struct level {
    enum class form : uint8_t { object, list, map } kind;
    const json* node;
    size_t next = 0;             ///< Element of a list.
    std::string name;            ///< Of the field.
    const json* field = nullptr; ///< Its value.
    json::const_iterator member; ///< Of a map.
    bool key_is_next = false;
  };

  json document;
  bool is_taken = false;
  std::vector<level> levels; ///< From the outside to the inside.
  std::string problem;

  std::string path() const {
    std::string out;
    for (auto& x : levels) {
      if (x.kind == level::form::list && x.next > 0)
        payload::add_index(out, x.next - 1);
      else if (x.kind == level::form::map && x.member != x.node->end())
        payload::add_name(out, x.member.key());
      else if (!x.name.empty())
        payload::add_name(out, x.name);
    }
    return out;
  }
};

namespace {

const json& as_json(const void* node) {
  return *static_cast<const json*>(node);
}

std::string kind_of(const json& x) {
  switch (x.type()) {
  case json::value_t::null:
    return "null";
  case json::value_t::boolean:
    return "a boolean";
  case json::value_t::string:
    return "a text";
  case json::value_t::array:
    return "a list";
  case json::value_t::object:
    return "an object";
  default:
    return "a number";
  }
}

/// A number as it was written, more or less.
std::string text_of(const json& number) {
  return number.dump().substr(0, 32);
}

/// A number with a fraction of zero is a whole one: JavaScript makes no difference.
template <class T>
std::optional<T> whole_number(const json& x) {
  if (x.is_number_unsigned()) {
    auto out = x.get<uint64_t>();
    return std::in_range<T>(out) ? std::optional{static_cast<T>(out)} : std::nullopt;
  }
  if (x.is_number_integer()) {
    auto out = x.get<int64_t>();
    return std::in_range<T>(out) ? std::optional{static_cast<T>(out)} : std::nullopt;
  }
  constexpr double exact = 9'007'199'254'740'992.0; // 2^53
  auto out = x.get<double>();
  if (out != std::trunc(out) || std::abs(out) > exact || (std::is_unsigned_v<T> && out < 0))
    return std::nullopt;
  return static_cast<T>(out);
}

/// What CAF says about a value that was read, but refused.
std::string reason_of(const caf::error& why) {
  if (why == caf::sec::save_callback_failed || why == caf::sec::field_invariant_check_failed
      || why == caf::sec::field_value_synchronization_failed || why == caf::sec::load_callback_failed || !why)
    return "the value is not allowed";
  return caf::to_string(why);
}

} // namespace

payload_reader::payload_reader(std::string_view text) : state_{std::make_unique<state>()} {
  state_->problem = payload::parse(text, state_->document);
}

payload_reader::~payload_reader() = default;

std::string payload_reader::problem() const {
  if (!state_->problem.empty())
    return state_->problem;
  auto path = state_->path();
  return (path.empty() ? "" : path + ": ") + reason_of(get_error());
}

bool payload_reader::fail(std::string why) {
  if (state_->problem.empty()) {
    auto path = state_->path();
    state_->problem = path.empty() ? std::move(why) : path + ": " + why;
  }
  return false;
}

bool payload_reader::expected(std::string_view what, const void* got) {
  return fail("expected " + std::string{what} + ", got " + kind_of(as_json(got)));
}

bool payload_reader::out_of_range() {
  return fail("the value is out of range");
}

/// The value to be read next; null after a failure.
const void* payload_reader::take() {
  if (!state_->problem.empty())
    return nullptr;
  if (state_->levels.empty()) {
    if (std::exchange(state_->is_taken, true))
      fail("the inspect overload reads two values");
    return state_->problem.empty() ? &state_->document : nullptr;
  }
  auto& outer = state_->levels.back();
  switch (outer.kind) {
  case state::level::form::object:
    if (outer.field == nullptr)
      fail("the inspect overload reads a value outside of a field");
    return outer.field;
  case state::level::form::list:
    if (outer.next < outer.node->size())
      return &(*outer.node)[outer.next++];
    fail("expected more than " + std::to_string(outer.next) + " elements");
    return nullptr;
  case state::level::form::map:
    if (outer.key_is_next)
      fail("the keys of a map have to be texts");
    else if (outer.member == outer.node->end())
      fail("expected more elements");
    else
      return &*outer.member;
  }
  return nullptr;
}

bool payload_reader::take_null() {
  auto& levels = state_->levels;
  const json* next = nullptr;
  if (levels.empty())
    next = &state_->document;
  else if (auto& outer = levels.back(); outer.kind == state::level::form::list && outer.next < outer.node->size())
    next = &(*outer.node)[outer.next];
  else if (outer.kind == state::level::form::map && outer.member != outer.node->end())
    next = &*outer.member;
  return next != nullptr && next->is_null() && take() != nullptr;
}

bool payload_reader::push(const void* node, bool is_map) {
  auto& value = as_json(node);
  auto kind = value.is_array() ? state::level::form::list
              : is_map         ? state::level::form::map
                               : state::level::form::object;
  state_->levels.push_back({kind, &value, 0, {}, nullptr, value.begin(), false});
  return true;
}

// -- structure ---------------------------------------------------------------------

bool payload_reader::begin_object(caf::type_id_t, caf::string_view) {
  auto node = take();
  if (node == nullptr)
    return false;
  return as_json(node).is_object() ? push(node, false) : expected("an object", node);
}

bool payload_reader::end_object() {
  state_->levels.pop_back();
  return true;
}

/// Goes to a field; null if it is absent or null.
const void* payload_reader::find_field(caf::string_view name) {
  if (state_->levels.empty() || state_->levels.back().kind != state::level::form::object) {
    fail("the inspect overload reads a field outside of an object");
    return nullptr;
  }
  auto& object = state_->levels.back();
  object.name.assign(name.data(), name.size());
  auto found = object.node->find(object.name);
  object.field = found != object.node->end() ? &*found : nullptr;
  return object.field != nullptr && !object.field->is_null() ? object.field : nullptr;
}

bool payload_reader::begin_field(caf::string_view name) {
  return find_field(name) != nullptr || (state_->problem.empty() && state_->levels.back().field != nullptr)
         || fail("is missing");
}

bool payload_reader::begin_field(caf::string_view name, bool& is_present) {
  is_present = find_field(name) != nullptr;
  return state_->problem.empty();
}

bool payload_reader::begin_field(caf::string_view name, caf::span<const caf::type_id_t> types, size_t& index) {
  auto type_field = "@" + std::string{name.data(), name.size()} + "-type";
  auto type = find_field(type_field);
  if (type == nullptr)
    return fail("is missing");
  if (!as_json(type).is_string())
    return expected("the name of a type", type);
  auto& type_name = as_json(type).get_ref<const std::string&>();
  auto is_it = [&](caf::type_id_t id) {
    auto known = caf::query_type_name(id);
    return std::string_view{known.data(), known.size()} == type_name;
  };
  auto found = std::find_if(types.begin(), types.end(), is_it);
  if (found == types.end())
    return fail("the type '" + show_within(type_name, 64).text + "' is not allowed here");
  index = static_cast<size_t>(found - types.begin());
  return begin_field(name);
}

bool payload_reader::begin_field(caf::string_view name, bool& is_present, caf::span<const caf::type_id_t> types,
                                 size_t& index) {
  return begin_field(name, is_present) && (!is_present || begin_field(name, types, index));
}

bool payload_reader::end_field() {
  state_->levels.back().name.clear();
  state_->levels.back().field = nullptr;
  return true;
}

bool payload_reader::begin_tuple(size_t size) {
  auto node = take();
  if (node == nullptr)
    return false;
  auto what = "a list of " + std::to_string(size);
  if (!as_json(node).is_array())
    return expected(what, node);
  if (as_json(node).size() != size)
    return fail("expected " + what + ", got one of " + std::to_string(as_json(node).size()));
  return push(node, false);
}

bool payload_reader::end_tuple() {
  return end_object();
}

bool payload_reader::begin_sequence(size_t& size) {
  auto node = take();
  if (node == nullptr)
    return false;
  if (!as_json(node).is_array())
    return expected("a list", node);
  size = as_json(node).size();
  return push(node, false);
}

bool payload_reader::end_sequence() {
  return end_object();
}

bool payload_reader::begin_associative_array(size_t& size) {
  auto node = take();
  if (node == nullptr)
    return false;
  if (!as_json(node).is_object())
    return expected("an object", node);
  size = as_json(node).size();
  return push(node, true);
}

bool payload_reader::end_associative_array() {
  return end_object();
}

bool payload_reader::begin_key_value_pair() {
  state_->levels.back().key_is_next = true;
  return true;
}

bool payload_reader::end_key_value_pair() {
  ++state_->levels.back().member;
  return true;
}

// -- values ------------------------------------------------------------------------

bool payload_reader::value(bool& x) {
  auto node = take();
  if (node == nullptr)
    return false;
  if (!as_json(node).is_boolean())
    return expected("a boolean", node);
  x = as_json(node).get<bool>();
  return true;
}

bool payload_reader::value(double& x) {
  auto node = take();
  if (node == nullptr)
    return false;
  if (!as_json(node).is_number())
    return expected("a number", node);
  x = as_json(node).get<double>();
  return true;
}

bool payload_reader::value(float& x) {
  double out = 0;
  if (!value(out))
    return false;
  // The largest float, and what is rounded to it.
  if (std::abs(out) >= 3.4028235677973366e38)
    return out_of_range();
  x = static_cast<float>(out);
  return true;
}

bool payload_reader::value(long double& x) {
  double out = 0;
  if (!value(out))
    return false;
  x = out;
  return true;
}

bool payload_reader::value(std::string& x) {
  if (auto& levels = state_->levels; state_->problem.empty() && !levels.empty() && levels.back().key_is_next) {
    auto& map = levels.back();
    map.key_is_next = false;
    if (map.member == map.node->end())
      return fail("expected more elements");
    x = map.member.key();
    return true;
  }
  auto node = take();
  if (node == nullptr)
    return false;
  if (!as_json(node).is_string())
    return expected("a text", node);
  x = as_json(node).get_ref<const std::string&>();
  return true;
}

bool payload_reader::value(caf::byte& x) {
  uint8_t out = 0;
  if (!value(out))
    return false;
  x = static_cast<caf::byte>(out);
  return true;
}

bool payload_reader::value(caf::span<caf::byte> x) {
  std::string data;
  if (!hex(data))
    return false;
  if (data.size() != x.size())
    return fail("expected " + std::to_string(x.size()) + " bytes, got " + std::to_string(data.size()));
  std::transform(data.begin(), data.end(), x.begin(), [](char c) { return static_cast<caf::byte>(c); });
  return true;
}

bool payload_reader::number(int64_t& out, int64_t min, int64_t max) {
  auto node = take();
  if (node == nullptr)
    return false;
  auto what = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  if (!as_json(node).is_number())
    return expected(what, node);
  auto read = whole_number<int64_t>(as_json(node));
  if (!read || *read < min || *read > max)
    return fail("expected " + what + ", got " + text_of(as_json(node)));
  out = *read;
  return true;
}

bool payload_reader::number(uint64_t& out, uint64_t max) {
  auto node = take();
  if (node == nullptr)
    return false;
  auto what = "a whole number from 0 to " + std::to_string(max);
  if (!as_json(node).is_number())
    return expected(what, node);
  auto read = whole_number<uint64_t>(as_json(node));
  if (!read || *read > max)
    return fail("expected " + what + ", got " + text_of(as_json(node)));
  out = *read;
  return true;
}

bool payload_reader::hex(std::string& out) {
  auto node = take();
  if (node == nullptr)
    return false;
  constexpr std::string_view what = "a text of hexadecimal digits, two for each byte";
  if (!as_json(node).is_string())
    return expected(what, node);
  auto& text = as_json(node).get_ref<const std::string&>();
  out.clear();
  out.reserve(text.size() / 2);
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    auto high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0)
      return fail("expected " + std::string{what});
    out += static_cast<char>(high << 4 | low);
  }
  return text.size() % 2 == 0 || fail("expected " + std::string{what});
}

bool payload_reader::duration(int64_t& count, intmax_t num, intmax_t den) {
  if (payload::find_unit(num, den) == nullptr)
    return number(count, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  auto node = take();
  if (node == nullptr)
    return false;
  constexpr std::string_view what = "a duration such as '1500ms'";
  if (!as_json(node).is_string())
    return expected(what, node);
  auto& text = as_json(node).get_ref<const std::string&>();
  auto shown = "'" + show_within(text, 40).text + "'";
  auto parts = payload::split_duration(text);
  int64_t read = 0;
  if (!parts)
    return fail("expected " + std::string{what} + ", got " + shown);
  auto last = parts->number.data() + parts->number.size();
  auto [end, failed] = std::from_chars(parts->number.data(), last, read);
  if (end != last || failed == std::errc::invalid_argument)
    return fail("expected " + std::string{what} + ", got " + shown);
  auto converted =
      failed == std::errc{} ? payload::convert(read, parts->of->num, parts->of->den, num, den) : std::nullopt;
  if (!converted)
    return fail("the duration " + shown + " is too long, or finer than the field");
  count = *converted;
  return true;
}

bool payload_reader::duration(double& count, intmax_t num, intmax_t den) {
  if (payload::find_unit(num, den) == nullptr)
    return value(count);
  auto node = take();
  if (node == nullptr)
    return false;
  constexpr std::string_view what = "a duration such as '1.5s'";
  if (!as_json(node).is_string())
    return expected(what, node);
  auto& text = as_json(node).get_ref<const std::string&>();
  auto parts = payload::split_duration(text);
  double read = 0;
  if (parts) {
    auto last = parts->number.data() + parts->number.size();
    auto [end, failed] = std::from_chars(parts->number.data(), last, read);
    if (end != last || failed != std::errc{} || !std::isfinite(read))
      parts.reset();
  }
  if (!parts)
    return fail("expected " + std::string{what} + ", got '" + show_within(text, 40).text + "'");
  if (parts->of->num != num || parts->of->den != den)
    read = read * static_cast<double>(parts->of->num) * static_cast<double>(den)
           / (static_cast<double>(parts->of->den) * static_cast<double>(num));
  count = read;
  return true;
}

bool payload_reader::time(int64_t& count, intmax_t num, intmax_t den) {
  auto node = take();
  if (node == nullptr)
    return false;
  constexpr std::string_view what = "a time such as '2026-11-27T18:33:53Z'";
  if (!as_json(node).is_string())
    return expected(what, node);
  auto& text = as_json(node).get_ref<const std::string&>();
  auto shown = "'" + show_within(text, 40).text + "'";
  auto read = payload::parse_time(text);
  if (!read)
    return fail("expected " + std::string{what} + ", got " + shown);
  auto converted = payload::convert(*read, num, den);
  if (!converted)
    return fail("the time " + shown + " is beyond the range of the field, or finer");
  count = *converted;
  return true;
}

} // namespace cenote::detail
