// Where nodes are, as people write it, and the addresses that result.

#define CAF_SUITE net.endpoint

#include "net/endpoint.hpp"

#include <string>
#include <string_view>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::net;
using namespace std::literals;

namespace {

/// The endpoints with commas between, or the error.
std::string parsed(std::string_view text) {
  auto list = parse_endpoints(text);
  if (!list)
    return "error: " + list.error();
  std::string out;
  for (auto& x : *list)
    out += (out.empty() ? "" : ",") + x.to_string();
  return out;
}

std::string numeric(const std::string& host) {
  auto address = numeric_address({host, 4243});
  return address ? to_string(*address) : "none";
}

} // namespace

SCENARIO("a list of endpoints has hosts and ports, with commas between") {
  struct {
    const char* text;
    const char* result;
  } rows[] = {
      {"node1:4243", "node1:4243"},
      {"node1:4243,node2:4243", "node1:4243,node2:4243"},
      {"  node1:1 ,\tnode2:65535\n", "node1:1,node2:65535"},
      {"Node-1.Example.:80", "node-1.example.:80"},
      {"my_service:80", "my_service:80"},
      {"1node:80", "1node:80"},
      {"127.0.0.1:4243", "127.0.0.1:4243"},
      {"[::1]:4243", "[::1]:4243"},
      {"[0:0:0:0:0:0:0:1]:4243", "[::1]:4243"},
      {"[2001:DB8::7]:4243", "[2001:db8::7]:4243"},
      {"[fe80::1%eth0]:4243", "[fe80::1%eth0]:4243"},
      {"a:1,A:1,a:1,a:2,[::1]:1,[0::1]:1", "a:1,a:2,[::1]:1"},
      {"a:00001", "a:1"},
  };
  for (auto& x : rows)
    CHECK_EQ(parsed(x.text), x.result);
}

SCENARIO("a wrong list is refused with what would be right") {
  struct {
    std::string text;
    const char* part;
  } rows[] = {
      {"", "the list is empty: write host:port"},
      {" \t\n", "the list is empty"},
      {",", "before or after a comma"},
      {"a:1,", "before or after a comma"},
      {",a:1", "before or after a comma"},
      {"a:1,,b:1", "before or after a comma"},
      {"a:1 b:1", "has a character that no host name has"},
      {"a:1;b:1", "has a character that no host name has"},
      {"node1", "\"node1\" has no port: write node1:4243"},
      {"127.0.0.1", "write 127.0.0.1:4243"},
      {"node1:", "the port has to be a number from 1 to 65535"},
      {"node1:0", "from 1 to 65535"},
      {"node1:65536", "from 1 to 65535"},
      {"node1:99999999999999999999", "from 1 to 65535"},
      {"node1:-1", "from 1 to 65535"},
      {"node1:+1", "from 1 to 65535"},
      {"node1:x", "from 1 to 65535"},
      {"node1:80x", "from 1 to 65535"},
      {"node1: 80", "from 1 to 65535"},
      {"node1:0x50", "from 1 to 65535"},
      {":4243", "the host is missing"},
      {":", "the host is missing"},
      {"::1", "write [::1]:4243"},
      {"::1:4243", "write [::1:4243]:4243"},
      {"fe80::1%eth0:80", "needs brackets"},
      {"2001:db8:0:0:0:0:0:7:4243", "write [2001:db8:0:0:0:0:0:7]:4243"},
      {"[::1]", "has no port: write [::1]:4243"},
      {"[::1]4243", "has no port: write [::1]:4243"},
      {"[::1", "the bracket ] is missing"},
      {"[::1:4243", "the bracket ] is missing"},
      {"[]:4243", "no IPv6 address is in the brackets"},
      {"[node1]:4243", "no IPv6 address is in the brackets"},
      {"[127.0.0.1]:4243", "no IPv6 address is in the brackets"},
      {"[::1%]:4243", "no IPv6 address is in the brackets"},
      {"[::1%a b]:4243", "no IPv6 address is in the brackets"},
      {"[:::1]:4243", "no IPv6 address is in the brackets"},
      {"[::1]:", "from 1 to 65535"},
      {"::1]:4243", "no host name has"},
      {"http://node1:4243", "without a scheme"},
      {"cenote://node1", "without a scheme"},
      {"user@node1:4243", "without a user"},
      {"node1/x:4243", "no host name has"},
      {"*:4243", "no host name has"},
      {"256.0.0.1:80", "is no IPv4 address"},
      {"127.1:80", "is no IPv4 address"},
      {"1:80", "is no IPv4 address"},
      {"1.2.3.4.5:80", "is no IPv4 address"},
      {"01.2.3.4:80", "is no IPv4 address"},
      {"node.1:80", "is no IPv4 address"},
      {"127.0.0.1.:80", "is no IPv4 address"},
      {"a..b:80", "two dots in a row"},
      {".a:80", "begins with one"},
      {".:80", "begins with one"},
      {"-a:80", "begins or ends with a hyphen"},
      {"a-.b:80", "begins or ends with a hyphen"},
      {"b\xc3\xbc"
       "cher:80",
       "xn--"},
      {"\x1b[1mnode:80", "\"?[1mnode:80\""},
      {std::string("a\0b:80", 6), "no host name has"},
      {std::string(64, 'a') + ":80", "more than 63 characters"},
      {std::string(254, 'a') + ":80", "longer than 253 characters"},
      {std::string(5000, ':'), "...\""},
      {"good:1, bad", "\"bad\" has no port"},
  };
  for (auto& x : rows) {
    auto out = parsed(x.text);
    MESSAGE(x.text << " -> " << out);
    CHECK(out.starts_with("error: "));
    CHECK_NE(out.find(x.part), std::string::npos);
    CHECK_LT(out.size(), 300u);
  }
}

SCENARIO("numbers are addresses without being looked up") {
  CHECK_EQ(numeric("127.0.0.1"), "127.0.0.1:4243");
  CHECK_EQ(numeric("::1"), "[::1]:4243");
  CHECK_EQ(numeric("::ffff:192.0.2.7"), "192.0.2.7:4243");
  for (auto host : {"localhost"s, "127.1"s, "0x7f.1"s, "1"s, ""s, "::x"s, "[::1]"s, "127.0.0.1\0x"s})
    CHECK_EQ(numeric(host), "none");
}

SCENARIO("names are looked up, and addresses are what they are") {
  auto list = resolve({"localhost", 4243});
  REQUIRE(list);
  REQUIRE(!list->empty());
  for (auto& x : *list)
    CHECK(is_loopback(x));
  list = resolve({"192.0.2.7", 1});
  REQUIRE(list);
  CHECK_EQ(list->size(), 1u);
  CHECK_EQ(to_string(list->front()), "192.0.2.7:1");
}

SCENARIO("a name that cannot be looked up is named") {
  auto list = resolve({"no-such-host.invalid", 4243});
  REQUIRE(!list);
  CHECK_NE(list.error().find("\"no-such-host.invalid\" cannot be looked up: "), std::string::npos);
  CHECK(!resolve({"", 4243}));
  CHECK(!resolve({"a\0b"s, 4243}));
}

SCENARIO("loopback is what only this machine reaches") {
  for (auto host : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"})
    CHECK(is_loopback(*numeric_address({host, 1})));
  for (auto host : {"128.0.0.1", "0.0.0.0", "10.0.0.1", "::", "::2", "fe80::1", "::ffff:10.0.0.1", "::127.0.0.1"})
    CHECK(!is_loopback(*numeric_address({host, 1})));
  CHECK(!is_loopback({}));
  CHECK_EQ(to_string(socket_address{}), "an unknown address");
}
