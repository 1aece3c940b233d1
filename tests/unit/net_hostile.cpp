// Peers that send anything but what they should: an error text, and nothing worse.

#define CAF_SUITE net.hostile

#include "net/stream.hpp"
#include "support/certificates.hpp"
#include "support/stream_pair.hpp"

#include <array>
#include <random>
#include <string>

#include <caf/test/bdd_dsl.hpp>

#include <poll.h>

using namespace cenote;
using namespace cenote::net;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// A stream with TLS, and a bare socket at the other end.
struct hostile_peer {
  explicit hostile_peer(tls_role role) {
    auto& made = certificates::get();
    auto server = listen_on_loopback();
    auto node = role == tls_role::node;
    auto identity = certificates::load(node ? made.node("good") : made.client("good"), role);
    if (!node)
      end.emplace(std::move(*stream::connect(server.address(), "localhost", &identity)));
    else {
      socket = unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      ::connect(socket.get(), server.address().get(), server.address().length);
    }
    pollfd waiting{server.descriptor(), POLLIN, 0};
    ::poll(&waiting, 1, 10'000);
    auto accepted = server.accept();
    if (node)
      end.emplace(std::move(*stream::accept(std::move((*accepted)->descriptor), (*accepted)->peer, &identity)));
    else
      socket = std::move((*accepted)->descriptor);
  }

  /// Sends as much as the stream reads, and shakes hands.
  io_status send(std::string_view bytes) {
    auto status = end->handshake();
    while (!bytes.empty() && status == io_status::again) {
      auto count = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0)
        bytes.remove_prefix(static_cast<size_t>(count));
      status = end->handshake();
    }
    // Until all that was sent has been read.
    pollfd arrived{end->descriptor(), POLLIN, 0};
    while (status == io_status::again && ::poll(&arrived, 1, 20) > 0)
      status = end->handshake();
    return status;
  }

  std::optional<stream> end;
  unique_fd socket;
};

/// The beginning of a record of the handshake.
std::string record(std::string_view content) {
  std::string out = "\x16\x03\x01"s;
  out += static_cast<char>(content.size() >> 8);
  out += static_cast<char>(content.size() & 0xff);
  return out.append(content);
}

std::string random_bytes(size_t size, unsigned seed) {
  std::mt19937 dice{seed};
  std::string out(size, '\0');
  for (auto& c : out)
    c = static_cast<char>(dice());
  return out;
}

} // namespace

SCENARIO("what is no TLS is refused by a node with a text") {
  struct {
    std::string bytes;
    const char* part;
  } rows[] = {
      {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "speaks HTTP"},
      {"POST / HTTP/1.1\r\n\r\n", "speaks HTTP"},
      {"CONNECT x:1 HTTP/1.1\r\n\r\n", "speaks HTTP"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "does not speak TLS"},
      {std::string(100'000, '\0'), "does not speak TLS"},
      {std::string(100'000, '\xff'), "does not speak TLS"},
      {record("\x02\x00\x00\x00"s), "does not speak TLS"},
      {record("\x01\x00\x00\x01\xff"s), "TLS with the client has failed"},
      {"\x17\x03\x03\x00\x01x"s, "does not speak TLS"},
      {"\x16\x03\x01\xff\xff"s + std::string(70'000, 'x'), "does not speak TLS"},
      {"\x15\x03\x03\x00\x02\x02\x28"s, "does not speak TLS"},
  };
  for (auto& x : rows) {
    hostile_peer peer{tls_role::node};
    CHECK_EQ(peer.send(x.bytes), io_status::failed);
    MESSAGE(peer.end->problem());
    CHECK_NE(peer.end->problem().find(x.part), std::string::npos);
    CHECK_EQ(peer.end->handshake(), io_status::failed);
    peer.end->shut_down();
  }
}

SCENARIO("what is no TLS is refused by a client with a text") {
  for (auto& bytes : {"HTTP/1.1 400 Bad Request\r\n\r\n"s, "5.5.5-10.11.6-MariaDB\0xxxxxxxxxxxxxx"s,
                      std::string(9000, '\0'), record("\x01\x00\x00\x01\xff"s), record(std::string(16'000, '\x0b'))}) {
    hostile_peer peer{tls_role::client};
    CHECK_EQ(peer.send(bytes), io_status::failed);
    MESSAGE(peer.end->problem());
    CHECK(!peer.end->problem().empty());
  }
}

SCENARIO("half a handshake waits, and is closed with its connection") {
  for (auto role : {tls_role::node, tls_role::client}) {
    hostile_peer peer{role};
    CHECK_EQ(peer.send("\x16\x03\x01\x02"), io_status::again);
    CHECK(peer.end->wants_read());
    CHECK(!peer.end->wants_write());
    CHECK_EQ(peer.end->problem(), "");
    ::shutdown(peer.socket.get(), SHUT_WR);
    CHECK_EQ(peer.send(""), io_status::closed);
    CHECK_NE(peer.end->problem().find("has closed the connection during the TLS handshake"), std::string::npos);
  }
}

SCENARIO("a hello without end is refused before it is large") {
  hostile_peer peer{tls_role::node};
  auto bytes = record("\x01\xff\xff\xff"s + std::string(16'000, 'x'));
  for (auto i = 0; i < 100; ++i)
    bytes += record(std::string(16'000, 'x'));
  CHECK_EQ(peer.send(bytes), io_status::failed);
  MESSAGE(peer.end->problem());
}

SCENARIO("records without content keep nobody busy") {
  hostile_peer peer{tls_role::node};
  std::string bytes;
  for (auto i = 0; i < 10'000; ++i)
    bytes += record("");
  CHECK_EQ(peer.send(bytes), io_status::failed);
}

SCENARIO("random bytes are refused, or waited for") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    hostile_peer peer{seed % 2 == 0 ? tls_role::node : tls_role::client};
    auto bytes = random_bytes(1 + seed * 37, seed);
    if (seed % 3 == 0)
      bytes = record(bytes);
    else if (seed % 3 == 1)
      bytes = "\x16\x03"s + bytes;
    auto status = peer.send(bytes);
    CHECK(status == io_status::failed || status == io_status::again);
    CHECK_EQ(peer.end->problem().empty(), status == io_status::again);
  }
}
