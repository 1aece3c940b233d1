#pragma once

#include "actors/lane.hpp"

#include <caf/io/network/event_handler.hpp>
#include <caf/ref_counted.hpp>

namespace cenote {

/// Watches a socket for an actor that lives on a lane, and sends it `ready`. Lives as long as it is registered or
/// referenced; all members run on the lane's thread.
class socket_watch : public caf::io::network::event_handler, public caf::ref_counted {
public:
  /// @param socket stays the caller's: the watch works on a duplicate, because the event loop closes what it watches.
  /// @param owner must call `stop` before it ends.
  socket_watch(event_loop& loop, int socket, caf::scheduled_actor* owner);

  /// Whether the operating system gave us the duplicate.
  bool valid() const noexcept { return fd_ != caf::io::network::invalid_native_socket; }

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
