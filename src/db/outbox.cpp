#include "db/outbox.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

namespace cenote::db {

void outbox::add(outgoing command, std::string_view content) {
  // A packet has three bytes of length, its sequence number, and the payload.
  auto length = content.size() + 1;
  auto byte_of_length = [length](int index) { return static_cast<char>((length >> (8 * index)) & 0xff); };
  char begin[]{byte_of_length(0), byte_of_length(1), byte_of_length(2), '\0', static_cast<char>(command)};
  packets_.append(begin, sizeof(begin));
  packets_ += content;
  ends_.push_back(packets_.size());
}

void outbox::flush(int socket) {
  while (is_waiting()) {
    auto sent = ::send(socket, packets_.data() + written_, packets_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
      written_ += static_cast<size_t>(sent);
    else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
      return;
    else if (errno != EINTR)
      failed_ = true;
  }
  if (!failed_) {
    constexpr size_t max_kept = 64u << 10;
    if (packets_.capacity() > max_kept)
      std::string{}.swap(packets_);
    packets_.clear();
    ends_.clear();
    written_ = 0;
  }
}

size_t outbox::unsent() const noexcept {
  return static_cast<size_t>(std::ranges::count_if(ends_, [this](auto end) { return end > written_; }));
}

} // namespace cenote::db
