// Bytes that travel, with TLS and without: all of them, in order, and to the end.

#define CAF_SUITE net.stream

#include "net/stream.hpp"
#include "support/certificates.hpp"
#include "support/stream_pair.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

#include <poll.h>
#include <sys/socket.h>

using namespace cenote;
using namespace cenote::net;
using namespace cenote::test;

namespace {

/// A pair that has shaken hands.
stream_pair connected(bool tls) {
  auto& made = certificates::get();
  if (!tls) {
    stream_pair out{nullptr, nullptr};
    out.meet();
    return out;
  }
  auto client = certificates::load(made.client("good"), tls_role::client);
  auto node = certificates::load(made.node("good"), tls_role::node);
  stream_pair out{&client, &node};
  out.meet();
  return out;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

std::byte pattern(size_t position, unsigned seed) {
  return static_cast<std::byte>(((position * 2654435761U) >> 11) + seed);
}

/// Writes a pattern of bytes, and expects that of the other side, in pieces of random sizes.
struct traveller {
  bool write_some() {
    if (written == total)
      return false;
    if (pending.empty()) {
      pending.resize(std::min<size_t>(1 + dice() % 300'000, total - written));
      for (size_t i = 0; i < pending.size(); ++i)
        pending[i] = pattern(written + i, seed);
    }
    auto result = end.write(pending);
    if (result.status != io_status::done)
      return CHECK_EQ(result.status, io_status::again), false;
    incomplete += result.bytes < pending.size();
    written += result.bytes;
    // At another address, as in a buffer that has grown.
    pending = std::vector<std::byte>(pending.begin() + static_cast<ptrdiff_t>(result.bytes), pending.end());
    return true;
  }

  bool read_some() {
    std::vector<std::byte> buffer(1 + dice() % 100'000);
    auto result = end.read(buffer);
    if (result.status != io_status::done)
      return CHECK_EQ(result.status, io_status::again), false;
    for (size_t i = 0; i < result.bytes; ++i)
      wrong += buffer[i] != pattern(read + i, other_seed);
    read += result.bytes;
    return true;
  }

  stream& end;
  unsigned seed;
  unsigned other_seed;
  size_t total;
  std::mt19937 dice{seed};
  std::vector<std::byte> pending = {};
  size_t written = 0;
  size_t read = 0;
  size_t wrong = 0;
  size_t incomplete = 0;
};

/// Reads until the other side has ended the connection.
std::pair<std::string, io_status> read_all(stream& end) {
  std::string out;
  std::array<char, 50'000> buffer;
  for (;;) {
    auto result = end.read(std::as_writable_bytes(std::span{buffer}));
    if (result.status == io_status::done)
      out.append(buffer.data(), result.bytes);
    else if (result.status != io_status::again || !wait_for({&end}))
      return {out, result.status};
  }
}

} // namespace

SCENARIO("many bytes travel both ways at once through small buffers") {
  for (auto tls : {false, true}) {
    auto pair = connected(tls);
    for (auto* end : {&pair.client, &pair.node}) {
      auto size = 60'000;
      ::setsockopt(end->descriptor(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    constexpr size_t total = 8'000'000;
    traveller client{pair.client, 1, 2, total};
    traveller node{pair.node, 2, 1, total};
    while (client.read < total || node.read < total) {
      auto moved = client.write_some();
      moved |= node.write_some();
      moved |= client.read_some();
      moved |= node.read_some();
      if (!moved)
        REQUIRE(wait_for({&pair.client, &pair.node}));
    }
    CHECK_EQ(client.wrong + node.wrong, 0u);
    CHECK_EQ(client.read, total);
    CHECK_EQ(node.read, total);
    CHECK_GT(client.incomplete, 10u);
    CHECK_GT(node.incomplete, 10u);
  }
}

SCENARIO("what epoll does not report is said to be buffered") {
  auto pair = connected(true);
  std::string text(40'000, 'x');
  REQUIRE_EQ(pair.client.write(bytes_of(text)).bytes, text.size());
  size_t count = 0;
  std::array<std::byte, 1000> buffer;
  while (count < text.size()) {
    if (!pair.node.has_buffered()) {
      pollfd socket{pair.node.descriptor(), POLLIN, 0};
      REQUIRE_EQ(::poll(&socket, 1, 10'000), 1);
    }
    auto result = pair.node.read(buffer);
    CHECK_NE(result.status, io_status::closed);
    count += result.bytes;
  }
  CHECK_EQ(pair.node.read(buffer).status, io_status::again);
  CHECK(!pair.node.has_buffered());
  CHECK(pair.node.wants_read());
  CHECK(!pair.node.wants_write());
}

SCENARIO("a write that does not fit waits until the socket is writable") {
  for (auto tls : {false, true}) {
    auto pair = connected(tls);
    std::vector<std::byte> bytes(50'000'000);
    auto first = pair.client.write(bytes);
    CHECK_EQ(first.status, io_status::done);
    CHECK_LT(first.bytes, bytes.size());
    CHECK(pair.client.wants_write());
    auto second = pair.client.write(std::span{bytes}.subspan(first.bytes));
    CHECK(second.status == io_status::again || second.status == io_status::done);
    CHECK(pair.client.wants_write());
  }
}

SCENARIO("an orderly end comes after all bytes") {
  for (auto tls : {false, true}) {
    auto pair = connected(tls);
    std::string text(100'000, 'y');
    REQUIRE_EQ(pair.client.write(bytes_of(text)).bytes, text.size());
    pair.client.shut_down();
    CHECK_EQ(pair.client.write(bytes_of("z")).status, io_status::closed);
    auto [received, status] = read_all(pair.node);
    CHECK_EQ(received.size(), text.size());
    CHECK_EQ(status, io_status::closed);
    CHECK_EQ(pair.node.problem(), "the client has closed the connection");
    CHECK_EQ(pair.node.write(bytes_of("z")).status, io_status::closed);
    CHECK(!pair.node.has_buffered());
    CHECK(!pair.node.wants_read());
    CHECK(!pair.node.wants_write());
  }
}

SCENARIO("a peer that vanishes in the middle closes the connection, and no signal ends the process") {
  for (auto tls : {false, true}) {
    auto pair = connected(tls);
    std::string text(1000, 'y');
    REQUIRE_EQ(pair.client.write(bytes_of(text)).bytes, text.size());
    {
      auto gone = std::move(pair.node); // Unread bytes: the connection is reset.
      gone.write(bytes_of("last words"));
    }
    std::vector<std::byte> bytes(100'000);
    io_result result{io_status::done};
    for (auto i = 0; i < 1000 && (result.status == io_status::done || result.status == io_status::again); ++i)
      result = pair.client.write(bytes);
    CHECK_EQ(result.status, io_status::closed);
    CHECK_NE(pair.client.problem().find("the node has closed the connection ("), std::string::npos);
    CHECK_EQ(pair.client.write(bytes).status, io_status::closed);
    CHECK_EQ(read_all(pair.client).second, io_status::closed);
  }
}

SCENARIO("a client that is refused while it writes learns why") {
  auto& made = certificates::get();
  auto names = made.client("other");
  names.ca = made.join("two-ca-of-stream.pem", {"other/ca.pem", "good/ca.pem"});
  auto client = certificates::load(names, tls_role::client);
  auto node = certificates::load(made.node("good"), tls_role::node);
  stream_pair pair{&client, &node};
  auto client_status = io_status::again;
  auto node_status = io_status::again;
  while (client_status != io_status::done) {
    client_status = pair.client.handshake();
    if (client_status == io_status::again) {
      node_status = pair.node.handshake();
      if (node_status == io_status::again)
        REQUIRE(wait_for({&pair.client, &pair.node}));
    }
  }
  std::vector<std::byte> bytes(100'000);
  pair.client.write(bytes);
  while (node_status == io_status::again && wait_for({&pair.node}))
    node_status = pair.node.handshake();
  CHECK_EQ(node_status, io_status::failed);
  pair.node.shut_down();
  { auto gone = std::move(pair.node); }
  io_result result{io_status::again};
  for (auto i = 0; i < 1000 && (result.status == io_status::done || result.status == io_status::again); ++i)
    result = pair.client.write(bytes);
  CHECK_EQ(result.status, io_status::failed);
  CHECK_NE(pair.client.problem().find("the node has refused the certificate of this side"), std::string::npos);
}
