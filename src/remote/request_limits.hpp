#pragma once

#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/detail/serialized_size.hpp>
#include <caf/load_inspector_base.hpp>

#include <cstddef>
#include <string>
#include <vector>

// How large a request may be. A client refuses what is larger, and a node reads whatever a client does not refuse.

namespace cenote::remote {

/// The largest request, in bytes of its content.
constexpr size_t max_request = size_t{128} << 20;

/// The most statements, parameters and names in it. In memory each takes many times the byte that it may take on its
/// way: without this limit, a node would need gigabytes for a request of the largest size.
constexpr size_t max_parts = 1'000'000;

inline size_t parts_of(const statement& x) {
  return x.params.size() + x.names.size();
}

inline size_t parts_of(const transaction& x) {
  auto count = x.statements.size();
  for (auto& each : x.statements)
    count += parts_of(each);
  return count;
}

inline std::string too_many_parts_text() {
  return "the request has too many statements, parameters and names: a pool node takes up to "
         + std::to_string(max_parts) + " in one request";
}

inline std::string too_large_text() {
  return "the request is too large: a pool node takes up to " + std::to_string(max_request >> 20)
         + " MiB, parameters included";
}

/// How many bytes `encode` makes of these parts.
template <class... Ts>
size_t encoded_size(const Ts&... parts) {
  caf::detail::serialized_size_inspector out;
  static_cast<void>((out.apply(parts) && ...)); // Counts, which cannot fail.
  return out.result;
}

/// Reads the content of a request, with at most `max_parts` elements in all its lists together.
class request_reader {
public:
  explicit request_reader(const std::vector<std::byte>& content) : in_{content} {
    // nop
  }

  /// Reads the next parts.
  /// @returns whether they were there, and well-formed, and not too many.
  template <class... Ts>
  bool read(Ts&... parts) {
    return (in_.apply(parts) && ...);
  }

  /// Whether nothing is left.
  bool at_end() const { return in_.bytes.remaining() == 0; }

  /// Whether `read` has failed because there were too many of them.
  bool has_too_many_parts() const { return in_.too_many; }

private:
  /// CAF's deserializer, except that it counts.
  struct inspector : caf::load_inspector_base<inspector> {
    explicit inspector(const std::vector<std::byte>& content)
        : bytes{nullptr, reinterpret_cast<const caf::byte*>(content.data()), content.size()} {
      // nop
    }

    static constexpr bool has_human_readable_format() noexcept { return false; }

    bool begin_object(caf::type_id_t type, caf::string_view name) { return bytes.begin_object(type, name); }
    bool end_object() { return bytes.end_object(); }
    template <class... Ts>
    bool begin_field(caf::string_view name, Ts&&... terms) {
      return bytes.begin_field(name, std::forward<Ts>(terms)...);
    }
    bool end_field() { return bytes.end_field(); }

    bool begin_sequence(size_t& size) {
      // Each element takes a byte at least.
      if (!bytes.begin_sequence(size) || size > bytes.remaining())
        return false;
      too_many = size > max_parts - parts;
      parts += too_many ? 0 : size;
      return !too_many;
    }
    bool end_sequence() { return bytes.end_sequence(); }

    template <class T>
    bool value(T& x) {
      return bytes.value(x);
    }

    caf::binary_deserializer bytes;
    size_t parts = 0;
    bool too_many = false;
  };

  inspector in_;
};

} // namespace cenote::remote
