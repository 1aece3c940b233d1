#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote::net {

// How messages travel between two processes. A message is sent in one or more pieces, each in a frame: 16 bytes (length
// of the piece, kind, flags, two zeros, id; big-endian), then the piece. The pieces of large messages alternate with
// small messages, so that a large result delays nothing else. Pieces belong together by kind and id. A cancellation
// drops the pieces of its request if not all of them have arrived.

/// What a message is about. The numbers are part of the protocol.
enum class message_kind : uint8_t {
  hello = 1, ///< Client to node, once, first.
  welcome,   ///< Node to client: the answer to it.
  refusal,   ///< Node to client: the answer to it, and the end.
  request,   ///< Client to node.
  answer,    ///< Node to client, with the id of the request.
  cancel,    ///< Client to node: nobody waits for the answer to that request any more.
  gone,      ///< Client to node: a holder has no session any more, or has ended; the id is its number.
  events,    ///< Node to client: events of the pool.
  ping,      ///< Either way, with a number as its id.
  pong,      ///< The answer to it.
  goodbye,   ///< Either way: no further requests, please; what is under way continues.
  notice,    ///< Node to client: the name of a channel on which there is a notice.
};

/// The largest kind.
constexpr auto last_kind = message_kind::notice;

/// Bytes that somebody owns.
struct blob {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};

/// A blob that owns a vector of bytes of any type.
template <class Byte>
blob make_blob(std::vector<Byte> content) {
  static_assert(sizeof(Byte) == 1);
  auto owner = std::make_shared<const std::vector<Byte>>(std::move(content));
  return {owner, std::as_bytes(std::span{*owner})};
}

/// A message that has arrived completely.
struct message {
  message_kind kind = message_kind::ping;
  uint64_t id = 0;
  std::vector<std::byte> content;
};

/// Bytes of a frame before its piece.
constexpr size_t frame_header_size = 16;

/// The most bytes of a piece that are sent, and that are accepted.
constexpr size_t max_piece = 32 << 10;

/// Puts messages together from the bytes of a peer, which may be hostile.
class frame_reader {
public:
  struct limits {
    size_t message = size_t{1} << 30;    ///< Largest message, in bytes.
    size_t unfinished = size_t{2} << 30; ///< All messages together of which pieces are missing.
  };

  explicit frame_reader(limits permitted) : limits_{permitted} {
    // nop
  }

  /// Changes the limits, for a peer that is trusted more from now on.
  void permit(limits permitted) { limits_ = permitted; }

  /// Takes bytes as they come, and appends the messages that are complete to `out`.
  /// @returns what is wrong with them; nothing may be read from that peer afterwards.
  std::optional<std::string> take(std::span<const std::byte> bytes, std::vector<message>& out);

  /// Whether a piece of an answer has arrived since the last call.
  bool take_progress() { return std::exchange(progress_, false); }

private:
  struct header {
    size_t length = 0;
    message_kind kind = message_kind::ping;
    bool last = false;
    uint64_t id = 0;
  };

  using key = std::pair<message_kind, uint64_t>; ///< Each kind counts its ids by itself.

  std::optional<std::string> begin_piece();
  std::optional<std::string> end_piece(std::vector<message>& out);
  void forget(const key& of);

  limits limits_;
  std::vector<std::byte> buffer_; ///< Of the frame that is incomplete: header, or piece.
  std::optional<header> current_; ///< Set while its piece is read.
  std::map<key, message> unfinished_;
  size_t unfinished_bytes_ = 0;
  bool started_ = false; ///< A frame has been understood.
  bool progress_ = false;
};

/// Cuts messages into frames.
class frame_writer {
public:
  /// @param max_parallel how many large messages may be on their way at a time; at least 1.
  explicit frame_writer(size_t max_parallel);

  /// Adds a message behind those of its size. Pings and pongs go first, and of several that wait only the last is sent.
  /// @param sequence of messages that must arrive in their order whatever their sizes, as the requests of a session;
  ///        zero: none. Events are one by themselves.
  void add(message_kind kind, uint64_t id, blob content, uint64_t sequence = 0);

  /// Removes a request unless its end has been handed out. A peer that has its first pieces is told to drop them.
  /// @returns whether it has been removed: the peer never has all of it.
  bool withdraw(uint64_t id);

  /// The next bytes to write; empty if there are none. Valid until the next call of any member.
  std::span<const std::byte> next();

  /// So many of them have been written.
  void written(size_t count);

  /// The ids of the requests and answers that have been written completely since the last call.
  std::vector<uint64_t> take_completed() { return std::exchange(completed_, {}); }

  bool empty() const noexcept {
    return staged_.size() == offset_ && urgent_.empty() && small_.empty() && large_.empty();
  }

  /// Bytes of messages that have not been handed out, without their headers.
  size_t bytes() const noexcept { return bytes_; }

  /// Those of small messages.
  size_t small_bytes() const noexcept { return small_bytes_; }

private:
  struct outgoing {
    message_kind kind = message_kind::ping;
    uint64_t id = 0;
    blob content;
    uint64_t sequence = 0;
    size_t sent = 0;
  };

  struct mark {
    size_t end = 0; ///< Position in `staged_`.
    uint64_t id = 0;
  };

  /// The messages of a sequence.
  struct line {
    size_t ahead = 0;            ///< In a queue.
    bool large = false;          ///< It is one, and large.
    std::deque<outgoing> behind; ///< They wait for those ahead.
  };

  static bool is_small(const outgoing& x);
  void add_urgent(outgoing added);
  void enqueue(outgoing added);
  void let_follow(line& of);
  void proceed(uint64_t sequence);
  void stage();
  void stage_small(std::deque<outgoing>& from, size_t limit);
  void stage_piece();
  void put(const outgoing& message, size_t length, bool last);

  size_t max_parallel_;
  std::deque<outgoing> urgent_;
  std::deque<outgoing> small_;
  std::deque<outgoing> large_; ///< The first `max_parallel_` in turn.
  std::map<uint64_t, line> sequences_;
  std::vector<std::byte> staged_;
  size_t offset_ = 0;
  std::deque<mark> marks_; ///< Where messages end in `staged_`.
  std::vector<uint64_t> completed_;
  size_t bytes_ = 0;
  size_t small_bytes_ = 0;
};

} // namespace cenote::net
