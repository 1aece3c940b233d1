// The settings of pool nodes: what several of them say together.

#define CAF_SUITE config.nodes

#include "unit/config_support.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

std::string check_error(void (*change)(settings&)) {
  settings x;
  change(x);
  return error_of([&] { check(x); });
}

void encrypt(node_settings& x) {
  x.certificate = "node.pem";
  x.key = "node.key";
  x.ca = "ca.pem";
}

void encrypt(remote_settings& x) {
  x.certificate = "client.pem";
  x.key = "client.key";
  x.ca = "ca.pem";
}

} // namespace

SCENARIO("a node listens at an address in numbers") {
  CHECK_EQ(check_error([](settings& x) { x.node.listen = "127.0.0.1:4243"; }), "(none)");
  CHECK_EQ(check_error([](settings& x) { x.node.listen = "[::1]:0"; }), "(none)");
  CHECK_EQ(check_error([](settings& x) { x.node.listen = "off"; }), "(none)");
  CHECK_EQ(check_error([](settings& x) { x.node.listen = "pool.example:4243"; }),
           "node.listen must be an address and a port such as 127.0.0.1:4243, [::1]:4243 or 0.0.0.0:4243, or off");
}

SCENARIO("certificate, key and CA are of use only together") {
  CHECK_EQ(check_error([](settings& x) {
             encrypt(x.node);
             encrypt(x.remote);
           }),
           "(none)");
  CHECK_EQ(check_error([](settings& x) {
             encrypt(x.node);
             x.node.key.clear();
           }),
           "TLS needs node.certificate, node.key and node.ca: node.key is missing");
  CHECK_EQ(check_error([](settings& x) { x.node.ca = "ca.pem"; }),
           "TLS needs node.certificate, node.key and node.ca: node.certificate and node.key are missing");
  CHECK_EQ(check_error([](settings& x) {
             encrypt(x.remote);
             x.remote.ca.clear();
           }),
           "TLS needs remote.certificate, remote.key and remote.ca: remote.ca is missing");
}

SCENARIO("a URI is not the name of a file, and is not shown: it may hold a password") {
  constexpr auto uri = "https://me:secret@vault.example/node";
  struct {
    void (*change)(settings&);
    const char* key;
  } rows[] = {
      {[](settings& x) { x.node.certificate = uri; }, "node.certificate"},
      {[](settings& x) { x.node.key = uri; }, "node.key"},
      {[](settings& x) { x.node.ca = uri; }, "node.ca"},
      {[](settings& x) { x.node.token_file = uri; }, "node.token-file"},
      {[](settings& x) { x.node.admin_token_file = uri; }, "node.admin-token-file"},
      {[](settings& x) { x.remote.certificate = uri; }, "remote.certificate"},
      {[](settings& x) { x.remote.key = uri; }, "remote.key"},
      {[](settings& x) { x.remote.ca = uri; }, "remote.ca"},
      {[](settings& x) { x.remote.token_file = uri; }, "remote.token-file"},
  };
  for (auto& row : rows)
    CHECK_EQ(check_error(row.change), std::string{row.key} + " must name a file, not a URI");
}

SCENARIO("clear text does not leave the machine") {
  const std::string hint = ", which other machines reach: set node.certificate, node.key and node.ca, or listen on "
                           "127.0.0.1";
  CHECK_EQ(check_error([](settings& x) { x.node.listen = "0.0.0.0:4243"; }), "node.listen is \"0.0.0.0:4243\"" + hint);
  CHECK_EQ(check_error([](settings& x) { x.node.listen = "[::]:4243"; }), "node.listen is \"[::]:4243\"" + hint);
  CHECK_EQ(check_error([](settings& x) {
             x.node.listen = "0.0.0.0:4243";
             encrypt(x.node);
           }),
           "(none)");
  CHECK_EQ(check_error([](settings& x) { x.remote.nodes = "localhost:4243, 127.9.9.9:1,[::1]:4243"; }), "(none)");
  CHECK_EQ(check_error([](settings& x) { x.remote.nodes = "127.0.0.1:4243,pool.example:4243"; }),
           "remote.nodes names pool.example, which is not this machine: set remote.certificate, remote.key and "
           "remote.ca");
  CHECK_EQ(check_error([](settings& x) {
             x.remote.nodes = "pool.example:4243";
             encrypt(x.remote);
           }),
           "(none)");
}

SCENARIO("the names of nodes are refused as a whole if one is wrong") {
  for (auto change : {+[](settings& x) { x.remote.nodes = "127.0.0.1:4243,pool.example"; },
                      +[](settings& x) { x.remote.nodes = "127.0.0.1:4243,"; },
                      +[](settings& x) { x.remote.nodes = "http://127.0.0.1:4243"; },
                      +[](settings& x) { x.remote.nodes = "127.0.0.1:0"; }}) {
    auto text = check_error(change);
    MESSAGE(text);
    CHECK(text.starts_with("remote.nodes: "));
  }
  CHECK_EQ(check_error([](settings& x) { x.remote.nodes = "127.0.0.1:4243,pool.example"; }),
           "remote.nodes: \"pool.example\" has no port: write pool.example:4243");
}

SCENARIO("nobody is given up before two signs of life are due") {
  CHECK_EQ(check_error([](settings& x) {
             x.node.heartbeat = 15ms;
             x.node.give_up = 30ms;
           }),
           "(none)");
  CHECK_EQ(check_error([](settings& x) { x.node.heartbeat = 3s; }),
           "node.give-up is 5s, but must be at least two times node.heartbeat, which is 3s");
  CHECK_EQ(check_error([](settings& x) { x.remote.give_up = 1s; }),
           "remote.give-up is 1s, but must be at least two times remote.heartbeat, which is 1s");
  CHECK_EQ(
      check_error([](settings& x) { x.node.heartbeat = 1ms; }),
      "node.heartbeat is 1ms, but must be a time from 10ms to 24h: seconds, or with a unit as in 30s, 500ms, 5min, "
      "1h");
}

SCENARIO("the table of the budget has a name that needs no quotes") {
  const std::string problem = "budget.table must be a table's name, or schema.table, of letters, digits, _ and $, each "
                              "of at most 64 characters and not of digits alone";
  CHECK_EQ(check_error([](settings& x) { x.pool.budget.table = "ops.cenote_node"; }), "(none)");
  CHECK_EQ(check_error([](settings& x) { x.pool.budget.table = "2nd$table"; }), "(none)");
  CHECK_EQ(check_error([](settings& x) { x.pool.budget.table = std::string(64, 'a') + "." + std::string(64, 'b'); }),
           "(none)");
  for (auto change :
       {+[](settings& x) { x.pool.budget.table = "a.b.c"; }, +[](settings& x) { x.pool.budget.table = ".a"; },
        +[](settings& x) { x.pool.budget.table = "a."; }, +[](settings& x) { x.pool.budget.table = "a`b"; },
        +[](settings& x) { x.pool.budget.table = "a; DROP TABLE b"; }, +[](settings& x) { x.pool.budget.table = "12"; },
        +[](settings& x) {
          x.pool.budget.table = "t\xc3\xa4"
                                "ble";
        },
        +[](settings& x) { x.pool.budget.table = std::string(65, 'a'); }})
    CHECK_EQ(check_error(change), problem);
  CHECK_EQ(check_error([](settings& x) { x.pool.budget.lease = 999ms; }),
           "budget.lease is 999ms, but must be a time from 1s to 24h: seconds, or with a unit as in 30s, 500ms, 5min, "
           "1h");
}
