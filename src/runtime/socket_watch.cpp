#include "runtime/socket_watch.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cenote {

using caf::io::network::operation;

descriptor::descriptor(int socket) : fd_{fcntl(socket, F_DUPFD_CLOEXEC, 0)} {
  if (fd_ == -1)
    error_ = errno;
}

descriptor::~descriptor() {
  if (fd_ != -1)
    close(fd_);
}

std::string descriptor::problem() const {
  return std::generic_category().message(error_) + ": raise the limit of open files, or make the pool smaller";
}

socket_watch::socket_watch(event_loop& loop, descriptor socket, caf::scheduled_actor* owner, message_function message)
    : event_handler{loop, socket.release()}, owner_{owner}, message_{std::move(message)} {
  // nop
}

void socket_watch::want(bool read, bool write) {
  if (read || write)
    registration_ = this;
  set(read, reading_, operation::read);
  set(write, writing_, operation::write);
}

void socket_watch::stop() {
  owner_ = nullptr;
  caf::intrusive_ptr<socket_watch> guard{this};
  want(false, false);
  // The loop carries out registrations later, and drops those that were revoked before: then it does not call back.
  if (eventbf() == 0)
    registration_ = nullptr;
}

void socket_watch::set(bool enabled, bool& current, operation op) {
  if (enabled == current)
    return;
  current = enabled;
  if (enabled)
    backend().add(op, fd(), this);
  else
    backend().del(op, fd(), this);
}

void socket_watch::handle_event(operation op) {
  caf::intrusive_ptr<socket_watch> guard{this};
  if (op != operation::propagate_error) {
    notify(op == operation::read, op == operation::write);
    return;
  }
  notify(true, true);
  // After an error the loop unregisters the socket by itself. If the owner still waits, register anew afterwards.
  auto read = std::exchange(reading_, false);
  auto write = std::exchange(writing_, false);
  backend().post([this, guard, read, write] {
    if (owner_ != nullptr)
      want(read, write);
  });
}

void socket_watch::notify(bool readable, bool writable) {
  if (owner_ == nullptr)
    return;
  // Enters the actor as a message would, so that exceptions and `quit` are handled as always.
  caf::mailbox_element ready{nullptr, caf::make_message_id(), {}, message_(readable, writable)};
  auto alive = caf::strong_actor_ptr{owner_->ctrl()};
  owner_->activate(&backend(), ready);
}

void socket_watch::removed_from_loop(operation) {
  // The loop may still call this a second time: the reference goes a moment later.
  if (owner_ == nullptr && eventbf() == 0)
    backend().post([last = std::move(registration_)] {});
}

void socket_watch::graceful_shutdown() {
  // nop
}

} // namespace cenote
