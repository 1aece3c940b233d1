// Messages of every size, many at once and in pieces: each arrives once, whole, in the order that was promised.

#define CAF_SUITE net.frame

#include "net/frame.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::net;

namespace {

using bytes = std::vector<std::byte>;

/// Sizes around those at which something changes.
const std::vector<size_t> sizes{
    0, 1, 15, 16, 17, 1000, max_piece, max_piece - 1, max_piece + 1, 2 * max_piece, 2 * max_piece + 1, 1'000'000};

/// No two parts of it are the same.
bytes pattern(size_t size, uint64_t seed) {
  bytes out(size);
  for (size_t i = 0; i + 8 <= size; i += 8) {
    auto number = (i + 1) * 0x9E37'79B9'7F4A'7C15 + seed;
    std::memcpy(&out[i], &number, 8);
  }
  return out;
}

bytes all_of(frame_writer& writer) {
  bytes out;
  for (auto part = writer.next(); !part.empty(); part = writer.next()) {
    out.insert(out.end(), part.begin(), part.end());
    writer.written(part.size());
  }
  return out;
}

std::vector<message> read(std::span<const std::byte> input, size_t chunk = SIZE_MAX) {
  frame_reader reader{{}};
  std::vector<message> out;
  std::optional<std::string> problem;
  while (!input.empty() && !problem) {
    auto count = std::min(chunk, input.size());
    problem = reader.take(input.first(count), out);
    input = input.subspan(count);
  }
  CHECK_EQ(problem.value_or(""), "");
  return out;
}

std::vector<uint64_t> ids_of(const std::vector<message>& messages) {
  std::vector<uint64_t> out;
  for (auto& each : messages)
    out.push_back(each.id);
  return out;
}

using ids = std::vector<uint64_t>;

/// A writer and a reader, with bytes that travel between them in random portions.
struct world {
  explicit world(uint32_t seed) : rng{seed}, parallel{1 + below(4)}, writer{parallel} {
    // nop
  }

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>{0, n - 1}(rng); }

  struct sent {
    message_kind kind;
    bytes content;
    uint64_t sequence = 0;
  };

  void add() {
    auto id = ++last_id;
    auto kind = below(2) == 0 ? message_kind::request : message_kind::answer;
    auto size = below(4) == 0 ? below(150'000) : below(4) == 0 ? below(40'000) : below(300);
    sent x{kind, pattern(size, id), below(3) == 0 ? 1 + below(3) : 0};
    writer.add(kind, id, make_blob(x.content), x.sequence);
    under_way.emplace(id, std::move(x));
  }

  void withdraw() {
    if (under_way.empty())
      return;
    auto i = std::next(under_way.begin(), static_cast<std::ptrdiff_t>(below(under_way.size())));
    auto before = writer.bytes();
    if (!writer.withdraw(i->first))
      return;
    if (i->second.kind != message_kind::request)
      problem = "an answer was withdrawn";
    if (written.contains(i->first))
      problem = "a request was withdrawn that had been written";
    if (before < writer.bytes())
      problem = "it counts more bytes after a request was withdrawn";
    under_way.erase(i);
  }

  void write() {
    auto part = writer.next();
    if (part.empty() != (writer.bytes() == 0 && writer.empty()))
      problem = "it says that it is empty, and is not, or the reverse";
    auto count = part.empty() ? 0 : 1 + below(part.size());
    bytes copy{part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count)};
    std::span<const std::byte> wire{copy};
    writer.written(count);
    for (auto id : writer.take_completed())
      if (!written.insert(id).second)
        problem = "a message was completed twice";
    std::vector<message> arrived;
    while (!wire.empty()) {
      auto chunk = std::min<size_t>(1 + below(2 * max_piece), wire.size());
      if (auto found = reader.take(wire.first(chunk), arrived))
        problem = *found;
      wire = wire.subspan(chunk);
    }
    for (auto& each : arrived)
      check(each);
  }

  void check(const message& each) {
    if (each.kind == message_kind::cancel)
      return;
    auto i = under_way.find(each.id);
    if (i == under_way.end()) {
      problem = "a message arrived that was withdrawn, or twice";
      return;
    }
    if (i->second.kind != each.kind || i->second.content != each.content)
      problem = "a message arrived that is not the one that was sent";
    if (!written.contains(each.id))
      problem = "a message arrived that was not completed";
    for (auto& [id, other] : under_way)
      if (id < each.id && other.sequence == i->second.sequence && other.sequence != 0)
        problem = "a message overtook one of its sequence";
    under_way.erase(i);
  }

  std::string play() {
    auto busy = 1 + below(6);
    for (auto step = 0; step < 100 && problem.empty(); ++step)
      if (auto action = below(10); action < busy)
        add();
      else if (action == 9)
        withdraw();
      else
        write();
    for (auto step = 0; step < 10'000 && problem.empty() && !writer.empty(); ++step)
      write();
    if (problem.empty() && !under_way.empty())
      problem = "a message never arrived";
    if (problem.empty() && (writer.bytes() != 0 || writer.small_bytes() != 0 || !writer.empty()))
      problem = "bytes are left";
    return problem;
  }

  std::mt19937 rng;
  size_t parallel;
  frame_writer writer;
  frame_reader reader{{}};
  std::map<uint64_t, sent> under_way;
  std::set<uint64_t> written;
  uint64_t last_id = 0;
  std::string problem;
};

} // namespace

SCENARIO("a message of any size and kind arrives as it was sent, however its bytes come") {
  for (auto size : sizes)
    for (auto kind = message_kind::hello; kind <= last_kind; kind = static_cast<message_kind>(int(kind) + 1)) {
      if (size > max_piece && (kind == message_kind::ping || kind == message_kind::pong))
        continue; // They are never large.
      auto content = pattern(size, 3);
      frame_writer writer{1};
      writer.add(kind, 0xFEDC'BA98'7654'3210, make_blob(content));
      CHECK_EQ(writer.bytes(), size);
      auto wire = all_of(writer);
      auto pieces = std::max<size_t>((size + max_piece - 1) / max_piece, 1);
      CHECK_EQ(wire.size(), size + pieces * frame_header_size);
      CHECK_EQ(writer.bytes(), 0u);
      CHECK(writer.empty());
      for (auto chunk : {SIZE_MAX, size_t{64 << 10}, size_t{17}, size_t{1}}) {
        if (chunk == 1 && (size > 2 * max_piece + 1 || kind > message_kind::welcome))
          continue; // Takes long, and is the same.
        auto arrived = read(wire, chunk);
        REQUIRE_EQ(arrived.size(), 1u);
        CHECK(arrived[0].kind == kind);
        CHECK_EQ(arrived[0].id, 0xFEDC'BA98'7654'3210);
        CHECK(arrived[0].content == content);
      }
    }
}

SCENARIO("the bytes of a frame are those that the protocol describes") {
  frame_writer writer{1};
  writer.add(message_kind::answer, 0x0102, make_blob(bytes{std::byte{7}, std::byte{8}}));
  std::vector<int> wire;
  for (auto each : all_of(writer))
    wire.push_back(static_cast<int>(each));
  CHECK_EQ(wire, std::vector<int>({0, 0, 0, 2, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 7, 8}));
}

SCENARIO("whatever is sent, withdrawn and written in whatever portions, nothing is lost or mixed") {
  for (uint32_t seed = 1; seed <= 400; ++seed)
    if (auto problem = world{seed}.play(); !problem.empty())
      CAF_ERROR("seed " << seed << ": " << problem);
  CHECK_EQ(world{401}.play(), "");
}

SCENARIO("a ping or a small message is never behind more than 96 KiB of other bytes") {
  constexpr size_t bound = (96 << 10) + 4 * frame_header_size;
  std::mt19937 rng{1};
  size_t longest = 0;
  for (auto round = 0; round < 2000; ++round) {
    frame_writer writer{1 + rng() % 3};
    for (auto n = rng() % 4; n > 0; --n)
      writer.add(message_kind::answer, n, make_blob(bytes(max_piece + 1 + rng() % 300'000)));
    auto others = rng() % 6;
    for (auto n = others; n > 0; --n)
      writer.add(message_kind::answer, 100 + n, make_blob(bytes(rng() % (max_piece + 1))));
    // In the middle of anything.
    for (auto n = rng() % 5; n > 0 && !writer.empty(); --n) {
      auto count = writer.next().size();
      writer.written(rng() % 2 == 0 ? count : rng() % (count + 1));
    }
    auto small = writer.small_bytes() == 0 && rng() % 2 == 0;
    auto kind = small ? message_kind::request : rng() % 2 == 0 ? message_kind::ping : message_kind::pong;
    writer.add(kind, 99, {});
    size_t passed = 0;
    bytes wire;
    auto found = false;
    while (!found) {
      auto part = writer.next();
      REQUIRE(!part.empty());
      // The header of the message: its kind, and its id.
      for (size_t i = 0; i + frame_header_size <= part.size() && !found; ++i)
        found =
            part[i + 4] == static_cast<std::byte>(kind) && part[i + 5] == std::byte{1} && part[i + 15] == std::byte{99};
      passed += part.size();
      writer.written(part.size());
    }
    longest = std::max(longest, passed);
  }
  // Here, all that is handed out together with it counts.
  CHECK_LE(longest, 2 * bound);
  CHECK_GT(longest, 32u << 10);
}

SCENARIO("a ping is the next message after what has been handed out") {
  frame_writer writer{2};
  for (uint64_t id = 1; id <= 3; ++id)
    writer.add(message_kind::answer, id, make_blob(bytes(1'000'000)));
  for (uint64_t id = 4; id <= 300; ++id)
    writer.add(message_kind::answer, id, make_blob(bytes(1000)));
  auto handed_out = writer.next();
  CHECK_LE(handed_out.size(), (96u << 10) + 100 * frame_header_size);
  writer.written(10);
  writer.add(message_kind::ping, 77, {});
  writer.written(handed_out.size() - 10);
  auto next = writer.next();
  CHECK(next[4] == static_cast<std::byte>(message_kind::ping));
  CHECK(next[15] == std::byte{77});
}

SCENARIO("large messages alternate, as many as may at a time") {
  for (size_t parallel : {1, 2, 3, 100}) {
    frame_writer writer{parallel};
    for (uint64_t id = 1; id <= 5; ++id)
      writer.add(message_kind::answer, id, make_blob(bytes(10 * max_piece)));
    std::map<uint64_t, size_t> pieces;
    size_t most = 0;
    auto wire = all_of(writer);
    uint64_t before = 0;
    auto alternate = true;
    for (size_t at = 0; at < wire.size(); at += frame_header_size + max_piece) {
      auto id = static_cast<uint64_t>(wire[at + 15]);
      ++pieces[id];
      auto begun = std::ranges::count_if(pieces, [](auto& each) { return each.second < 10; });
      most = std::max(most, static_cast<size_t>(begun));
      // Until the last is alone.
      alternate = alternate && (parallel == 1 || id != before || begun <= 1);
      before = id;
    }
    CHECK_EQ(most, std::min<size_t>(parallel, 5));
    CHECK(alternate);
    CHECK_EQ(read(wire).size(), 5u);
  }
}

SCENARIO("a small message does not wait for large ones, unless they are of its sequence") {
  struct row {
    uint64_t sequence_of_large;
    uint64_t sequence_of_small;
    ids order;
  };
  for (auto& [large, small, order] :
       std::vector<row>{{0, 0, {2, 1}}, {7, 0, {2, 1}}, {0, 7, {2, 1}}, {7, 8, {2, 1}}, {7, 7, {1, 2}}}) {
    for (size_t parallel : {1, 100}) {
      frame_writer writer{parallel};
      writer.add(message_kind::request, 1, make_blob(bytes(500'000)), large);
      writer.add(message_kind::request, 2, make_blob(bytes(5)), small);
      CHECK_EQ(ids_of(read(all_of(writer))), order);
    }
  }
}

SCENARIO("what comes behind in a sequence stays behind, also after what has overtaken") {
  frame_writer writer{100};
  writer.add(message_kind::request, 1, make_blob(bytes(500'000)), 7);
  writer.add(message_kind::request, 2, {}, 7);
  writer.add(message_kind::request, 3, make_blob(bytes(200'000)), 7);
  writer.add(message_kind::request, 4, make_blob(bytes(100'000)), 8);
  writer.add(message_kind::request, 5, {}, 7);
  writer.add(message_kind::request, 6, {}, 9);
  CHECK_EQ(ids_of(read(all_of(writer))), ids({6, 4, 1, 2, 3, 5}));
  // Nothing of the sequence waits any more.
  writer.add(message_kind::request, 7, make_blob(bytes(100'000)));
  writer.add(message_kind::request, 8, {}, 7);
  CHECK_EQ(ids_of(read(all_of(writer))), ids({8, 7}));
}

SCENARIO("a large message does not overtake small ones of its sequence") {
  for (size_t parallel : {1, 100}) {
    frame_writer writer{parallel};
    for (uint64_t id = 1; id <= 50; ++id)
      writer.add(message_kind::request, id, make_blob(bytes(max_piece)));
    writer.add(message_kind::request, 51, {}, 7);
    writer.add(message_kind::request, 52, {}, 7);
    writer.add(message_kind::request, 53, make_blob(bytes(2 * max_piece)), 7);
    writer.add(message_kind::request, 54, {}, 7);
    writer.add(message_kind::request, 55, make_blob(bytes(2 * max_piece)));
    auto order = ids_of(read(all_of(writer)));
    REQUIRE_EQ(order.size(), 55u);
    CHECK_LT(std::ranges::find(order, 55) - order.begin(), 10);
    std::erase_if(order, [](auto id) { return id <= 50 || id == 55; });
    CHECK_EQ(order, ids({51, 52, 53, 54}));
  }
}

SCENARIO("what waits behind a request in its sequence goes on when that is withdrawn") {
  for (uint64_t withdrawn : {1, 2, 3, 4}) {
    frame_writer writer{1};
    for (uint64_t id = 1; id <= 4; ++id)
      writer.add(message_kind::request, id, make_blob(bytes(id % 2 == 1 ? 100'000 : 10)), 7);
    CHECK(writer.withdraw(withdrawn));
    ids expected{1, 2, 3, 4};
    std::erase(expected, withdrawn);
    CHECK_EQ(ids_of(read(all_of(writer))), expected);
    CHECK_EQ(writer.bytes(), 0u);
    CHECK_EQ(writer.small_bytes(), 0u);
    CHECK(writer.empty());
  }
}

SCENARIO("events are not mixed, and keep their order, although all have the same id") {
  frame_writer writer{1'000'000};
  std::vector<bytes> sent;
  for (size_t size : {100'000, 50, 200'000, 70'000, 0, 90}) {
    sent.push_back(pattern(size, size));
    writer.add(message_kind::events, 0, make_blob(sent.back()));
  }
  auto arrived = read(all_of(writer));
  REQUIRE_EQ(arrived.size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i)
    CHECK(arrived[i].content == sent[i]);
}

SCENARIO("messages of different kinds may have the same id") {
  frame_writer writer{10};
  for (auto kind : {message_kind::answer, message_kind::request, message_kind::gone})
    writer.add(kind, 5, make_blob(pattern(100'000, static_cast<uint64_t>(kind))));
  auto first = writer.next();
  bytes wire{first.begin(), first.end()};
  writer.written(first.size());
  for (auto kind : {message_kind::ping, message_kind::pong, message_kind::goodbye})
    writer.add(kind, 5, {});
  auto rest = all_of(writer);
  wire.insert(wire.end(), rest.begin(), rest.end());
  auto arrived = read(wire);
  CHECK_EQ(arrived.size(), 6u);
  for (auto& each : arrived)
    if (!each.content.empty())
      CHECK(each.content == pattern(100'000, static_cast<uint64_t>(each.kind)));
}

SCENARIO("the completed ids are those of requests and answers of which the last byte has been written") {
  frame_writer writer{1};
  writer.add(message_kind::ping, 1, {});
  writer.add(message_kind::request, 2, make_blob(bytes(10)));
  writer.add(message_kind::cancel, 3, {});
  writer.add(message_kind::answer, 4, {});
  writer.add(message_kind::request, 5, make_blob(bytes(70'000)));
  // Ping, request, cancellation, answer, in this order.
  REQUIRE_GE(writer.next().size(), 74u);
  writer.written(41);
  CHECK_EQ(writer.take_completed(), ids{});
  writer.written(1);
  CHECK_EQ(writer.take_completed(), ids{2});
  CHECK_EQ(writer.take_completed(), ids{});
  writer.written(16);
  CHECK_EQ(writer.take_completed(), ids{});
  writer.written(16);
  CHECK_EQ(writer.take_completed(), ids{4});
  auto rest = 70'000 + 3 * frame_header_size - 1;
  while (rest > 0) {
    auto count = std::min(rest, writer.next().size());
    writer.written(count);
    rest -= count;
  }
  CHECK_EQ(writer.take_completed(), ids{});
  writer.written(1);
  CHECK_EQ(writer.take_completed(), ids{5});
  CHECK(writer.empty());
}

SCENARIO("a request can be withdrawn until its end has been handed out") {
  auto large = bytes(3 * max_piece);
  GIVEN("a small request that waits") {
    frame_writer writer{1};
    writer.add(message_kind::request, 1, make_blob(bytes(10)));
    writer.add(message_kind::request, 2, make_blob(bytes(20)));
    CHECK(writer.withdraw(1));
    CHECK(!writer.withdraw(1));
    CHECK_EQ(writer.bytes(), 20u);
    CHECK_EQ(writer.small_bytes(), 20u);
    CHECK_EQ(ids_of(read(all_of(writer))), ids{2});
  }
  GIVEN("a small request that has been handed out") {
    frame_writer writer{1};
    writer.add(message_kind::request, 1, make_blob(bytes(10)));
    writer.next();
    CHECK(!writer.withdraw(1));
    CHECK_EQ(ids_of(read(all_of(writer))), ids{1});
  }
  GIVEN("a large request that waits behind another") {
    frame_writer writer{1};
    writer.add(message_kind::request, 1, make_blob(large));
    writer.add(message_kind::request, 2, make_blob(large));
    writer.next();
    CHECK(writer.withdraw(2));
    CHECK_EQ(ids_of(read(all_of(writer))), ids{1});
  }
  GIVEN("a large request of which a piece has been handed out") {
    frame_writer writer{1};
    writer.add(message_kind::request, 1, make_blob(large));
    writer.add(message_kind::request, 2, make_blob(large));
    writer.next();
    CHECK(writer.withdraw(1));
    CHECK_EQ(writer.bytes(), large.size());
    auto arrived = read(all_of(writer));
    CHECK_EQ(ids_of(arrived), ids({1, 2}));
    CHECK(arrived[0].kind == message_kind::cancel);
    CHECK(arrived[1].kind == message_kind::request);
    CHECK_EQ(writer.bytes(), 0u);
    CHECK_EQ(writer.take_completed(), ids{2});
  }
  GIVEN("a large request of which the last piece has been handed out") {
    frame_writer writer{1};
    writer.add(message_kind::request, 1, make_blob(large));
    for (auto i = 0; i < 3; ++i)
      writer.written(i < 2 ? writer.next().size() : writer.next().size() - 1);
    CHECK(!writer.withdraw(1));
    writer.written(1);
    CHECK_EQ(writer.take_completed(), ids{1});
  }
  GIVEN("an answer, and no request") {
    frame_writer writer{1};
    writer.add(message_kind::answer, 1, {});
    writer.add(message_kind::answer, 2, make_blob(large));
    CHECK(!writer.withdraw(1));
    CHECK(!writer.withdraw(2));
    CHECK(!writer.withdraw(3));
  }
}

SCENARIO("of pings and pongs that wait, only the last of each is sent") {
  frame_writer writer{1};
  for (uint64_t id = 1; id <= 100'000; ++id) {
    writer.add(message_kind::ping, id, make_blob(bytes(3)));
    writer.add(message_kind::pong, id + 1, {});
  }
  CHECK_EQ(writer.bytes(), 3u);
  auto arrived = read(all_of(writer));
  CHECK_EQ(ids_of(arrived), ids({100'000, 100'001}));
  CHECK_EQ(writer.bytes(), 0u);
}
