#pragma once

// Structs as users write them, and tables for them.

#include "cenote/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/error.hpp>
#include <caf/sec.hpp>

namespace cenote::test {

struct manga {
  uint32_t id = 0;
  std::string title;
  std::optional<uint16_t> chapters;
  bool operator==(const manga&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, manga& x) {
  return f.object(x).pretty_name("manga").fields(f.field("id", x.id), f.field("title", x.title),
                                                 f.field("chapters", x.chapters));
}

/// An enum without an overload: any number that its underlying type holds. CAF would not send it.
enum class plain_enum : uint8_t {};

/// An enum with one, as default_enum_inspect of CAF has it.
enum class state : uint8_t { planned, running };

inline std::string to_string(state x) {
  return x == state::planned ? "planned" : "running";
}

template <class Inspector>
bool inspect(Inspector& f, state& x) {
  if (f.has_human_readable_format()) {
    auto get = [&x] { return to_string(x); };
    auto set = [&x](const std::string& in) {
      x = in == "running" ? state::running : state::planned;
      return in == to_string(x);
    };
    return f.apply(get, set);
  }
  auto get = [&x] { return static_cast<uint8_t>(x); };
  auto set = [&x](uint8_t in) {
    x = static_cast<state>(in);
    return in <= static_cast<uint8_t>(state::running);
  };
  return f.apply(get, set);
}

/// A number with a type of its own.
struct manga_key {
  uint32_t number = 0;
  bool operator==(const manga_key&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, manga_key& x) {
  return f.apply(x.number);
}

struct with_state {
  state status = state::planned;
};

template <class Inspector>
bool inspect(Inspector& f, with_state& x) {
  return f.object(x).fields(f.field("status", x.status));
}

/// A field of each type.
struct everything {
  bool flag = false;
  int8_t i8 = 0;
  uint8_t u8 = 0;
  int16_t i16 = 0;
  uint16_t u16 = 0;
  int32_t i32 = 0;
  uint32_t u32 = 0;
  int64_t i64 = 0;
  uint64_t u64 = 0;
  float single = 0;
  double real = 0;
  std::string text;
  decimal exact;
  bytes blob;
  date day;
  datetime moment;
  time span;
  plain_enum plain{};
  state status = state::planned;
  manga_key key;
  bool operator==(const everything&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, everything& x) {
  auto get_plain = [&x] { return x.plain; };
  auto set_plain = [&x](plain_enum in) { x.plain = in; };
  return f.object(x).fields(f.field("flag", x.flag), f.field("i8", x.i8), f.field("u8", x.u8), f.field("i16", x.i16),
                            f.field("u16", x.u16), f.field("i32", x.i32), f.field("u32", x.u32), f.field("i64", x.i64),
                            f.field("u64", x.u64), f.field("single", x.single), f.field("real", x.real),
                            f.field("text", x.text), f.field("exact", x.exact), f.field("blob", x.blob),
                            f.field("day", x.day), f.field("moment", x.moment), f.field("span", x.span),
                            f.field("plain", get_plain, set_plain), f.field("status", x.status), f.field("key", x.key));
}

struct optionals {
  std::optional<uint64_t> number;
  std::optional<std::string> text;
  std::optional<date> day;
  std::optional<state> status;
  std::optional<manga_key> key;
  value any;
  bool operator==(const optionals&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, optionals& x) {
  return f.object(x).fields(f.field("number", x.number), f.field("text", x.text), f.field("day", x.day),
                            f.field("status", x.status), f.field("key", x.key), f.field("any", x.any));
}

/// Private state, and an opinion about everything.
class picky {
public:
  picky() = default;
  picky(std::string name, int first, int max) : even{first}, name_{std::move(name)}, max_{max} {
    // nop
  }

  const std::string& name() const { return name_; }

  std::optional<int> even;

  template <class Inspector>
  friend bool inspect(Inspector& f, picky& x) {
    auto get_name = [&x]() -> const std::string& { return x.name_; };
    auto set_name = [&x](std::string in) {
      x.name_ = std::move(in);
      return !x.name_.empty();
    };
    auto set_max = [&x](int in) {
      x.max_ = in;
      return in < 0 ? caf::make_error(caf::sec::invalid_argument) : caf::error{};
    };
    return f.object(x)
        .on_load([&x] { return x.even.value_or(0) <= x.max_; })
        .fields(f.field("name", get_name, set_name),
                f.field("even", x.even).invariant([](int& in) { return in % 2 == 0; }),
                f.field(
                    "max", [&x] { return x.max_; }, set_max));
  }

private:
  std::string name_;
  int max_ = 0;
};

/// Fallbacks in every position.
struct lenient {
  std::string title;
  std::optional<int> a;
  int b = 0;
  int c = 0;
  bool operator==(const lenient&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, lenient& x) {
  auto small = [](int in) { return in <= 10; };
  return f.object(x).fields(f.field("title", x.title).fallback("untitled"), f.field("a", x.a).fallback(7),
                            f.field(
                                 "b", [&x] { return x.b; }, [&x](int in) { x.b = in; })
                                .fallback(9),
                            f.field("c", x.c).invariant(small).fallback(5));
}

/// A field in CAF's form for what may be absent; -1 is none.
struct maybe {
  int number = 0;
};

template <class Inspector>
bool inspect(Inspector& f, maybe& x) {
  auto is_present = [&x] { return x.number != -1; };
  auto get = [&x] { return x.number; };
  auto reset = [&x] { x.number = -1; };
  auto set = [&x](int in) { x.number = in; };
  return f.object(x).fields(f.field("number", is_present, get, reset, set));
}

/// Takes `a` and `b` in turn.
struct alternating {
  int sum = 0;
};

template <class Inspector>
bool inspect(Inspector& f, alternating& x) {
  static size_t calls = 0;
  // The first call only looks the columns up.
  return f.object(x).fields(f.field(calls++ % 2 == 1 ? "a" : "b", x.sum));
}

struct unsaved {
  int number = 0;
};

template <class Inspector>
bool inspect(Inspector& f, unsaved& x) {
  return f.object(x).on_save([] { return false; }).fields(f.field("number", x.number));
}

/// A result with these cells; a null pointer is NULL.
result table(std::vector<column> columns, const std::vector<std::vector<const char*>>& rows);

/// Two rows of `everything`: `full` and `extreme`.
result everything_table();
everything full();
everything extreme();

/// The text of the `result_error` that this throws, or "no error".
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const result_error& x) {
    return x.what();
  }
  return "no error";
}

} // namespace cenote::test
