// Listening sockets, and connecting to them.

#define CAF_SUITE net.listener

#include "net/listener.hpp"
#include "net/stream.hpp"
#include "support/stream_pair.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

using namespace cenote::net;
using namespace cenote::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

uint16_t port_of(const listener& x) {
  return parse_endpoints(to_string(x.address()))->front().port;
}

bool waits(const listener& x) {
  pollfd socket{x.descriptor(), POLLIN, 0};
  return ::poll(&socket, 1, 10'000) > 0;
}

int option(int socket, int level, int name) {
  auto out = 0;
  socklen_t size = sizeof(out);
  ::getsockopt(socket, level, name, &out, &size);
  return out;
}

} // namespace

SCENARIO("a listener knows its port, and accepts without blocking") {
  auto server = listen_on_loopback();
  CHECK_NE(port_of(server), 0u);
  auto nothing = server.accept();
  REQUIRE(nothing);
  CHECK(!*nothing);
  auto client = stream::connect(server.address(), "localhost", nullptr);
  REQUIRE(client);
  REQUIRE(waits(server));
  auto one = server.accept();
  REQUIRE(one);
  REQUIRE(*one);
  CHECK(is_loopback((*one)->peer));
  CHECK_EQ(client->peer(), to_string(server.address()));
  auto fd = (*one)->descriptor.get();
  CHECK_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  CHECK_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  CHECK_NE(::fcntl(client->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  CHECK_NE(::fcntl(server.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  auto node = stream::accept(std::move((*one)->descriptor), (*one)->peer, nullptr);
  REQUIRE(node);
  for (auto socket : {client->descriptor(), node->descriptor()}) {
    CHECK_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(option(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 128 * 1024);
  }
}

SCENARIO("an address that cannot be listened on is named") {
  auto server = listen_on_loopback();
  auto again = listener::open(server.address());
  REQUIRE(!again);
  CHECK(contains(again.error(), "cannot listen on " + to_string(server.address()) + ": Address already in use"));
  auto elsewhere = listener::open(*numeric_address({"192.0.2.7", 4243}));
  REQUIRE(!elsewhere);
  CHECK(contains(elsewhere.error(), "cannot listen on 192.0.2.7:4243: "));
  CHECK(contains(elsewhere.error(), "no network interface of this machine has this address"));
  CHECK(!listener::open({}));
}

SCENARIO("a port can be listened on again while old connections linger") {
  socket_address address;
  {
    auto server = listen_on_loopback();
    address = server.address();
    auto client = stream::connect(address, "localhost", nullptr);
    REQUIRE(waits(server));
    // The side that closes first keeps the port in TIME_WAIT.
    auto accepted = server.accept();
    accepted->reset();
  }
  CHECK(listener::open(address));
}

SCENARIO("all IPv6 addresses and all IPv4 addresses can have the same port") {
  auto six = listener::open(*numeric_address({"::", 0}));
  if (!six)
    return; // No IPv6 here.
  CHECK(listener::open(*numeric_address({"0.0.0.0", port_of(*six)})));
}

SCENARIO("a shortage of descriptors is an error that ends") {
  auto server = listen_on_loopback();
  auto client = stream::connect(server.address(), "localhost", nullptr);
  REQUIRE(waits(server));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none{static_cast<rlim_t>(client->descriptor()) + 1, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  // Of what lies below the limit nothing is left.
  std::vector<unique_fd> fill;
  for (unique_fd fd{::dup(0)}; fd; fd = unique_fd{::dup(0)})
    fill.push_back(std::move(fd));
  auto refused = server.accept();
  auto other = stream::connect(server.address(), "localhost", nullptr);
  ::setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(!refused);
  CHECK(contains(refused.error(), "Too many open files: raise the limit of open files"));
  REQUIRE(!other);
  CHECK(contains(other.error(), "Too many open files"));
  auto accepted = server.accept();
  REQUIRE(accepted);
  CHECK(accepted->has_value());
}

SCENARIO("a connection that is refused says what to check") {
  socket_address address;
  {
    auto server = listen_on_loopback();
    address = server.address();
  }
  auto client = stream::connect(address, "localhost", nullptr);
  std::string problem;
  if (client) {
    auto status = client->handshake();
    while (status == io_status::again && wait_for({&*client}))
      status = client->handshake();
    CHECK_EQ(status, io_status::failed);
    CHECK_EQ(client->handshake(), io_status::failed);
    problem = client->problem();
  } else {
    problem = client.error();
  }
  CHECK_EQ(problem,
           "cannot connect to " + to_string(address)
               + ": Connection refused: no node listens there: check address and port, and that the node runs");
}
