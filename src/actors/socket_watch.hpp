#pragma once

#include "actors/io_thread.hpp"
#include "db/connection.hpp"

#include <caf/io/network/event_handler.hpp>
#include <caf/ref_counted.hpp>

#include <string>
#include <utility>

namespace cenote {

/// A duplicate of a connection's socket, for the event loop, which closes what it watches. Made before the connection's
/// actor is, which could do nothing without.
class descriptor {
public:
  /// Invalid if the operating system has none left.
  explicit descriptor(const db::connection& of);
  descriptor(descriptor&& x) noexcept : fd_{std::exchange(x.fd_, -1)} {
    // nop
  }
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor();

  bool valid() const noexcept { return fd_ != -1; }

  /// Why it is invalid.
  std::string problem() const;

  /// Hands it over.
  int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_;
  int error_ = 0;
};

/// Watches a socket for an actor that lives on an I/O thread, and sends it `ready`. Lives as long as it is registered
/// or referenced; all members run on that thread.
class socket_watch : public caf::io::network::event_handler, public caf::ref_counted {
public:
  /// @param socket must be valid.
  /// @param owner must call `stop` before it ends.
  socket_watch(event_loop& loop, descriptor socket, caf::scheduled_actor* owner);

  /// Sets what to watch for. Costs a system call only if it changes.
  void want(bool read, bool write);

  /// Stops watching; the owner will not be called any more.
  void stop();

private:
  void handle_event(caf::io::network::operation op) override;
  void removed_from_loop(caf::io::network::operation op) override;
  void graceful_shutdown() override;
  void set(bool wanted, bool& current, caf::io::network::operation op);
  void notify(bool readable, bool writable);

  caf::scheduled_actor* owner_;                   ///< Null after `stop`.
  caf::intrusive_ptr<socket_watch> registration_; ///< The event loop's reference to this object.
  bool reading_ = false;
  bool writing_ = false;
};

using socket_watch_ptr = caf::intrusive_ptr<socket_watch>;

} // namespace cenote
