// Every message type reaches another node as it was: all of the block in type_ids.hpp, also those that come later.

#define CAF_SUITE actors.messages

#include "cenote/actors.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>
#include <caf/deserializer.hpp>
#include <caf/detail/meta_object.hpp>
#include <caf/serializer.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

/// Fills whatever it inspects with edge values and random ones.
class random_source : public caf::deserializer {
public:
  explicit random_source(unsigned seed) : rng_{seed} {
    // nop
  }

  bool fetch_next_object_type(caf::type_id_t&) override { return false; }
  bool begin_object(caf::type_id_t, caf::string_view) override { return true; }
  bool end_object() override { return true; }
  bool begin_field(caf::string_view) override { return true; }
  bool begin_field(caf::string_view, bool& present) override { return value(present); }
  bool begin_field(caf::string_view, caf::span<const caf::type_id_t> types, size_t& index) override {
    index = rng_() % types.size();
    return true;
  }
  bool begin_field(caf::string_view name, bool& present, caf::span<const caf::type_id_t> types,
                   size_t& index) override {
    return value(present) && begin_field(name, types, index);
  }
  bool end_field() override { return true; }
  bool begin_tuple(size_t) override { return true; }
  bool end_tuple() override { return true; }
  bool begin_sequence(size_t& size) override {
    size = rng_() % 4;
    return true;
  }
  bool end_sequence() override { return true; }
  bool value(caf::byte& x) override {
    x = static_cast<caf::byte>(rng_());
    return true;
  }
  bool value(bool& x) override {
    x = rng_() % 2 == 0;
    return true;
  }
  bool value(int8_t& x) override { return integer(x); }
  bool value(uint8_t& x) override { return integer(x); }
  bool value(int16_t& x) override { return integer(x); }
  bool value(uint16_t& x) override { return integer(x); }
  bool value(int32_t& x) override { return integer(x); }
  bool value(uint32_t& x) override { return integer(x); }
  bool value(int64_t& x) override { return integer(x); }
  bool value(uint64_t& x) override { return integer(x); }
  bool value(float& x) override {
    x = std::bit_cast<float>(static_cast<uint32_t>(rng_()));
    return true;
  }
  bool value(double& x) override {
    x = std::bit_cast<double>(rng_());
    return true;
  }
  bool value(long double& x) override {
    x = std::bit_cast<double>(rng_());
    return true;
  }
  bool value(std::string& x) override {
    x.resize(rng_() % 3 == 0 ? 0 : rng_() % 40);
    for (auto& c : x)
      c = static_cast<char>(rng_());
    return true;
  }
  bool value(std::u16string&) override { return false; }
  bool value(std::u32string&) override { return false; }
  bool value(caf::span<caf::byte> xs) override {
    for (auto& x : xs)
      value(x);
    return true;
  }

private:
  template <class T>
  bool integer(T& x) {
    const std::array<T, 6> edges{0, 1, 2, 3, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    x = rng_() % 3 == 0 ? static_cast<T>(rng_()) : edges[rng_() % edges.size()];
    return true;
  }

  std::mt19937_64 rng_;
};

/// Writes down whatever it inspects, to the last bit: two objects are equal if their texts are.
class recorder : public caf::serializer {
public:
  std::string text;

  bool begin_object(caf::type_id_t, caf::string_view name) override { return note("object", name.size()); }
  bool end_object() override { return true; }
  bool begin_field(caf::string_view name) override { return value(name); }
  bool begin_field(caf::string_view name, bool present) override { return value(name) && value(present); }
  bool begin_field(caf::string_view name, caf::span<const caf::type_id_t>, size_t index) override {
    return value(name) && note("index", index);
  }
  bool begin_field(caf::string_view name, bool present, caf::span<const caf::type_id_t>, size_t index) override {
    return value(name) && value(present) && note("index", index);
  }
  bool end_field() override { return true; }
  bool begin_tuple(size_t) override { return true; }
  bool end_tuple() override { return true; }
  bool begin_sequence(size_t size) override { return note("size", size); }
  bool end_sequence() override { return true; }
  bool value(caf::byte x) override { return note("byte", static_cast<unsigned>(x)); }
  bool value(bool x) override { return note("bool", x); }
  bool value(int8_t x) override { return note("int", x); }
  bool value(uint8_t x) override { return note("int", x); }
  bool value(int16_t x) override { return note("int", x); }
  bool value(uint16_t x) override { return note("int", x); }
  bool value(int32_t x) override { return note("int", x); }
  bool value(uint32_t x) override { return note("int", x); }
  bool value(int64_t x) override { return note("int", x); }
  bool value(uint64_t x) override { return note("int", x); }
  bool value(float x) override { return note("float", std::bit_cast<uint32_t>(x)); }
  bool value(double x) override { return note("double", std::bit_cast<uint64_t>(x)); }
  bool value(long double x) override { return note("double", std::bit_cast<uint64_t>(static_cast<double>(x))); }
  bool value(caf::string_view x) override {
    note("text", x.size());
    text.append(x.data(), x.size());
    return true;
  }
  bool value(const std::u16string&) override { return false; }
  bool value(const std::u32string&) override { return false; }
  bool value(caf::span<const caf::byte> xs) override {
    for (auto x : xs)
      value(x);
    return true;
  }

private:
  template <class T>
  bool note(const char* kind, T x) {
    text += std::string{kind} + ' ' + std::to_string(x) + '\n';
    return true;
  }
};

/// An object of a type that is known by its number only.
class object {
public:
  explicit object(const caf::detail::meta_object& type) : type_{type}, memory_(type.padded_size / 16 + 1) {
    type_.default_construct(memory_.data());
  }
  object(const object&) = delete;
  object& operator=(const object&) = delete;
  ~object() { type_.destroy(memory_.data()); }

  bool fill(caf::deserializer& from) { return type_.load(from, memory_.data()); }
  std::string text() const {
    recorder f;
    return type_.save(f, memory_.data()) ? f.text : "not to be sent";
  }
  bool send_to(object& other) const {
    caf::byte_buffer buffer;
    caf::binary_serializer sink{nullptr, buffer};
    caf::binary_deserializer source{nullptr, buffer};
    return type_.save_binary(sink, memory_.data())
           && (source.reset(buffer), type_.load_binary(source, other.memory_.data())) && source.remaining() == 0;
  }

private:
  struct alignas(16) block {
    char x[16];
  };

  const caf::detail::meta_object& type_;
  std::vector<block> memory_;
};

value travelled(const value& x) {
  auto sent = write("?", x);
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  statement received;
  if (!sink.apply(sent))
    return null{};
  caf::binary_deserializer source{nullptr, buffer};
  return source.apply(received) && received.params.size() == 1 ? received.params[0] : null{};
}

uint64_t bits(const value& x) {
  auto number = std::get_if<double>(&x);
  return number != nullptr ? std::bit_cast<uint64_t>(*number) : 0x1234;
}

} // namespace

SCENARIO("doubles reach another node with every bit") {
  using limits = std::numeric_limits<double>;
  for (auto x : {0.0, -0.0, 1.0, -1.5, 0.1, limits::min(), -limits::min(), limits::denorm_min(), -limits::denorm_min(),
                 std::nextafter(limits::min(), 0.0), limits::max(), limits::lowest(), limits::infinity(),
                 -limits::infinity(), limits::quiet_NaN(), limits::signaling_NaN(), 5e-324, 2.2250738585072011e-308})
    CHECK_EQ(bits(travelled(x)), std::bit_cast<uint64_t>(x));
  std::mt19937_64 rng{1};
  int different = 0;
  for (int i = 0; i < 5'000; ++i) {
    auto any = rng();
    auto denormal = any & 0x800f'ffff'ffff'ffff;
    different += bits(travelled(std::bit_cast<double>(any))) != any;
    different += bits(travelled(std::bit_cast<double>(denormal))) != denormal;
  }
  CHECK_EQ(different, 0);
}

SCENARIO("a double in a text for people is a number") {
  CHECK_NE(caf::deep_to_string(write("?", 0.5)).find("0.5"), std::string::npos);
}

SCENARIO("every message type reaches another node as it was") {
  size_t checked = 0;
  for (auto id = caf::id_block::cenote::begin; id < caf::id_block::cenote::end; ++id) {
    auto type = caf::detail::global_meta_object(id);
    REQUIRE(type != nullptr);
    random_source source{id};
    std::set<std::string> sent;
    int different = 0;
    for (int i = 0; i < 1000 && sent.size() < 200; ++i) {
      object x{*type};
      // What is out of the range of an enum, or inconsistent, is refused.
      if (!x.fill(source))
        continue;
      object y{*type};
      if (!x.send_to(y))
        break; // Not meant to leave the node.
      different += x.text() != y.text();
      sent.insert(x.text());
    }
    MESSAGE(std::string(type->type_name.begin(), type->type_name.end()) << ": " << sent.size());
    CHECK_EQ(different, 0);
    checked += sent.empty() ? 0 : 1;
  }
  // The atoms as well, but not the messages within a pool.
  CHECK_GT(checked, 40u);
}
