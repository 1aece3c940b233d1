// Where a program listens, as people write it.

#define CAF_SUITE config.listen_address

#include "config/listen_address.hpp"

#include <string>
#include <string_view>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::config;
using namespace std::literals;

SCENARIO("an address in numbers and a port say where to listen") {
  struct {
    const char* text;
    const char* host;
    uint16_t port;
    bool ipv6;
    bool local;
    const char* url;
  } rows[] = {
      {"127.0.0.1:9180", "127.0.0.1", 9180, false, true, "http://127.0.0.1:9180"},
      {"127.8.9.10:1", "127.8.9.10", 1, false, true, "http://127.8.9.10:1"},
      {"localhost:80", "127.0.0.1", 80, false, true, "http://127.0.0.1:80"},
      {"0.0.0.0:0", "0.0.0.0", 0, false, false, "http://0.0.0.0:0"},
      {"10.0.0.1:65535", "10.0.0.1", 65535, false, false, "http://10.0.0.1:65535"},
      {"128.0.0.1:80", "128.0.0.1", 80, false, false, "http://128.0.0.1:80"},
      {"[::1]:9180", "::1", 9180, true, true, "http://[::1]:9180"},
      {"[0:0:0:0:0:0:0:1]:9180", "0:0:0:0:0:0:0:1", 9180, true, true, "http://[0:0:0:0:0:0:0:1]:9180"},
      {"[::]:80", "::", 80, true, false, "http://[::]:80"},
      {"[2001:DB8::7]:80", "2001:DB8::7", 80, true, false, "http://[2001:DB8::7]:80"},
      {"[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1", 80, true, false, "http://[::ffff:10.0.0.1]:80"},
      {"127.0.0.1:00080", "127.0.0.1", 80, false, true, "http://127.0.0.1:80"},
  };
  for (auto& x : rows) {
    auto out = parse_listen_address(x.text);
    MESSAGE(x.text);
    REQUIRE(out);
    CHECK_EQ(out->host, x.host);
    CHECK_EQ(out->port, x.port);
    CHECK_EQ(out->ipv6, x.ipv6);
    CHECK_EQ(out->local, x.local);
    CHECK_EQ(out->url(), x.url);
  }
}

SCENARIO("everything else is refused") {
  for (auto text : {""sv,
                    ":"sv,
                    ":80"sv,
                    "80"sv,
                    "127.0.0.1"sv,
                    "127.0.0.1:"sv,
                    "127.0.0.1:x"sv,
                    "127.0.0.1:80x"sv,
                    "127.0.0.1: 80"sv,
                    "127.0.0.1:80 "sv,
                    " 127.0.0.1:80"sv,
                    "127.0.0.1 :80"sv,
                    "127.0.0.1:-1"sv,
                    "127.0.0.1:+80"sv,
                    "127.0.0.1:0x50"sv,
                    "127.0.0.1:65536"sv,
                    "127.0.0.1:99999999999999999999"sv,
                    "127.0.0.1:80:80"sv,
                    "127.1:80"sv,
                    "127.0.0.01.1:80"sv,
                    "256.0.0.1:80"sv,
                    "0x7f.0.0.1:80"sv,
                    "2130706433:80"sv,
                    "*:80"sv,
                    "db.example:80"sv,
                    "localhost.:80"sv,
                    "http://127.0.0.1:80"sv,
                    "::1:80"sv,
                    "::1"sv,
                    "[::1]"sv,
                    "[::1]80"sv,
                    "[::1:80"sv,
                    "::1]:80"sv,
                    "[]:80"sv,
                    "[:80"sv,
                    "]:80"sv,
                    "[[::1]]:80"sv,
                    "[127.0.0.1]:80"sv,
                    "[localhost]:80"sv,
                    "[fe80::1%eth0]:80"sv,
                    "[::1]:"sv,
                    "[::1]:65536"sv,
                    "[1:2:3:4:5:6:7:8:9]:80"sv,
                    "127.0.0.1\0:80"sv,
                    "127.0.0.1\0.x:80"sv,
                    "127.0.0.1:80\0"sv,
                    "127.0.0.1:8\0000"sv,
                    "\xff:80"sv}) {
    MESSAGE(text);
    CHECK(!parse_listen_address(text));
  }
}
