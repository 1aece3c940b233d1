// Both sides show a certificate of the other's CA, for their role and host; otherwise both say what to check.

#define CAF_SUITE net.handshake

#include "net/stream.hpp"
#include "support/certificates.hpp"
#include "support/raw_tls.hpp"
#include "support/stream_pair.hpp"

#include <array>
#include <string>

#include <caf/test/bdd_dsl.hpp>

#include <poll.h>

using namespace cenote;
using namespace cenote::net;
using namespace cenote::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

tls_identity good_node() {
  return certificates::load(certificates::get().node("good"), tls_role::node);
}

tls_identity good_client() {
  return certificates::load(certificates::get().client("good"), tls_role::client);
}

/// What becomes of a handshake: the problem, or `done`.
std::string outcome(stream& end) {
  for (;;) {
    auto status = end.handshake();
    if (status == io_status::done) {
      std::array<std::byte, 1> buffer;
      status = end.read(buffer).status;
      return status == io_status::again ? "done" : end.problem();
    }
    if (status != io_status::again)
      return end.problem();
    if (!wait_for({&end}))
      return "the handshake does not go on";
  }
}

/// What a node says of a peer that checks nothing.
std::string node_and(raw_tls::options peer) {
  auto server = listen_on_loopback();
  unique_fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE_EQ(::connect(socket.get(), server.address().get(), server.address().length), 0);
  auto accepted = server.accept();
  REQUIRE(accepted);
  REQUIRE(*accepted);
  auto identity = good_node();
  auto node = stream::accept(std::move((*accepted)->descriptor), (*accepted)->peer, &identity);
  REQUIRE(node);
  peer.node = false;
  raw_tls other{std::move(socket), peer};
  auto out = outcome(*node);
  node->shut_down();
  MESSAGE(out);
  return out;
}

/// What a client says of a peer that checks nothing.
std::string client_and(raw_tls::options peer) {
  auto server = listen_on_loopback();
  auto identity = good_client();
  auto client = stream::connect(server.address(), "localhost", &identity);
  REQUIRE(client);
  pollfd waiting{server.descriptor(), POLLIN, 0};
  ::poll(&waiting, 1, 10'000);
  auto accepted = server.accept();
  REQUIRE(accepted);
  REQUIRE(*accepted);
  peer.node = true;
  raw_tls other{std::move((*accepted)->descriptor), peer};
  auto out = outcome(*client);
  client->shut_down();
  MESSAGE(out);
  return out;
}

} // namespace

SCENARIO("two sides with certificates of one CA know each other's names") {
  auto& made = certificates::get();
  auto node = good_node();
  auto names = made.client("good");
  names.certificate = made.path("good/shop.pem");
  names.key = made.path("good/shop.key");
  auto client = certificates::load(names, tls_role::client);
  for (auto host : {"localhost", "LocalHost", "localhost.", "127.0.0.1", "::1", "db.example"}) {
    MESSAGE(host);
    stream_pair pair{&client, &node, host};
    pair.meet();
    CHECK_EQ(pair.client_outcome, "done");
    CHECK_EQ(pair.node_outcome, "done");
    CHECK_EQ(pair.client.subject(), "node");
    CHECK_EQ(pair.node.subject(), "shop");
    CHECK_EQ(pair.client.problem(), "");
    CHECK(pair.node.peer().starts_with("127.0.0.1:"));
  }
}

SCENARIO("without TLS a connection has no names") {
  stream_pair pair{nullptr, nullptr};
  pair.meet();
  CHECK_EQ(pair.client_outcome, "done");
  CHECK_EQ(pair.node_outcome, "done");
  CHECK_EQ(pair.client.subject(), "");
  CHECK_EQ(pair.node.subject(), "");
}

SCENARIO("a node for another host is refused, and both sides say so") {
  auto node = good_node();
  auto client = good_client();
  for (auto host : {"other.example", "example", "db.example.evil", "192.0.2.7", "::2", "node"}) {
    stream_pair pair{&client, &node, host};
    pair.meet();
    MESSAGE(pair.client_outcome);
    CHECK(contains(pair.client_outcome, std::string{"the certificate of the node \"node\" is not for "} + host
                                            + ", but for localhost, 127.0.0.1, ::1"));
    CHECK(contains(pair.node_outcome, "the client has refused the certificate of this side"));
  }
}

SCENARIO("no certificate is for a host without a name") {
  auto client = good_client();
  auto server = listen_on_loopback();
  CHECK(!stream::connect(server.address(), "", &client));
  CHECK(!stream::connect(server.address(), std::string("a\0b", 3), &client));
}

SCENARIO("an identity is used on its own side only") {
  auto client = good_client();
  auto node = good_node();
  auto server = listen_on_loopback();
  CHECK(!stream::connect(server.address(), "localhost", &node));
  CHECK(!stream::accept(unique_fd{}, server.address(), &client));
}

SCENARIO("sides of different CAs refuse each other") {
  auto& made = certificates::get();
  auto node = good_node();
  auto stranger = certificates::load(made.client("other"), tls_role::client);
  stream_pair pair{&stranger, &node};
  pair.meet();
  CHECK_EQ(pair.client_outcome, "the certificate of the node \"node\" is not signed by the CA of this side: check the "
                                "CA here, and the certificate there");
  CHECK_EQ(pair.node_outcome, "the client has refused the certificate of this side: it is not signed by the CA there: "
                              "check the certificate here, and the CA there");
}

SCENARIO("a client that trusts the node, but is of another CA, learns why it is refused") {
  auto& made = certificates::get();
  auto node = good_node();
  auto names = made.client("other");
  names.ca = made.join("two-ca.pem", {"other/ca.pem", "good/ca.pem"});
  auto stranger = certificates::load(names, tls_role::client);
  stream_pair pair{&stranger, &node};
  pair.meet();
  CHECK_EQ(pair.node_outcome, "the certificate of the client \"client\" is not signed by the CA of this side: check "
                              "the CA here, and the certificate there");
  CHECK_EQ(pair.client_outcome, "the node has refused the certificate of this side: it is not signed by the CA there: "
                                "check the certificate here, and the CA there");
}

SCENARIO("clients without a certificate, or with a wrong one, are refused") {
  auto& made = certificates::get();
  CHECK_EQ(node_and({}), "the client has shown no certificate: name certificate, key and CA there");
  CHECK(contains(node_and({made.path("good/old.pem"), made.path("good/old.key")}),
                 "the certificate of the client \"old\" has expired at 20"));
  CHECK(contains(node_and({made.path("good/node.pem"), made.path("good/node.key")}),
                 "its extended key usage has to include clientAuth"));
  CHECK(contains(node_and({made.path("expired/client.pem"), made.path("expired/client.key")}),
                 "is not signed by the CA of this side"));
  CHECK_EQ(node_and({made.path("good/shop.pem"), made.path("good/shop.key")}), "done");
}

SCENARIO("a certificate without any usage is refused as that of either side") {
  auto& made = certificates::get();
  made.run("openssl req -x509 -key good/node.key -subj /CN=any -days 9 -addext basicConstraints=critical,CA:FALSE "
           "-addext subjectAltName=DNS:localhost -CA good/ca.pem -CAkey good/ca.key -out any.pem");
  CHECK(contains(node_and({made.path("any.pem"), made.path("good/node.key")}), "include clientAuth"));
  CHECK(contains(client_and({made.path("any.pem"), made.path("good/node.key")}), "include serverAuth"));
}

SCENARIO("nodes with a wrong certificate are refused") {
  auto& made = certificates::get();
  CHECK_EQ(client_and({made.path("good/node.pem"), made.path("good/node.key")}), "done");
  CHECK(contains(client_and({made.path("good/client.pem"), made.path("good/client.key")}),
                 "its extended key usage has to include serverAuth"));
  made.run("openssl req -x509 -key good/node.key -subj /CN=localhost -days 9 -addext extendedKeyUsage=serverAuth "
           "-addext basicConstraints=critical,CA:FALSE -CA good/ca.pem -CAkey good/ca.key -out no-hosts.pem");
  // The common name is not a host.
  CHECK(contains(client_and({made.path("no-hosts.pem"), made.path("good/node.key")}), "but for no host at all"));
}

SCENARIO("peers that do not speak TLS 1.3 are refused") {
  auto& made = certificates::get();
  CHECK(contains(node_and({made.path("good/client.pem"), made.path("good/client.key"), false, true}),
                 "the client does not speak TLS 1.3"));
  CHECK(contains(client_and({made.path("good/node.pem"), made.path("good/node.key"), true, true}),
                 "the node does not speak TLS 1.3"));
}

SCENARIO("the name of a peer is safe to show") {
  auto& made = certificates::get();
  made.run("openssl req -x509 -utf8 -key good/node.key -subj \"$(printf '/CN=\\033[1mr\\303\\266d\\n')\" -days 9 "
           "-addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE -CA good/ca.pem "
           "-CAkey good/ca.key -out odd.pem");
  auto names = made.client("good");
  names.certificate = made.path("odd.pem");
  names.key = made.path("good/node.key");
  auto client = certificates::load(names, tls_role::client);
  auto node = good_node();
  stream_pair pair{&client, &node};
  pair.meet();
  CHECK_EQ(pair.node.subject(), "?[1mr??d");
}

SCENARIO("one side with TLS and the other without understand what is wrong") {
  GIVEN("a client with TLS, and a node without") {
    auto client = good_client();
    stream_pair pair{&client, nullptr};
    pair.meet();
    CHECK_EQ(pair.node_outcome, "the client speaks TLS, and this side does not: name certificate, key and CA here");
    CHECK_EQ(pair.client_outcome, "the node has closed the connection during the TLS handshake: check that it is a "
                                  "node, and that it serves with TLS");
  }
  GIVEN("a node with TLS, and a client without") {
    auto node = good_node();
    stream_pair pair{nullptr, &node};
    REQUIRE_EQ(pair.client.handshake(), io_status::done);
    constexpr char hello[] = "cenote hello, clear text";
    CHECK_EQ(pair.client.write(std::as_bytes(std::span{hello})).bytes, sizeof(hello));
    pair.meet();
    CHECK_EQ(pair.node_outcome, "the client does not speak TLS as expected: if it is cenote, name certificate, key and "
                                "CA there as well");
    CHECK_EQ(pair.client_outcome, "the node has closed the connection before it has said anything: check that it is a "
                                  "node; if it demands TLS, name certificate, key and CA here");
  }
}
