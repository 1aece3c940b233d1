// What a peer can send that is no message, or too much of one.

#define CAF_SUITE net.frame_hostile

#include "net/frame.hpp"
#include "support/heap.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::net;

namespace {

using bytes = std::vector<std::byte>;

struct frame {
  uint64_t length = 0;
  uint8_t kind = static_cast<uint8_t>(message_kind::request);
  uint8_t flags = 1;
  uint16_t reserved = 0;
  uint64_t id = 1;
};

void add_number(bytes& out, uint64_t number, int count) {
  for (auto i = count; i-- > 0;)
    out.push_back(static_cast<std::byte>(number >> (8 * i)));
}

/// The frame, with as many bytes as it says.
bytes make(const frame& x, size_t content) {
  bytes out;
  add_number(out, x.length, 4);
  add_number(out, x.kind, 1);
  add_number(out, x.flags, 1);
  add_number(out, x.reserved, 2);
  add_number(out, x.id, 8);
  out.resize(out.size() + content);
  return out;
}

bytes piece(size_t size, uint64_t id, bool last, message_kind kind = message_kind::request) {
  return make({size, static_cast<uint8_t>(kind), static_cast<uint8_t>(last ? 1 : 0), 0, id}, size);
}

bytes operator+(bytes first, const bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

bytes bytes_of(std::string_view text) {
  auto all = std::as_bytes(std::span{text});
  return {all.begin(), all.end()};
}

std::string problem_of(const bytes& input, frame_reader::limits permitted = {}) {
  frame_reader reader{permitted};
  std::vector<message> out;
  return reader.take(input, out).value_or("");
}

/// What a reader makes of the bytes, in random portions.
struct outcome_of_reading {
  std::vector<std::pair<uint64_t, bytes>> messages;
  std::string problem;
  bool operator==(const outcome_of_reading&) const = default;
};

outcome_of_reading read(std::span<const std::byte> input, frame_reader::limits permitted,
                        const std::function<size_t()>& portion) {
  frame_reader reader{permitted};
  outcome_of_reading result;
  std::vector<message> out;
  while (!input.empty()) {
    auto count = std::min(portion(), input.size());
    auto problem = reader.take(input.first(count), out);
    if (problem) {
      result.problem = *problem;
      break;
    }
    input = input.subspan(count);
  }
  for (auto& each : out)
    result.messages.emplace_back(each.id, std::move(each.content));
  return result;
}

/// A stream that a peer could send.
bytes valid_stream(std::mt19937& rng) {
  frame_writer writer{1 + rng() % 3};
  for (auto n = 1 + rng() % 12; n > 0; --n) {
    auto kind = static_cast<message_kind>(1 + rng() % 12);
    auto large = rng() % 4 == 0 && kind != message_kind::ping && kind != message_kind::pong;
    writer.add(kind, rng() % 5, make_blob(bytes(rng() % (large ? 100'000 : 50))), rng() % 2);
  }
  bytes out;
  for (auto part = writer.next(); !part.empty(); part = writer.next()) {
    out.insert(out.end(), part.begin(), part.end());
    writer.written(part.size());
  }
  return out;
}

} // namespace

SCENARIO("a frame that the protocol does not know ends the connection") {
  struct row {
    frame first;
    bool good;
  };
  for (auto& [x, good] : std::vector<row>{
           {{0, 1}, true},
           {{0, 12}, true},
           {{0, 0}, false},
           {{0, 13}, false},
           {{0, 255}, false},
           {{0, 4, 0}, false}, // Empty, and not the last.
           {{1, 4, 0}, true},
           {{1, 4, 2}, false},
           {{1, 4, 255}, false},
           {{1, 4, 1, 1}, false},
           {{1, 4, 1, 256}, false},
           {{max_piece, 4}, true},
           {{max_piece + 1, 4}, false},
           {{0xFFFF'FFFF, 4}, false},
           {{1, 4, 1, 0, UINT64_MAX}, true},
       }) {
    CHECK_EQ(problem_of(make(x, good ? x.length : 0)).empty(), good);
    // The same behind a good one.
    CHECK_EQ(problem_of(piece(5, 9, true) + make(x, good ? x.length : 0)).empty(), good);
  }
  CHECK_EQ(problem_of(piece(0, 1, true) + make({0, 0}, 0)), "the peer has sent bytes that are no frame");
  CHECK_EQ(problem_of(piece(1, 1, false) + piece(0, 1, false)),
           "the peer has sent an empty piece in the middle of a message");
}

SCENARIO("a peer that speaks another protocol is told which") {
  for (auto& [sent, protocol] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"},
           {"POST /admin/drain HTTP/1.1\r\n", "HTTP"},
           {"HEAD / HTTP/1.1\r\n\r\n", "HTTP"},
           {"PUT /a/b/c HTTP/1.1\r\n", "HTTP"},
           {"\x16\x03\x01\x02\x03 and so on and so on", "TLS"},
           {"SSH-2.0-OpenSSH_9.6\r\n", "SSH"},
           {"CAF and its own protocol", "CAF's protocol"},
           {"****************", "another protocol"},
       })
    CHECK_EQ(problem_of(bytes_of(sent)), "the peer speaks " + std::string{protocol} + " instead of cenote's protocol");
}

SCENARIO("messages are as large as permitted, and not a byte larger") {
  frame_reader::limits permitted{100'000, 1'000'000};
  auto first = piece(max_piece, 1, false) + piece(max_piece, 1, false) + piece(max_piece, 1, false);
  auto left = 100'000 - 3 * max_piece;
  CHECK_EQ(problem_of(first + piece(left, 1, true), permitted), "");
  CHECK_EQ(problem_of(first + piece(left + 1, 1, true), permitted),
           "the peer has sent a message of more than 100000 bytes");
  CHECK_EQ(problem_of(first + piece(left + 1, 1, false), permitted),
           "the peer has sent a message of more than 100000 bytes");
  CHECK_EQ(problem_of(piece(100, 1, true), {100, 1000}), "");
  CHECK_EQ(problem_of(piece(101, 1, true), {100, 1000}), "the peer has sent a message of more than 100 bytes");
}

SCENARIO("a peer that is trusted more may send more from then on") {
  frame_reader reader{{100, 1000}};
  std::vector<message> out;
  CHECK(!reader.take(piece(100, 1, true), out));
  reader.permit({200, 1000});
  CHECK(!reader.take(piece(200, 2, true), out));
  CHECK(reader.take(piece(201, 3, true), out));
  CHECK_EQ(out.size(), 2u);
}

SCENARIO("messages that are begun and not ended cost what they need, at most what is permitted") {
  frame_reader::limits permitted{size_t{1} << 30, 1'000'000};
  auto before = test::heap_in_use();
  frame_reader reader{permitted};
  std::vector<message> out;
  uint64_t begun = 0;
  std::optional<std::string> problem;
  while (!problem && begun < 1'000'000)
    problem = reader.take(piece(1, ++begun, false), out);
  CHECK_EQ(problem.value_or(""), "the peer has begun messages of more than 1000000 bytes together");
  CHECK_LT(begun, 5000u);
  CHECK_LT(test::heap_in_use(), before + 1'500'000);
}

SCENARIO("the bytes of unfinished messages count until they are complete or cancelled") {
  frame_reader reader{{1'000'000, 100'000}};
  std::vector<message> out;
  for (uint64_t id = 1; id <= 3000; ++id) {
    REQUIRE(!reader.take(piece(max_piece, id, false), out));
    REQUIRE(!reader.take(piece(max_piece, id, false), out));
    REQUIRE(!reader.take(id % 2 == 0 ? piece(10, id, true) : piece(0, id, true, message_kind::cancel), out));
    REQUIRE_EQ(out.size(), 1u);
    CHECK(out[0].kind == (id % 2 == 0 ? message_kind::request : message_kind::cancel));
    CHECK_EQ(out[0].content.size(), id % 2 == 0 ? 2 * max_piece + 10 : 0);
    out.clear();
  }
  // Only its own request, and only a request.
  REQUIRE(!reader.take(piece(7, 1, false) + piece(8, 2, false) + piece(9, 1, false, message_kind::answer), out));
  REQUIRE(!reader.take(piece(0, 1, true, message_kind::cancel), out));
  out.clear();
  REQUIRE(!reader.take(piece(1, 1, true) + piece(1, 2, true) + piece(1, 1, true, message_kind::answer), out));
  REQUIRE_EQ(out.size(), 3u);
  CHECK_EQ(out[0].content.size(), 1u);
  CHECK_EQ(out[1].content.size(), 9u);
  CHECK_EQ(out[2].content.size(), 10u);
}

SCENARIO("after what is no frame, nothing more is made of the bytes") {
  frame_reader reader{{}};
  std::vector<message> out;
  CHECK(reader.take(piece(5, 1, true) + make({0, 0}, 0) + piece(5, 2, true), out));
  REQUIRE_EQ(out.size(), 1u);
  CHECK_EQ(out[0].id, 1u);
}

SCENARIO("random bytes are refused, or read as far as they make sense") {
  std::mt19937 rng{1};
  size_t refused = 0;
  for (auto round = 0; round < 5000; ++round) {
    bytes input(rng() % 400);
    for (auto& each : input)
      each = static_cast<std::byte>(rng() % (round % 2 == 0 ? 256 : 3));
    auto whole = read(input, {1000, 2000}, [] { return SIZE_MAX; });
    CHECK_LE(whole.messages.size(), input.size() / frame_header_size);
    refused += !whole.problem.empty();
    if (whole != read(input, {1000, 2000}, [] { return size_t{1}; }))
      CAF_ERROR("round " << round << ": it matters in which portions the bytes come");
  }
  CHECK_GT(refused, 3000u);
}

SCENARIO("damaged streams give the same messages and the same problem in whatever portions they come") {
  std::mt19937 rng{2};
  size_t refused = 0;
  size_t messages = 0;
  for (auto round = 0; round < 3000; ++round) {
    auto stream = valid_stream(rng);
    for (auto n = rng() % 4; n > 0 && !stream.empty(); --n)
      switch (auto at = rng() % stream.size(); rng() % 4) {
      case 0:
        stream[at] = static_cast<std::byte>(rng());
        break;
      case 1: // Headers are more interesting.
        stream[at % std::min<size_t>(stream.size(), 64)] = static_cast<std::byte>(rng() % 16);
        break;
      case 2:
        stream.erase(stream.begin() + static_cast<std::ptrdiff_t>(at),
                     stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + rng() % 20, stream.size())));
        break;
      default:
        stream.resize(at);
      }
    frame_reader::limits permitted{50'000 + rng() % 100'000, 50'000 + rng() % 100'000};
    auto whole = read(stream, permitted, [] { return SIZE_MAX; });
    refused += !whole.problem.empty();
    messages += whole.messages.size();
    size_t total = 0;
    for (auto& [id, content] : whole.messages)
      total += content.size();
    CHECK_LE(total, stream.size());
    if (whole != read(stream, permitted, [&rng] { return 1 + rng() % 3000; }))
      CAF_ERROR("round " << round << ": it matters in which portions the bytes come");
  }
  CHECK_GT(refused, 500u);
  CHECK_GT(messages, 5000u);
}
