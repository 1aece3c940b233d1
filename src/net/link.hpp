#pragma once

#include "net/frame.hpp"
#include "net/pulse.hpp"
#include "net/stream.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cenote::net {

/// How a link finds out that its peer is gone.
struct heartbeat_rules {
  pulse::duration interval = std::chrono::seconds{1};
  pulse::duration give_up = std::chrono::seconds{5};
};

/// A connection to another process that carries messages: a socket, with TLS if it has an identity, frames and
/// heartbeats. Answers pings by itself. Never blocks, and never throws for what a peer does.
///
/// Whoever owns it waits for its socket, calls `advance` when that is ready and at `next_event`, and takes the messages
/// that have arrived.
class link {
public:
  using time_point = pulse::time_point;

  /// @param max_parallel large messages on their way to the peer at a time.
  link(stream socket, heartbeat_rules rules, size_t max_parallel, frame_reader::limits permitted, time_point now);

  /// Reads and writes what the socket permits, and keeps the heartbeat.
  void advance(time_point now);

  /// Writes what the socket permits, and nothing else: for messages that were added between two events of the socket.
  void flush(time_point now);

  /// Adds a message; `flush` or `advance` sends it.
  /// @param sequence of messages that must arrive in their order; see `frame_writer::add`.
  void send(message_kind kind, uint64_t id, blob content, uint64_t sequence = 0) {
    writer_.add(kind, id, std::move(content), sequence);
  }

  /// Takes a request back unless its end may have been handed to the system.
  /// @returns whether it has: the peer never begins it. Otherwise a cancellation may still reach it.
  bool withdraw(uint64_t id) { return writer_.withdraw(id); }

  /// The messages that have arrived since the last call, without pings and pongs.
  std::vector<message> take_messages() { return std::exchange(inbox_, {}); }

  /// Whether answers, or pieces of one, have arrived since the last call.
  bool take_progress() { return reader_.take_progress(); }

  /// The ids of requests and answers that have been handed to the system completely since the last call: before, the
  /// peer cannot have understood them.
  std::vector<uint64_t> take_completed() { return writer_.take_completed(); }

  /// The peer may send more from now on.
  void permit(frame_reader::limits limits) { reader_.permit(limits); }

  /// Gives the link up.
  void close(std::string reason);

  /// Whether messages can be exchanged: the handshake is done.
  bool is_open() const noexcept { return open_; }

  /// Why it carries nothing any more; nothing if it does.
  const std::optional<std::string>& lost() const noexcept { return lost_; }

  /// Whether the peer itself has ended the connection in order.
  bool was_closed() const noexcept { return was_closed_; }

  bool wants_read() const;
  bool wants_write() const;
  int descriptor() const { return socket_.descriptor(); }
  const stream& socket() const noexcept { return socket_; }

  /// Bytes that wait to be sent.
  size_t unsent() const noexcept { return writer_.bytes(); }

  /// Those of small messages: of a peer that asks but does not read.
  size_t unsent_small() const noexcept { return writer_.small_bytes(); }

  /// When `advance` has to be called at the latest. Has passed if there is more to read of which the system reports
  /// nothing.
  time_point next_event() const;

private:
  void shake_hands(time_point now);
  void read(time_point now);
  void take(std::vector<message> arrived, time_point now);
  void write(time_point now);
  void end(io_status status);

  stream socket_;
  heartbeat_rules rules_;
  frame_reader reader_;
  frame_writer writer_;
  pulse pulse_;
  time_point handshake_until_;
  std::vector<message> inbox_;
  std::vector<std::byte> buffer_;
  std::optional<std::string> lost_;
  bool open_ = false;
  bool was_closed_ = false;
  bool unread_ = false;  ///< Others had their turn before all was read.
  bool blocked_ = false; ///< The socket takes nothing at the moment.
};

} // namespace cenote::net
