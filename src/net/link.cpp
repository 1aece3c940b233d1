#include "net/link.hpp"

#include <cstdio>
#include <span>

namespace cenote::net {

namespace {

/// What is read at a time, and the most that is read before others have their turn.
constexpr size_t read_size = 64 << 10;
constexpr size_t max_turn = 512 << 10;

std::string seconds_text(pulse::duration span) {
  char text[32];
  snprintf(text, sizeof(text), "%.1f s", std::chrono::duration<double>(span).count());
  return text;
}

} // namespace

link::link(stream socket, heartbeat_rules rules, size_t max_parallel, frame_reader::limits permitted, time_point now)
    : socket_{std::move(socket)},
      rules_{rules},
      reader_{permitted},
      writer_{max_parallel},
      pulse_{rules.interval, rules.give_up, now},
      handshake_until_{now + rules.give_up} {
  // nop
}

void link::advance(time_point now) {
  if (lost_)
    return;
  if (!open_)
    shake_hands(now);
  if (!open_)
    return;
  read(now); // Before the pulse is judged: this process may have been asleep, with signs of life in the socket.
  if (lost_)
    return;
  // The answer to a ping may be among what is still unread.
  if (!unread_ && pulse_.is_dead(now)) {
    close("no sign of life for " + seconds_text(pulse_.silence(now)));
    return;
  }
  if (auto number = pulse_.beat(now))
    writer_.add(message_kind::ping, *number, {});
  write(now);
}

void link::flush(time_point now) {
  if (open_ && !lost_ && !blocked_)
    write(now);
}

void link::shake_hands(time_point now) {
  auto status = socket_.handshake();
  if (status == io_status::done) {
    open_ = true;
    pulse_ = pulse{rules_.interval, rules_.give_up, now};
  } else if (status != io_status::again) {
    end(status);
  } else if (now >= handshake_until_) {
    close("no connection within " + seconds_text(rules_.give_up));
  }
}

void link::read(time_point now) {
  buffer_.resize(read_size);
  std::vector<message> arrived;
  unread_ = true;
  for (size_t total = 0; unread_ && total < max_turn;) {
    auto [status, bytes] = socket_.read(buffer_);
    if (status != io_status::done) {
      unread_ = false;
      take(std::move(arrived), now); // They came before the end.
      if (status != io_status::again)
        end(status);
      return;
    }
    pulse_.heard(now);
    total += bytes;
    if (auto problem = reader_.take(std::span{buffer_}.first(bytes), arrived)) {
      take(std::move(arrived), now);
      close(std::move(*problem));
      return;
    }
    unread_ = bytes == buffer_.size() || socket_.has_buffered();
  }
  take(std::move(arrived), now);
}

void link::take(std::vector<message> arrived, time_point now) {
  for (auto& each : arrived)
    if (each.kind == message_kind::ping)
      writer_.add(message_kind::pong, each.id, {});
    else if (each.kind == message_kind::pong)
      pulse_.ponged(each.id, now);
    else
      inbox_.push_back(std::move(each));
}

void link::write(time_point now) {
  blocked_ = false;
  for (size_t total = 0; total < max_turn;) {
    auto bytes = writer_.next();
    if (bytes.empty())
      return;
    auto [status, count] = socket_.write(bytes);
    if (status != io_status::done) {
      blocked_ = status == io_status::again;
      if (!blocked_) {
        read(now); // The last words of the peer.
        end(status);
      }
      return;
    }
    writer_.written(count);
    total += count;
  }
}

void link::end(io_status status) {
  if (lost_)
    return;
  was_closed_ = status == io_status::closed;
  auto problem = socket_.problem();
  close(!problem.empty() ? problem : was_closed_ ? "the peer has closed the connection" : "the connection has failed");
}

void link::close(std::string reason) {
  if (lost_)
    return;
  lost_ = std::move(reason);
  socket_.shut_down();
}

bool link::wants_read() const {
  return !lost_ && (open_ || socket_.wants_read());
}

bool link::wants_write() const {
  return !lost_ && (socket_.wants_write() || (open_ && !blocked_ && !writer_.empty()));
}

link::time_point link::next_event() const {
  if (!open_)
    return handshake_until_;
  return unread_ && socket_.has_buffered() ? time_point::min() : pulse_.next_event();
}

} // namespace cenote::net
