#include "support/stream_pair.hpp"

#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include <poll.h>

namespace cenote::test {

using namespace cenote::net;

namespace {

template <class T>
T value_of(tl::expected<T, std::string> x) {
  if (!x)
    throw std::runtime_error{x.error()};
  return std::move(*x);
}

std::pair<stream, stream> connect_ends(const tls_identity* client_identity, const tls_identity* node_identity,
                                       const std::string& host) {
  auto server = listen_on_loopback();
  auto client = value_of(stream::connect(server.address(), host, client_identity));
  pollfd waiting{server.descriptor(), POLLIN, 0};
  ::poll(&waiting, 1, 10'000);
  auto accepted = value_of(server.accept());
  if (!accepted)
    throw std::runtime_error{"no connection waits"};
  auto node = value_of(stream::accept(std::move(accepted->descriptor), accepted->peer, node_identity));
  return {std::move(client), std::move(node)};
}

/// One end on its way through a handshake.
struct side {
  /// @returns whether the outcome is known.
  bool step(bool other_is_through) {
    if (!outcome.empty())
      return true;
    auto status = through ? io_status::done : end.handshake();
    if (status == io_status::done) {
      through = true;
      std::array<std::byte, 1> buffer;
      status = end.read(buffer).status; // A client learns only now that the node has refused it.
      if (status == io_status::again && other_is_through)
        outcome = "done";
    }
    if (status == io_status::failed || status == io_status::closed) {
      outcome = end.problem();
      end.shut_down();
    }
    return !outcome.empty();
  }

  stream& end;
  std::string& outcome;
  bool through = false;
};

} // namespace

listener listen_on_loopback() {
  return value_of(listener::open(*numeric_address({"127.0.0.1", 0})));
}

bool wait_for(std::initializer_list<const stream*> streams) {
  std::vector<pollfd> sockets;
  for (const auto* x : streams)
    if (x->wants_read() || x->wants_write())
      sockets.push_back(
          {x->descriptor(), static_cast<short>((x->wants_read() ? POLLIN : 0) | (x->wants_write() ? POLLOUT : 0)), 0});
  return ::poll(sockets.data(), sockets.size(), 10'000) > 0;
}

stream_pair::stream_pair(const tls_identity* client_identity, const tls_identity* node_identity,
                         const std::string& host)
    : stream_pair{connect_ends(client_identity, node_identity, host)} {
  // nop
}

stream_pair::stream_pair(std::pair<stream, stream> ends) : client{std::move(ends.first)}, node{std::move(ends.second)} {
  // nop
}

void stream_pair::meet() {
  side client_side{client, client_outcome};
  side node_side{node, node_outcome};
  for (;;) {
    auto client_is_known = client_side.step(node_side.through);
    auto node_is_known = node_side.step(client_side.through);
    if (client_is_known && node_is_known)
      return;
    if (client_side.through && node_side.through)
      continue;
    if (!wait_for({&client, &node}))
      throw std::runtime_error{"the handshake does not go on"};
  }
}

} // namespace cenote::test
