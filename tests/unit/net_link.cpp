// Links over loopback. The sockets are real, the time is not.

#define CAF_SUITE net.link

#include "net/link.hpp"
#include "support/certificates.hpp"
#include "support/heap.hpp"
#include "support/stream_pair.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

#include <poll.h>
#include <sys/socket.h>

using namespace cenote;
using namespace cenote::net;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using bytes = std::vector<std::byte>;

const net::link::time_point start{1h};
constexpr heartbeat_rules rules{1s, 5s};

/// A pair of sockets that have shaken hands.
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

bytes pattern(size_t size, uint64_t seed) {
  bytes out(size);
  for (size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::byte>((i * 2654435761U >> 9) + seed);
  return out;
}

bytes frames_of(const std::function<void(frame_writer&)>& fill) {
  frame_writer writer{1};
  fill(writer);
  bytes out;
  for (auto part = writer.next(); !part.empty(); part = writer.next()) {
    out.insert(out.end(), part.begin(), part.end());
    writer.written(part.size());
  }
  return out;
}

bool readable(int socket, int milliseconds) {
  pollfd waiting{socket, POLLIN, 0};
  return ::poll(&waiting, 1, milliseconds) > 0;
}

/// Writes all, however long that takes.
void write_all(stream& to, std::span<const std::byte> content) {
  while (!content.empty()) {
    auto result = to.write(content);
    if (result.status == io_status::done)
      content = content.subspan(result.bytes);
    else if (result.status != io_status::again || !wait_for({&to}))
      CAF_FAIL("cannot write");
  }
}

/// Two links with each other.
struct link_pair {
  explicit link_pair(bool tls, frame_reader::limits permitted = {}, size_t parallel = 1)
      : link_pair{connected(tls), permitted, parallel} {
    // nop
  }

  link_pair(stream_pair ends, frame_reader::limits permitted, size_t parallel)
      : client{std::move(ends.client), rules, parallel, permitted, start},
        node{std::move(ends.node), rules, parallel, permitted, start} {
    advance();
  }

  /// Both do what there is to do.
  void advance() {
    client.advance(now);
    node.advance(now);
    take(client, at_client);
    take(node, at_node);
  }

  static void take(net::link& from, std::vector<message>& to) {
    for (auto& each : from.take_messages())
      to.push_back(std::move(each));
  }

  /// Until something is so, 10 seconds of real time at most.
  bool until(const std::function<bool()>& done) {
    auto patience = std::chrono::steady_clock::now() + 10s;
    for (advance(); !done(); advance()) {
      if (std::chrono::steady_clock::now() > patience)
        return false;
      readable(client.descriptor(), 0);
    }
    return true;
  }

  /// Lets time pass, with a turn at each moment that a link asks for.
  void pass(net::link::time_point::duration span) {
    for (auto end = now + span; now < end;) {
      now = std::min(end, std::max(now + 1ms, std::min(client.next_event(), node.next_event())));
      // What is sent over loopback is there at once; a second turn takes it.
      advance();
      advance();
    }
  }

  net::link::time_point now = start;
  net::link client;
  net::link node;
  std::vector<message> at_client;
  std::vector<message> at_node;
};

} // namespace

SCENARIO("messages of all sizes go both ways at once") {
  for (auto tls : {false, true}) {
    link_pair pair{tls, {}, 3};
    CHECK(pair.client.is_open());
    CHECK(pair.node.is_open());
    std::vector<size_t> sizes{0, 1, 100, max_piece, max_piece + 1, 5'000'000, 3, 300'000};
    for (uint64_t i = 0; i < sizes.size(); ++i) {
      pair.client.send(message_kind::request, i, make_blob(pattern(sizes[i], i)));
      pair.node.send(message_kind::answer, i, make_blob(pattern(sizes[i], i + 50)));
    }
    CHECK_GT(pair.client.unsent(), 5'000'000u);
    CHECK(pair.client.wants_write());
    CHECK(pair.until([&] { return pair.at_client.size() == sizes.size() && pair.at_node.size() == sizes.size(); }));
    for (auto [arrived, shift] : {std::pair{&pair.at_node, 0}, std::pair{&pair.at_client, 50}}) {
      CHECK_EQ(arrived->size(), sizes.size());
      for (auto& each : *arrived)
        CHECK(each.content == pattern(sizes[each.id], each.id + static_cast<uint64_t>(shift)));
    }
    auto completed = pair.client.take_completed();
    std::ranges::sort(completed);
    CHECK_EQ(completed, std::vector<uint64_t>({0, 1, 2, 3, 4, 5, 6, 7}));
    CHECK_EQ(pair.client.unsent(), 0u);
    CHECK(!pair.client.wants_write());
    CHECK(pair.client.wants_read());
  }
}

SCENARIO("links that have nothing to say stay alive, and pings are not messages") {
  for (auto tls : {false, true}) {
    link_pair pair{tls};
    pair.pass(10min);
    CHECK(!pair.client.lost());
    CHECK(!pair.node.lost());
    CHECK(pair.at_client.empty());
    CHECK(pair.at_node.empty());
  }
}

SCENARIO("a peer that has frozen is given up when its time is up") {
  for (auto tls : {false, true}) {
    link_pair pair{tls};
    pair.pass(10s);
    auto frozen = pair.now;
    auto now = frozen;
    while (!pair.client.lost()) {
      now = std::max(now + 1ms, pair.client.next_event());
      pair.client.advance(now);
    }
    CHECK(now - frozen >= 4s);
    CHECK(now - frozen <= 5s + 1ms);
    CHECK_EQ(pair.client.lost().value_or(""), "no sign of life for 5.0 s");
    CHECK(!pair.client.was_closed());
    CHECK(!pair.client.wants_read());
    CHECK(!pair.client.wants_write());
    // The other side learns of it.
    CHECK(pair.until([&] { return pair.node.lost().has_value(); }));
    CHECK(pair.node.was_closed());
  }
}

SCENARIO("a peer that is heard but does not hear is given up") {
  auto ends = connected(false);
  net::link node{std::move(ends.node), rules, 1, {}, start};
  auto now = start;
  for (uint64_t n = 1; now < start + 8s && !node.lost(); ++n) {
    write_all(ends.client, frames_of([n](frame_writer& x) { x.add(message_kind::ping, n, {}); }));
    readable(node.descriptor(), 1000);
    node.advance(now);
    now += 500ms;
  }
  CHECK(now >= start + 6s);
  CHECK(now <= start + 7s);
  CHECK_EQ(node.lost().value_or(""), "no sign of life for 5.0 s");
}

SCENARIO("a process that was asleep for longer than the limit reads before it judges") {
  for (auto tls : {false, true}) {
    for (size_t size : {0, 10, 400'000, 1'500'000}) {
      link_pair pair{tls};
      for (auto* end : {&pair.client, &pair.node}) {
        auto room = 4 << 20;
        ::setsockopt(end->descriptor(), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
        ::setsockopt(end->descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
      }
      pair.pass(3s);
      // The client has just sent a ping, and sleeps. The node sends something, and its answer to the ping behind it.
      pair.now += 1s;
      pair.client.advance(pair.now);
      if (size > 0)
        pair.node.send(message_kind::answer, 1, make_blob(bytes(size)));
      for (auto i = 0; i < 40; ++i)
        pair.node.advance(pair.now);
      pair.now += 4s;
      for (auto i = 0; i < 40; ++i)
        pair.node.advance(pair.now);
      readable(pair.client.descriptor(), 1000);
      // It wakes up much later.
      auto before = pair.now;
      pair.now += 30s;
      pair.client.advance(pair.now);
      CHECK_EQ(pair.client.lost().value_or(""), "");
      for (auto i = 0; i < 100; ++i) {
        pair.node.advance(before); // For what its socket did not take.
        readable(pair.client.descriptor(), 0);
        pair.client.advance(pair.now);
      }
      CHECK_EQ(pair.client.lost().value_or(""), "");
      CHECK_EQ(pair.client.take_messages().size(), size > 0 ? 1u : 0u);
    }
  }
}

SCENARIO("the answer to a ping may be behind more than is read at a time") {
  auto ends = connected(false);
  for (auto* end : {&ends.client, &ends.node}) {
    auto room = 8 << 20;
    ::setsockopt(end->descriptor(), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    ::setsockopt(end->descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
  }
  net::link client{std::move(ends.client), rules, 1, {}, start};
  client.advance(start);
  client.advance(start + 1s); // It sends its first ping.
  auto sent = frames_of([](frame_writer& x) { x.add(message_kind::answer, 1, make_blob(bytes(600'000))); });
  auto pong = frames_of([](frame_writer& x) { x.add(message_kind::pong, 1, {}); });
  sent.insert(sent.end(), pong.begin(), pong.end());
  // As much as fits, before this side reads.
  std::span<const std::byte> left{sent};
  for (auto i = 0; i < 1000 && !left.empty(); ++i)
    left = left.subspan(ends.node.write(left).bytes);
  CHECK(left.empty());
  readable(client.descriptor(), 1000);
  for (auto i = 0; i < 100; ++i) {
    client.advance(start + 20s);
    readable(client.descriptor(), 0);
  }
  CHECK_EQ(client.lost().value_or(""), "");
  CHECK_EQ(client.take_messages().size(), 1u);
}

SCENARIO("whoever waits for the socket, or the next event, gets all, also what TLS has read ahead") {
  link_pair pair{true};
  auto stuck = 0;
  auto asked_again = 0;
  // On a busy machine the sockets may cut the data elsewhere.
  for (size_t i = 0; i < 32 || (asked_again == 0 && i < 3200); ++i) {
    auto size = 480'000 + 2500 * (i % 32);
    pair.client.send(message_kind::request, size, make_blob(bytes(size)));
    for (auto j = 0; j < 5; ++j)
      pair.client.advance(pair.now);
    pair.at_node.clear();
    for (auto j = 0; j < 1000 && pair.at_node.empty(); ++j) {
      pair.node.advance(pair.now);
      link_pair::take(pair.node, pair.at_node);
      if (!pair.at_node.empty() || pair.client.unsent() > 0 || pair.client.wants_write()) {
        pair.client.advance(pair.now);
        continue;
      }
      auto again = pair.node.next_event() <= pair.now;
      asked_again += again;
      if (!again && !readable(pair.node.descriptor(), 200)) {
        ++stuck;
        break;
      }
    }
  }
  CHECK_EQ(stuck, 0);
  CHECK_GT(asked_again, 0);
}

SCENARIO("a process finds a thousand pings after its sleep, and answers") {
  auto ends = connected(false);
  net::link node{std::move(ends.node), rules, 1, {}, start};
  node.advance(start);
  bytes pings;
  for (uint64_t n = 1; n <= 1000; ++n) {
    auto each = frames_of([n](frame_writer& x) { x.add(message_kind::ping, n, {}); });
    pings.insert(pings.end(), each.begin(), each.end());
  }
  write_all(ends.client, pings);
  readable(node.descriptor(), 1000);
  node.advance(start + 100s);
  CHECK_EQ(node.lost().value_or(""), "");
  // The last is answered, and so are those before.
  CHECK(readable(ends.client.descriptor(), 1000));
  bytes buffer(10'000);
  auto result = ends.client.read(buffer);
  frame_reader reader{{}};
  std::vector<message> out;
  CHECK(!reader.take(std::span{buffer}.first(result.bytes), out));
  auto pong = std::ranges::find(out, message_kind::pong, &message::kind);
  REQUIRE(pong != out.end());
  CHECK_EQ(pong->id, 1000u);
}

SCENARIO("a peer that sends pings and does not read costs no memory, and is given up") {
  auto ends = connected(false);
  auto small = 4096;
  ::setsockopt(ends.node.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  ::setsockopt(ends.client.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  net::link node{std::move(ends.node), rules, 1, {}, start};
  bytes pings;
  for (uint64_t n = 1; n <= 1000; ++n) {
    auto each = frames_of([n](frame_writer& x) { x.add(message_kind::ping, n, {}); });
    pings.insert(pings.end(), each.begin(), each.end());
  }
  auto now = start;
  node.advance(now);
  auto before = heap_in_use();
  for (auto i = 0; i < 3000 && !node.lost(); ++i) {
    ends.client.write(pings);
    now += 2ms;
    node.advance(now);
  }
  CHECK_LT(heap_in_use(), before + 1'000'000);
  for (; now < start + 20s && !node.lost(); now += 1s) {
    ends.client.write(pings);
    node.advance(now);
  }
  CHECK_EQ(node.lost().has_value(), true);
}

SCENARIO("a peer that stops reading is given up, however much waits for it") {
  for (auto tls : {false, true}) {
    link_pair pair{tls};
    for (uint64_t id = 0; id < 20; ++id)
      pair.node.send(message_kind::answer, id, make_blob(bytes(1'000'000)));
    auto now = start;
    for (; !pair.node.lost() && now < start + 20s; now += 100ms)
      pair.node.advance(now);
    CHECK_EQ(pair.node.lost().value_or("").substr(0, 19), "no sign of life for");
    CHECK(now <= start + 6100ms);
    CHECK_GT(pair.node.unsent(), 1'000'000u);
  }
}

SCENARIO("what a peer said before it closed the connection is heard, also by one that was writing") {
  for (auto tls : {false, true}) {
    for (auto writing : {false, true}) {
      link_pair pair{tls};
      if (writing)
        pair.client.send(message_kind::request, 9, make_blob(bytes(20'000'000)));
      pair.client.advance(pair.now);
      pair.node.send(message_kind::refusal, 0, make_blob(bytes(10)));
      pair.node.advance(pair.now);
      pair.node.close("turned away");
      CHECK(pair.until([&] { return pair.client.lost().has_value(); }));
      REQUIRE_EQ(pair.at_client.size(), 1u);
      CHECK(pair.at_client[0].kind == message_kind::refusal);
      CHECK(pair.client.was_closed());
      CHECK_EQ(pair.node.lost().value_or(""), "turned away");
    }
  }
}

SCENARIO("a peer that sends what is no message is given up, with the messages before") {
  auto ends = connected(false);
  net::link node{std::move(ends.node), rules, 1, {1000, 10'000}, start};
  auto sent = frames_of([](frame_writer& x) { x.add(message_kind::request, 3, make_blob(bytes(10))); });
  sent.resize(sent.size() + 100);
  write_all(ends.client, sent);
  readable(node.descriptor(), 1000);
  node.advance(start);
  CHECK_EQ(node.lost().value_or(""), "the peer has sent bytes that are no frame");
  CHECK_EQ(node.take_messages().size(), 1u);
  CHECK(!node.was_closed());
  // Nothing happens any more.
  node.advance(start + 1h);
  node.send(message_kind::answer, 1, {});
  CHECK_EQ(node.lost().value_or(""), "the peer has sent bytes that are no frame");
}

SCENARIO("what a peer may send depends on how far it is trusted") {
  link_pair pair{false, {1000, 10'000}};
  pair.client.send(message_kind::hello, 0, make_blob(bytes(1000)));
  CHECK(pair.until([&] { return pair.at_node.size() == 1; }));
  pair.node.permit({100'000, 1'000'000});
  pair.client.send(message_kind::request, 1, make_blob(bytes(100'000)));
  CHECK(pair.until([&] { return pair.at_node.size() == 2; }));
  pair.client.send(message_kind::request, 2, make_blob(bytes(100'001)));
  CHECK(pair.until([&] { return pair.node.lost().has_value(); }));
  CHECK_EQ(pair.node.lost().value_or(""), "the peer has sent a message of more than 100000 bytes");
}

SCENARIO("a large request that is withdrawn in the middle never arrives, and what follows does") {
  link_pair pair{false};
  pair.client.send(message_kind::request, 1, make_blob(bytes(50'000'000)));
  pair.client.advance(pair.now);
  CHECK_LT(pair.client.unsent(), 50'000'000u);
  CHECK(pair.client.withdraw(1));
  pair.client.send(message_kind::request, 2, make_blob(bytes(100'000)));
  CHECK(pair.until([&] { return pair.at_node.size() == 2; }));
  CHECK(pair.at_node[0].kind == message_kind::cancel);
  CHECK_EQ(pair.at_node[0].id, 1u);
  CHECK_EQ(pair.at_node[1].id, 2u);
}

SCENARIO("a handshake that does not come to its end is given up") {
  auto server = listen_on_loopback();
  auto& made = certificates::get();
  auto identity = certificates::load(made.client("good"), tls_role::client);
  auto socket = stream::connect(server.address(), "localhost", &identity);
  REQUIRE(socket.has_value());
  net::link client{std::move(*socket), rules, 1, {}, start};
  CHECK(client.next_event() == start + 5s);
  for (auto now = start; now < start + 5s; now += 100ms) {
    client.advance(now);
    CHECK(!client.lost());
    CHECK(!client.is_open());
  }
  client.advance(start + 5s);
  CHECK_EQ(client.lost().value_or(""), "no connection within 5.0 s");
}

SCENARIO("a fast peer does not keep a link reading") {
  for (auto tls : {false, true}) {
    link_pair pair{tls};
    auto room = 8 << 20;
    ::setsockopt(pair.client.descriptor(), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    ::setsockopt(pair.node.descriptor(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    for (uint64_t id = 0; id < 3000; ++id)
      pair.client.send(message_kind::request, id, make_blob(bytes(1000)));
    for (auto i = 0; i < 20; ++i)
      pair.client.advance(pair.now);
    readable(pair.node.descriptor(), 1000);
    size_t most = 0;
    size_t total = 0;
    for (auto i = 0; i < 100'000 && total < 3000; ++i) {
      pair.node.advance(pair.now);
      auto arrived = pair.node.take_messages().size();
      most = std::max(most, arrived);
      total += arrived;
      // Whoever waits for the socket, or the next event, gets all.
      if (total < 3000 && pair.node.next_event() > pair.now)
        REQUIRE(readable(pair.node.descriptor(), 10'000) || pair.client.wants_write());
      pair.client.advance(pair.now);
    }
    CHECK_EQ(total, 3000u);
    CHECK_LE(most, 700u);
  }
}
