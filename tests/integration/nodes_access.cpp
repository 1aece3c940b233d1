// Who may come in: certificates, tokens, versions; and what is told to those who may not.

#define CAF_SUITE nodes.access

#include "remote/protocol.hpp"
#include "support/certificates.hpp"
#include "support/nodes_fixture.hpp"
#include "support/raw_peer.hpp"
#include "support/raw_tls.hpp"
#include "support/session_user.hpp"

#include "cenote/configuration.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <fstream>
#include <initializer_list>
#include <iterator>
#include <list>
#include <random>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

const std::string secret_token = "0123456789abcdef0123456789abcdef";
const std::string admin_secret = "fedcba9876543210fedcba9876543210";

/// @param cas whose certificates are accepted.
net::tls_identity::files files(const std::string& certificate, std::initializer_list<std::string> cas) {
  auto& made = certificates::get();
  std::string name = "ca-of";
  std::string authorities;
  for (auto& each : cas) {
    name += "-" + each;
    std::ifstream file{made.path(each + "/ca.pem")};
    authorities.append(std::istreambuf_iterator<char>{file}, {});
  }
  return {made.path(certificate + ".pem"), made.path(certificate + ".key"), made.write(name + ".pem", authorities)};
}

/// How long somebody may wait for the news that he is not welcome.
constexpr auto in_time = 15s;

struct fixture : nodes_fixture {
  pool_actor pool = start_local_pool();

  /// Why a client cannot use the pool, in one text.
  failure refusal_of(const pool_actor& remote) {
    stopwatch watch;
    auto answered = clients().verify(remote);
    CHECK_LT(watch.elapsed(), in_time);
    if (answered)
      return {};
    MESSAGE(to_string(answered.error()));
    CHECK(!contains(answered.error().text, "\n"));
    return answered.error();
  }

  /// It is counted, and others are served.
  void check_turned_away(const published_pool& node, const pool_actor& good, uint64_t more_than) {
    await_node(node.node, [&](const node_status& x) { return x.turned_away > more_than; });
    CHECK(clients().run(good, read("SELECT 1")).has_value());
  }
};

net::unique_fd connect_to(uint16_t port) {
  raw_peer peer{port};
  return net::unique_fd{::dup(peer.descriptor())};
}

std::string random_bytes(size_t size, unsigned seed) {
  std::mt19937 dice{seed};
  std::string out(size, '\0');
  for (auto& c : out)
    c = static_cast<char>(dice());
  return out;
}

net::blob greeting(uint16_t version = remote::protocol_version, uint32_t mark = remote::magic) {
  remote::hello x;
  x.mark = mark;
  x.protocol = version;
  x.version = "9.9.9";
  x.name = "by hand";
  return remote::encode(x);
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("with certificates of one CA, both sides know each other, and what they say is encrypted") {
  GIVEN("a node and a client with TLS") {
    auto node = publish(pool, with_tls(node_rules(), files("good/node", {"good"})));
    auto remote = reach(node.port, with_tls(client_rules("shop-1"), files("good/shop", {"good"})));
    WHEN("the client asks") {
      CHECK_EQ(clients().must(remote, read("SELECT 41 + 1"))[0].get<int>(0), 42);
      THEN("the node shows who that is") {
        auto status = status_of(node.node);
        CHECK(status.tls);
        REQUIRE_EQ(status.clients.size(), 1u);
        CHECK_EQ(status.clients[0].subject, "shop");
        CHECK_EQ(status.clients[0].name, "shop-1");
        CHECK(!status.clients[0].admin);
        CHECK_EQ(status.turned_away, 0u);
      }
    }
  }
}

SCENARIO("a client that does not fit the CA of a node is told so, and counted there") {
  GIVEN("a node with TLS") {
    auto node = publish(pool, with_tls(node_rules(), files("good/node", {"good"})));
    auto good = reach(node.port, with_tls(client_rules(), files("good/client", {"good"})));
    WHEN("clients come with a certificate of another CA, knowing another CA, and without TLS") {
      struct {
        remote_settings rules;
        const char* part;
      } rows[] = {
          {with_tls(client_rules(), files("other/client", {"other", "good"})), "not signed by the CA there"},
          {with_tls(client_rules(), files("other/client", {"other"})), "not signed by the CA of this side"},
          {client_rules(), "TLS"},
      };
      for (auto& x : rows) {
        auto before = status_of(node.node).turned_away;
        auto bad = reach(node.port, x.rules);
        auto reason = refusal_of(bad);
        CHECK_EQ(reason.code, errc::connect_failed);
        CHECK_EQ(reason.outcome, outcome::unavailable);
        CHECK(contains(reason.text, "127.0.0.1:" + std::to_string(node.port)));
        CHECK(contains(reason.text, x.part));
        check_turned_away(node, good, before);
        caf::anon_send_exit(bad, caf::exit_reason::user_shutdown);
      }
    }
  }
}

SCENARIO("a node refuses expired certificates, those of nodes, peers without one, and TLS 1.2") {
  GIVEN("a node with TLS") {
    auto node = publish(pool, with_tls(node_rules(), files("good/node", {"good"})));
    auto good = reach(node.port, with_tls(client_rules(), files("good/client", {"good"})));
    WHEN("peers come that do not check anything themselves") {
      auto& made = certificates::get();
      for (raw_tls::options how : {raw_tls::options{made.path("good/old.pem"), made.path("good/old.key"), false, false},
                                   {made.path("good/node.pem"), made.path("good/node.key"), false, false},
                                   {"", "", false, false},
                                   {made.path("good/client.pem"), made.path("good/client.key"), false, true}}) {
        auto before = status_of(node.node).turned_away;
        raw_tls bad{connect_to(node.port), how};
        check_turned_away(node, good, before);
      }
    }
  }
}

SCENARIO("a node that shows a wrong certificate is not used") {
  struct {
    const char* certificate;
    const char* part;
  } rows[] = {
      {"expired/node", "has expired"},
      {"good/client", "not for its role"},
      {"other/node", "not signed by the CA of this side"},
      {"", "does not speak TLS 1.3"},
  };
  for (auto& x : rows) {
    raw_node node{[&](raw_peer& peer) {
      raw_tls::options how{"", "", true, false};
      if (*x.certificate != '\0') {
        how.certificate = certificates::get().path(std::string{x.certificate} + ".pem");
        how.key = certificates::get().path(std::string{x.certificate} + ".key");
      }
      raw_tls session{net::unique_fd{::dup(peer.descriptor())}, how};
      session.wait();
    }};
    auto remote = reach(node.port(), with_tls(client_rules(), files("good/client", {"good", "expired"})));
    CHECK(contains(refusal_of(remote).text, x.part));
  }
}

SCENARIO("a certificate for another host is refused by the client, with the hosts that it is for") {
  GIVEN("a node at an address that its certificate does not name") {
    auto rules = with_tls(node_rules(), files("good/node", {"good"}));
    rules.listen = "127.0.0.2:0";
    auto node = publish(pool, rules);
    WHEN("a client connects to it") {
      auto how = with_tls(client_rules(), files("good/client", {"good"}));
      how.nodes = "127.0.0.2:" + std::to_string(node.port);
      auto text = refusal_of(reach({}, how)).text;
      CHECK(contains(text, "is not for 127.0.0.2, but for "));
      CHECK(contains(text, "db.example"));
    }
  }
}

SCENARIO("certificates that cannot be right are refused before anything is tried") {
  auto throws = [](auto f) -> std::string {
    try {
      f();
    } catch (const configuration_error& error) {
      return error.what();
    }
    return "";
  };
  auto as_node = [&](const char* certificate) {
    return throws([&] { publish(pool, with_tls(node_rules(), files(certificate, {"good"}))); });
  };
  auto as_client = [&](const char* certificate) {
    return throws([&] { reach(1, with_tls(client_rules(), files(certificate, {"good"}))); });
  };
  CHECK(contains(as_node("good/client"), "serverAuth"));
  CHECK(contains(as_client("good/node"), "clientAuth"));
  CHECK(contains(as_client("good/old"), "expired"));
  CHECK(
      contains(throws([&] { publish(pool, with_tls(node_rules(), files("expired/node", {"expired"}))); }), "expired"));
}

SCENARIO("a client with TLS does not fall back to clear text") {
  GIVEN("a node without TLS") {
    auto node = publish(pool);
    auto good = reach(node.port);
    WHEN("a client with TLS connects to it") {
      auto bad = reach(node.port, with_tls(client_rules(), files("good/client", {"good"})));
      CHECK(contains(refusal_of(bad).text, "TLS"));
      check_turned_away(node, good, 0);
    }
  }
}

SCENARIO("a node with a token serves only those who show it") {
  GIVEN("a node with two tokens, and a client with each of them, with a wrong one, and with none") {
    token_file ordinary{secret_token};
    token_file admin{admin_secret};
    token_file wrong{"00000000000000000000000000000000"};
    auto rules = node_rules();
    rules.token_file = ordinary.path();
    rules.admin_token_file = admin.path();
    auto node = publish(pool, rules);
    auto with = [&](const std::string& path) {
      auto how = client_rules();
      how.token_file = path;
      return reach(node.port, how);
    };
    auto user = with(ordinary.path());
    CHECK(clients().verify(user).has_value());
    CHECK(clients().verify(with(admin.path())).has_value());
    WHEN("the token is wrong") {
      auto before = status_of(node.node).turned_away;
      auto reason = refusal_of(with(wrong.path()));
      CHECK_EQ(reason.code, errc::login_refused);
      CHECK_EQ(reason.outcome, outcome::rejected);
      CHECK(contains(reason.text, "the token is wrong"));
      CHECK(!contains(reason.text, "0000000"));
      check_turned_away(node, user, before);
    }
    WHEN("there is none") {
      auto before = status_of(node.node).turned_away;
      CHECK(contains(refusal_of(with("")).text, "asks for a token"));
      check_turned_away(node, user, before);
    }
    WHEN("statements come with a wrong one") {
      auto bad = with(wrong.path());
      refusal_of(bad);
      auto failed = clients().run(bad, read("SELECT 1"));
      REQUIRE(!failed);
      CHECK_EQ(failed.error().code, errc::login_refused);
    }
  }
}

SCENARIO("only with the admin token a client disposes, pauses, resumes and kills") {
  GIVEN("an admin, another client, and a session of the latter") {
    token_file admin{admin_secret};
    auto rules = node_rules();
    rules.admin_token_file = admin.path();
    auto node = publish(pool, rules);
    auto how = client_rules("admin");
    how.token_file = admin.path();
    auto boss = reach(node.port, how);
    auto other = reach(node.port);
    auto& x = clients();
    session_user user{x.system(), other};
    auto session = user.checkout();
    WHEN("the other one tries") {
      std::vector<answer<void>> answers;
      answers.push_back(x.request<void>(other, dispose_atom_v).get());
      answers.push_back(x.request<void>(other, pause_atom_v).get());
      answers.push_back(x.request<void>(other, resume_atom_v).get());
      answers.push_back(x.request<void>(other, kill_atom_v, session).get());
      for (auto& each : answers) {
        REQUIRE(!each);
        CHECK_EQ(each.error().code, errc::invalid_statement);
        CHECK_EQ(each.error().outcome, outcome::rejected);
        CHECK(contains(each.error().text, "admin-token-file"));
      }
      CHECK(user.run(session, read("SELECT 1")).has_value());
    }
    WHEN("the admin does") {
      CHECK(x.verify(boss).has_value());
      CHECK(x.request<void>(boss, pause_atom_v).get().has_value());
      CHECK(x.status(other).paused);
      CHECK(x.request<void>(boss, resume_atom_v).get().has_value());
      CHECK(!x.status(other).paused);
      CHECK(x.request<void>(boss, dispose_atom_v).get().has_value());
      CHECK(x.request<void>(boss, kill_atom_v, session).get().has_value());
      auto ended = user.run(session, read("SELECT 1"));
      REQUIRE(!ended);
      CHECK_EQ(ended.error().code, errc::session_ended);
      CHECK(status_of(node.node).clients.at(0).admin != status_of(node.node).clients.at(1).admin);
    }
  }
}

SCENARIO("nobody changes the settings of a pool from outside, and a drain ends only the client") {
  GIVEN("two clients") {
    auto node = publish(pool);
    auto first = reach(node.port);
    auto second = reach(node.port);
    auto& x = clients();
    CHECK(x.verify(first).has_value());
    CHECK(x.verify(second).has_value());
    WHEN("one asks for other settings") {
      auto refused = x.request<void>(first, reconfigure_atom_v, settings_update{}).get();
      REQUIRE(!refused);
      CHECK_EQ(refused.error().code, errc::invalid_setting);
      CHECK_EQ(refused.error().outcome, outcome::rejected);
    }
    WHEN("one is drained, while it does something") {
      auto running = x.ask(first, read("SELECT SLEEP(0.3)"));
      await_running("%SLEEP(0.3)%", 1);
      auto report = x.drain(first, 30s).get();
      REQUIRE(report);
      CHECK_EQ(report->cut, 0u);
      CHECK(running.get().has_value());
      await_clients(node.node, 1);
      CHECK_EQ(status_of(node.node).lost, 0u);
      CHECK(x.run(second, read("SELECT 1")).has_value());
      CHECK(run(pool, read("SELECT 1")).has_value());
      auto late = x.run(first, read("SELECT 1"));
      REQUIRE(!late);
      CHECK(late.error().outcome != outcome::rejected);
    }
  }
}

SCENARIO("a node takes as many clients as it may, and the next one when there is room") {
  GIVEN("a node with its only client") {
    auto rules = node_rules();
    rules.max_clients = 1;
    auto node = publish(pool, rules);
    auto first = reach(node.port);
    CHECK(clients().verify(first).has_value());
    WHEN("a second one comes") {
      auto second = reach(node.port);
      auto reason = refusal_of(second);
      CHECK_EQ(reason.outcome, outcome::unavailable);
      CHECK(contains(reason.text, "node.max-clients 1"));
      check_turned_away(node, first, 0);
      auto waiting = clients().ask(second, read("SELECT 1"));
      caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
      CHECK(waiting.get().has_value());
    }
  }
}

SCENARIO("clients of another version are told which one the node speaks") {
  GIVEN("a node and a client of it") {
    auto node = publish(pool);
    auto good = reach(node.port);
    WHEN("one greets in another version") {
      for (uint16_t version : {0, remote::protocol_version + 1, 65535}) {
        auto before = status_of(node.node).turned_away;
        raw_peer peer{node.port};
        peer.send(net::message_kind::hello, 0, greeting(version));
        auto answered = peer.receive();
        REQUIRE(answered);
        CHECK_EQ(answered->kind, net::message_kind::refusal);
        remote::refusal refused;
        REQUIRE(remote::decode(answered->content, refused));
        MESSAGE(refused.text);
        CHECK(refused.permanent);
        CHECK(contains(refused.text, "version " + std::to_string(version)));
        CHECK(contains(refused.text, "9.9.9"));
        CHECK(peer.await_end());
        check_turned_away(node, good, before);
      }
    }
  }
}

SCENARIO("those who speak another protocol are turned away at once") {
  auto hello = text_of(greeting());
  auto as_frame = [](net::message_kind kind, const std::string& content) {
    return frame(static_cast<uint32_t>(content.size()), static_cast<uint8_t>(kind), 1, 0, content);
  };
  using net::message_kind;
  std::string rows[] = {
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      std::string("\x4a\0\0\0\x0a\x35\x2e\x35\x2e\x35-MariaDB", 17) + std::string(80, '\0'),
      std::string("\0\0\0\x05", 4) + std::string(64, '\1'),
      std::string("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 11) + std::string(500, 'x'),
      "SSH-2.0-OpenSSH_9.2p1\r\n",
      std::string(100'000, '\0'),
      std::string(100'000, '\xff'),
      random_bytes(10'000, 1),
      random_bytes(10'000, 2),
      as_frame(message_kind::hello, ""),
      as_frame(message_kind::hello, hello.substr(0, hello.size() - 1)),
      as_frame(message_kind::hello, hello + "x"),
      as_frame(message_kind::hello, text_of(greeting(1, 0x12345678))),
      as_frame(message_kind::request, hello),
      as_frame(message_kind::goodbye, ""),
      as_frame(message_kind::welcome, hello),
      frame(net::max_piece, 1, 0, 0, std::string(net::max_piece, 'x')),
      frame(0xffffffff, 1, 1, 0, ""),
      frame(0, 1, 0, 0, ""),
      frame(0, 200, 1, 0, ""),
      frame(0, 1, 2, 0, ""),
  };
  GIVEN("a node in clear text and one with TLS, with a client each") {
    published_pool nodes[] = {publish(pool), publish(pool, with_tls(node_rules(), files("good/node", {"good"})))};
    pool_actor good[] = {reach(nodes[0].port),
                         reach(nodes[1].port, with_tls(client_rules(), files("good/client", {"good"})))};
    WHEN("bytes come that are no greeting") {
      for (auto i : {0, 1})
        for (auto& bytes : rows) {
          auto before = status_of(nodes[i].node).turned_away;
          raw_peer peer{nodes[i].port};
          peer.send(bytes);
          auto ended = peer.await_end(in_time);
          if (!ended)
            MESSAGE("the node " << i << " keeps a connection of " << bytes.size()
                                << " bytes: " << caf::deep_to_string(bytes.substr(0, 8)));
          CHECK(ended);
          await_node(nodes[i].node, [&](const node_status& x) { return x.turned_away > before; });
        }
      THEN("the clients are served as before") {
        for (auto i : {0, 1}) {
          CHECK(clients().run(good[i], read("SELECT 1")).has_value());
          auto status = status_of(nodes[i].node);
          CHECK_EQ(status.clients.size(), 1u);
          CHECK_EQ(status.greeted, 1u);
          CHECK_EQ(status.lost, 0u);
        }
      }
    }
  }
}

SCENARIO("a port scanner is no client, and does no harm") {
  GIVEN("a node and a client of it") {
    auto node = publish(pool);
    auto good = reach(node.port);
    CHECK(clients().verify(good).has_value());
    WHEN("somebody connects and goes, 500 times") {
      for (auto i = 0; i < 500; ++i)
        raw_peer{node.port};
      CHECK(clients().run(good, read("SELECT 1")).has_value());
      CHECK(clients().verify(reach(node.port)).has_value());
      CHECK_EQ(status_of(node.node).greeted, 2u);
      CHECK_EQ(status_of(node.node).lost, 0u);
    }
  }
}

SCENARIO("who does not finish a greeting is turned away when a sign of life is due") {
  GIVEN("a node in clear text and one with TLS") {
    auto clear = publish(pool);
    auto tls = publish(pool, with_tls(node_rules(), files("good/node", {"good"})));
    auto good = reach(clear.port);
    WHEN("nothing comes, or half of it") {
      auto half = frame(static_cast<uint32_t>(greeting().bytes.size()), 1, 1, 0, text_of(greeting()).substr(0, 9));
      raw_peer silent{clear.port};
      raw_peer started{clear.port};
      raw_peer other{tls.port};
      raw_peer begun{tls.port};
      started.send(half);
      begun.send(std::string("\x16\x03\x01\x02\0\x01\0", 7));
      stopwatch watch;
      for (auto each : {&silent, &started, &other, &begun})
        CHECK(each->await_end(in_time));
      CHECK_GT(watch.elapsed(), short_give_up / 2);
      check_turned_away(clear, good, 1);
      CHECK_GE(await_node(tls.node, [](auto& x) { return x.turned_away >= 2; }).turned_away, 2u);
    }
    WHEN("a byte comes now and then") {
      raw_peer slow{clear.port};
      stopwatch watch;
      auto text = frame(static_cast<uint32_t>(greeting().bytes.size()), 1, 1, 0, text_of(greeting()));
      auto ended = false;
      for (size_t i = 0; !ended && i < text.size(); ++i)
        ended = !slow.send(text.substr(i, 1)) || slow.await_end(100ms);
      CHECK(ended);
      CHECK_LT(watch.elapsed(), in_time);
    }
  }
}

SCENARIO("300 connections that say nothing keep out neither a client, nor one that comes later") {
  GIVEN("a client, and 300 silent connections") {
    auto rules = node_rules();
    rules.give_up = 20s; // Longer than the test.
    auto node = publish(pool, rules);
    auto good = reach(node.port);
    CHECK(clients().verify(good).has_value());
    std::list<raw_peer> silent;
    for (auto i = 0; i < 300; ++i)
      silent.emplace_back(node.port);
    WHEN("the client works, and another one comes") {
      stopwatch watch;
      for (auto i = 0; i < 20; ++i)
        CHECK(clients().run(good, read("SELECT 1")).has_value());
      CHECK(clients().verify(reach(node.port)).has_value());
      CHECK_LT(watch.elapsed(), in_time);
      CHECK_GT(status_of(node.node).turned_away, 0u);
    }
  }
}

END_FIXTURE_SCOPE()
