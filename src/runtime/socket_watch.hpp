#pragma once

#include "runtime/event_loop.hpp"

#include <caf/io/network/event_handler.hpp>
#include <caf/message.hpp>
#include <caf/ref_counted.hpp>

#include <functional>
#include <string>
#include <utility>

namespace cenote {

/// A duplicate of a socket, for the event loop, which closes the sockets that it watches. Created before the
/// connection's actor, which is useless without it.
class descriptor {
public:
  /// Invalid if the operating system has none left.
  explicit descriptor(int socket);
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {
    // nop
  }
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor();

  bool valid() const noexcept { return fd_ != -1; }

  /// Why it is invalid.
  std::string problem() const;

  /// Hands over the descriptor.
  int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_;
  int error_ = 0;
};

/// Watches a socket for an actor that lives on an I/O thread, and sends it a message when it is ready. Lives as long as
/// it is registered or referenced; all members run on that thread.
class socket_watch : public caf::io::network::event_handler, public caf::ref_counted {
public:
  /// Makes the message for the owner: whether the socket is readable, and whether it is writable.
  using message_function = std::function<caf::message(bool, bool)>;

  /// @param socket must be valid.
  /// @param owner must call `stop` before it ends.
  socket_watch(event_loop& loop, descriptor socket, caf::scheduled_actor* owner, message_function message);

  /// Sets the events to watch for. Costs a system call only if they change.
  void want(bool read, bool write);

  /// Stops watching; the owner will not be called any more.
  void stop();

private:
  void handle_event(caf::io::network::operation op) override;
  void removed_from_loop(caf::io::network::operation op) override;
  void graceful_shutdown() override;
  void set(bool enabled, bool& current, caf::io::network::operation op);
  void notify(bool readable, bool writable);

  caf::scheduled_actor* owner_; ///< Null after `stop`.
  message_function message_;
  caf::intrusive_ptr<socket_watch> registration_; ///< The event loop's reference to this object.
  bool reading_ = false;
  bool writing_ = false;
};

using socket_watch_ptr = caf::intrusive_ptr<socket_watch>;

} // namespace cenote
