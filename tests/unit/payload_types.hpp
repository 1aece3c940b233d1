#pragma once

// Message types as an application might have them.

#include "cenote/jobs/payload.hpp"
#include "cenote/type_ids.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <caf/init_global_meta_objects.hpp>
#include <caf/type_id.hpp>

namespace payload_test {

enum class quality : uint8_t { low, medium, high };

struct chapter {
  std::string title;
  uint32_t pages = 0;
  bool operator==(const chapter&) const = default;
};

/// The first version of a type, and a later one.
struct manga {
  int64_t id = 0;
  std::vector<chapter> chapters;
  bool operator==(const manga&) const = default;
};

struct manga_later {
  int64_t id = 0;
  std::vector<chapter> chapters;
  std::string language;
  std::optional<double> score;
  quality wanted = quality::low;
  bool operator==(const manga_later&) const = default;
};

struct containers {
  std::set<int> numbers;
  std::array<uint8_t, 3> three{};
  std::pair<std::string, bool> both;
  std::tuple<int, double, std::string> mixed;
  std::map<std::string, chapter> by_name;
  std::unordered_map<std::string, int> unordered;
  std::map<int, std::string> by_number;
  std::multimap<std::string, int> repeated;
  std::vector<bool> flags;
  std::vector<std::optional<int>> maybe;
  std::vector<std::vector<int>> nested;
  std::vector<std::byte> bytes;
  int array[2] = {};
  bool operator==(const containers&) const = default;
};

using choice = std::variant<int64_t, std::string, chapter>;

struct chooser {
  choice one;
  std::optional<choice> maybe;
  std::vector<choice> many;
  bool operator==(const chooser&) const = default;
};

struct row {
  std::vector<cenote::value> values;
  bool operator==(const row&) const = default;
};

struct limited {
  int percent = 0;
  std::string name;
  bool operator==(const limited&) const = default;
};

struct nothing {
  bool operator==(const nothing&) const = default;
};

struct tree {
  std::vector<tree> children;
  bool operator==(const tree&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, quality& x) {
  return cenote::detail::inspect_enum(f, x, quality::high);
}

template <class Inspector>
bool inspect(Inspector& f, chapter& x) {
  return f.object(x).fields(f.field("title", x.title), f.field("pages", x.pages));
}

template <class Inspector>
bool inspect(Inspector& f, manga& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("chapters", x.chapters));
}

template <class Inspector>
bool inspect(Inspector& f, manga_later& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("chapters", x.chapters),
                            f.field("language", x.language).fallback(std::string{"ja"}), f.field("score", x.score),
                            f.field("wanted", x.wanted).fallback(quality::medium));
}

template <class Inspector>
bool inspect(Inspector& f, containers& x) {
  return f.object(x).fields(f.field("numbers", x.numbers), f.field("three", x.three), f.field("both", x.both),
                            f.field("mixed", x.mixed), f.field("by-name", x.by_name), f.field("unordered", x.unordered),
                            f.field("by-number", x.by_number), f.field("repeated", x.repeated),
                            f.field("flags", x.flags), f.field("maybe", x.maybe), f.field("nested", x.nested),
                            f.field("bytes", x.bytes), f.field("array", x.array));
}

template <class Inspector>
bool inspect(Inspector& f, chooser& x) {
  return f.object(x).fields(f.field("one", x.one), f.field("maybe", x.maybe), f.field("many", x.many));
}

template <class Inspector>
bool inspect(Inspector& f, row& x) {
  return f.object(x).fields(f.field("values", x.values));
}

template <class Inspector>
bool inspect(Inspector& f, limited& x) {
  auto is_percent = [](int y) { return y >= 0 && y <= 100; };
  auto get = [&x] { return x.name; };
  auto set = [&x](std::string y) {
    x.name = std::move(y);
    return x.name != "forbidden";
  };
  return f.object(x).fields(f.field("percent", x.percent).invariant(is_percent), f.field("name", get, set));
}

template <class Inspector>
bool inspect(Inspector& f, tree& x) {
  return f.object(x).fields(f.field("children", x.children));
}

} // namespace payload_test

CAF_BEGIN_TYPE_ID_BLOCK(payload_test, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(payload_test, (payload_test::chapter))
CAF_ADD_TYPE_ID(payload_test, (payload_test::manga))
CAF_ADD_TYPE_ID(payload_test, (payload_test::manga_later))
CAF_ADD_TYPE_ID(payload_test, (payload_test::chooser))
CAF_ADD_TYPE_ID(payload_test, (payload_test::row))
CAF_ADD_TYPE_ID(payload_test, (payload_test::limited))
CAF_ADD_TYPE_ID(payload_test, (payload_test::nothing))
CAF_ADD_TYPE_ID(payload_test, (payload_test::tree))

CAF_END_TYPE_ID_BLOCK(payload_test)

namespace payload_test {

/// Gives the types their names, which variants need.
struct types_fixture {
  types_fixture() {
    [[maybe_unused]] static const auto once = [] {
      caf::init_global_meta_objects<caf::id_block::payload_test>();
      caf::init_global_meta_objects<caf::id_block::cenote>();
      return true;
    }();
  }
};

/// A value as JSON; what is wrong if that fails.
template <class T>
std::string written(const T& x) {
  cenote::detail::payload_writer writer;
  return writer.element(x) ? writer.text() : "error: " + writer.problem();
}

/// What is wrong with a text; empty if it is read.
template <class T>
std::string problem_of(std::string_view json) {
  T out{};
  cenote::detail::payload_reader reader{json};
  return reader.element(out) ? "" : reader.problem();
}

template <class T>
std::optional<T> from(std::string_view json) {
  T out{};
  cenote::detail::payload_reader reader{json};
  return reader.element(out) ? std::optional{std::move(out)} : std::nullopt;
}

} // namespace payload_test
