// The time limit of a connect holds whatever the server does, in every part of it.

#define CAF_SUITE db.dripping

#include "db/connection.hpp"
#include "db/control_session.hpp"
#include "db/guarded_call.hpp"

#include "integration/db_impostor.hpp"
#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <atomic>
#include <thread>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// Opens, which must fail when its second is over.
db::driver_error fail_in_a_second(const server_settings& target, db::phase phase = db::phase::connecting) {
  stopwatch since;
  auto error = fail_to_open(target);
  MESSAGE(error.text << " after " << since.elapsed().count() / 1'000'000 << " ms");
  CHECK(since.elapsed() >= 990ms);
  CHECK(since.elapsed() < 1600ms);
  CHECK(error.phase == phase);
  CHECK(contains(error.text, "connect-timeout, 1 s"));
  return error;
}

} // namespace

SCENARIO("a server that drips a reply does not hold a connect for longer than it may take") {
  for (auto stage : {0, 1, 2, 3}) {
    MESSAGE("stage " << stage);
    impostor server{[stage](impostor& self) {
      if (stage == 0) {
        self.drip([&] { self.greet(); });
        return;
      }
      self.greet();
      self.read_packet();
      if (stage == 1) {
        self.drip([&] { self.welcome(2); });
        return;
      }
      self.welcome(2);
      self.read_packet();
      if (stage == 2) {
        self.drip([&] { self.welcome(1); });
        return;
      }
      self.welcome(1);
      self.read_packet();
      self.drip([&] { self.write_packet(1, std::string(50, 'x')); });
    }};
    fail_in_a_second(server.settings(), stage < 2 ? db::phase::connecting : db::phase::setting_up);
  }
}

SCENARIO("a server that drips its part of the TLS handshake does not hold a connect") {
  impostor server{[](impostor& self) {
    self.greet(true);
    self.read_packet();
    // A handshake record that claims to hold much.
    self.drip([&] {
      self.write_raw(std::string{"\x16\x03\x03\x10\x00\x02\x00\x0f\xfc\x03\x03", 11} + std::string(500, 'r'));
    });
  }};
  auto target = server.settings();
  target.tls = tls_mode::required;
  fail_in_a_second(target);
}

SCENARIO("a server whose rows do not end does not hold a connect, nor fill the memory") {
  impostor server{[](impostor& self) {
    self.greet();
    self.read_packet();
    self.welcome(2);
    self.read_packet();
    std::string column{"\3def\0\0\0\1a\1a\x0c\x2d\0\0\1\0\0\xfd\0\0\0\0\0", 24};
    self.write_packet(1, "\1");
    self.write_packet(2, column);
    self.write_packet(3, std::string_view{"\xfe\0\0\2\0", 5});
    std::string rows;
    for (auto i = 0; i < 1000; ++i)
      rows += std::string{"\5\0\0", 3} + static_cast<char>(4 + i) + "\4row!";
    while (self.write_raw(rows)) {
      // Until the client has gone.
    }
  }};
  fail_in_a_second(server.settings());
}

SCENARIO("a server that is alive, but slower than its time, is given up in all of the set-up together") {
  auto target = shared_server().settings();
  target.connect_timeout = 1s;
  target.init_command = "DO SLEEP(30)";
  fail_in_a_second(target, db::phase::setting_up);
}

SCENARIO("a unix socket whose queue is full does not hold a connect") {
  auto path = shared_server().folder() + "/full.sock";
  auto listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  REQUIRE_EQ(::listen(listener, 0), 0);
  auto first = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE_EQ(::connect(first, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  auto target = shared_server().socket_settings();
  target.unix_socket = path;
  target.connect_timeout = 1s;
  stopwatch since;
  CHECK(contains(fail_to_open(target).text, "connect-timeout, 1 s"));
  CHECK(since.elapsed() < 1600ms);
  ::close(first);
  ::close(listener);
}

SCENARIO("a call that nothing can interrupt is left behind when its time is over") {
  std::atomic<bool> over = false;
  std::atomic<bool> ended = false;
  stopwatch since;
  auto outcome = db::call_guarded<int>(50ms, [&]() -> tl::expected<int, db::driver_error> {
    while (!over) // As a name server that does not answer.
      std::this_thread::yield();
    ended = true;
    return 7;
  });
  CHECK(since.elapsed() < 1s);
  REQUIRE(!outcome);
  CHECK(outcome.error().source == db::error_source::process_limit);
  CHECK(contains(outcome.error().text, "name server"));
  over = true;
  await([&] { return ended.load(); });
}

SCENARIO("an exception on the thread of a connect is a failure") {
  auto outcome = db::call_guarded<int>(5s, []() -> tl::expected<int, db::driver_error> { throw std::bad_alloc{}; });
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().text, "not enough memory"));
}

SCENARIO("closing a connection whose server does not read does not wait") {
  impostor server{[](impostor& self) {
    self.greet();
    self.read_packet();
    self.welcome(2);
    self.read_packet();
    self.welcome(1);
    self.read_packet();
    self.answer_first_query();
    self.stop_reading();
  }};
  stopwatch since;
  {
    auto x = open(server.settings());
    std::string junk(1u << 16, 'x');
    while (::send(x.socket(), junk.data(), junk.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
      // Until nothing more fits.
    }
    since = {};
  }
  CHECK(since.elapsed() < 500ms);
}

SCENARIO("a process without descriptors for a connection says so, and those that exist go on") {
  auto target = shared_server().settings();
  auto x = open(target);
  REQUIRE(attempt(x, read("SELECT 1"))); // Where UBSan sees a type for the first time, it needs descriptors.
  rlimit before{};
  REQUIRE_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto next = ::dup(x.socket());
  ::close(next);
  auto none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto outcome = db::connection::open(target);
  auto rows = attempt(x, read("SELECT 1"));
  REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  REQUIRE(!outcome);
  CHECK(contains(outcome.error().text, "Too many open files"));
  CHECK(rows.has_value());
}
