#pragma once

#include "cenote/actors.hpp"
#include "cenote/failure.hpp"
#include "net/frame.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

// What the messages between a client and a pool node contain. All content is in CAF's binary form, of types that do not
// contain themselves: a peer cannot make a reader recurse. No actor handles, no CAF messages, no CAF errors.

namespace cenote::remote {

/// The first bytes of a greeting: "cnte".
constexpr uint32_t magic = 0x636e7465;

/// Raised with each change that older peers would misunderstand.
constexpr uint16_t protocol_version = 2;

/// A client introduces itself.
struct hello {
  uint32_t mark = magic;
  uint16_t protocol = protocol_version;
  std::string version; ///< Of cenote.
  std::string name;
  std::string token; ///< Empty: none.
};

/// The node accepts it.
struct welcome {
  uint16_t protocol = protocol_version;
  std::string version;
  std::string node;
  bool admin = false;
};

/// The node does not.
struct refusal {
  uint16_t protocol = protocol_version;
  bool permanent = false; ///< Trying again is useless until something has been changed.
  std::string text;
};

/// What a request asks for. The numbers are part of the protocol.
enum class operation : uint8_t {
  execute = 1,
  transact,
  checkout,
  checkin,
  session_execute,
  begin,
  commit,
  rollback,
  savepoint,
  rollback_to,
  handover,
  evict,
  verify,
  status,
  details,
  statements,
  settings,
  kill,
  dispose,
  pause,
  resume,
  subscribe,
  unsubscribe,
  listen,
  notify,
};

/// Whether it is for a session that exists.
constexpr bool is_in_session(operation x) {
  return x >= operation::checkin && x <= operation::evict;
}

template <class Inspector>
bool inspect(Inspector& f, hello& x) {
  return f.object(x).fields(f.field("mark", x.mark), f.field("protocol", x.protocol), f.field("version", x.version),
                            f.field("name", x.name), f.field("token", x.token));
}

template <class Inspector>
bool inspect(Inspector& f, welcome& x) {
  return f.object(x).fields(f.field("protocol", x.protocol), f.field("version", x.version), f.field("node", x.node),
                            f.field("admin", x.admin));
}

template <class Inspector>
bool inspect(Inspector& f, refusal& x) {
  return f.object(x).fields(f.field("protocol", x.protocol), f.field("permanent", x.permanent),
                            f.field("text", x.text));
}

/// Content of several parts, one behind the other.
template <class... Ts>
net::blob encode(Ts&... parts) {
  caf::byte_buffer bytes;
  caf::binary_serializer out{nullptr, bytes};
  static_cast<void>((out.apply(parts) && ...)); // Writing to memory only fails by an exception.
  return net::make_blob(std::move(bytes));
}

/// Reads content that a peer has sent.
class content_reader {
public:
  explicit content_reader(const std::vector<std::byte>& content)
      : in_{nullptr, reinterpret_cast<const caf::byte*>(content.data()), content.size()} {
    // nop
  }

  /// Reads the next parts.
  /// @returns whether they were there, and well-formed.
  template <class... Ts>
  bool read(Ts&... parts) {
    return (in_.apply(parts) && ...);
  }

  /// Whether nothing is left.
  bool at_end() const { return in_.remaining() == 0; }

private:
  caf::binary_deserializer in_;
};

/// Reads content that has exactly these parts.
template <class... Ts>
bool decode(const std::vector<std::byte>& content, Ts&... parts) {
  content_reader in{content};
  return in.read(parts...) && in.at_end();
}

/// The nothing that some requests are answered with.
struct nothing {};

template <class Inspector>
bool inspect(Inspector& f, nothing& x) {
  return f.object(x).fields();
}

/// A failure tells for how long its request waited for a connection: also at a client and at a node's gate.
/// @param elsewhere where it was not counted.
inline void add_wait(failure& reason, std::chrono::nanoseconds elsewhere) {
  if (reason.outcome == outcome::unavailable || reason.waited > reason.waited.zero())
    reason.waited += elsewhere;
}

/// An answer begins with whether it is one, or a failure.
template <class T>
net::blob encode_answer(T& value) {
  auto good = true;
  return encode(good, value);
}

inline net::blob encode_failure(failure& reason) {
  auto good = false;
  return encode(good, reason);
}

/// The same for an answer that may be too large for the memory that is left: then a failure says so.
template <class T>
net::blob encode_large_answer(T& value) {
  try {
    return encode_answer(value);
  } catch (const std::exception& problem) {
    failure reason;
    reason.code = errc::result_too_large;
    reason.outcome = outcome::unknown;
    reason.text = std::string{"it was carried out, but the pool node cannot send the result: "} + problem.what();
    return encode_failure(reason);
  }
}

/// About how many bytes a result takes: above `large_content` it is not encoded or decoded on an I/O thread.
inline size_t size_of_content(const result& x) {
  auto size = x.data_size() + x.size() * x.columns().size() * sizeof(uint32_t);
  for (auto& each : x.more())
    size += size_of_content(each);
  return size;
}

inline size_t size_of_content(const std::vector<result>& xs) {
  size_t size = 0;
  for (auto& each : xs)
    size += size_of_content(each);
  return size;
}

template <class T>
size_t size_of_content(const T&) {
  return 0;
}

constexpr size_t large_content = 256 << 10;

} // namespace cenote::remote
