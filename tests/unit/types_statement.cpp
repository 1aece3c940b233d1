#define CAF_SUITE types.statement

#include "cenote/statement.hpp"

#include "cenote/type_ids.hpp"

#include <limits>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;

SCENARIO("a statement knows what repeating it would do") {
  CHECK(read("SELECT 1").kind == statement_kind::read);
  CHECK(idempotent_write("UPDATE t SET a = 1").kind == statement_kind::idempotent_write);
  CHECK(write("INSERT INTO t VALUES (1)").kind == statement_kind::write);
  CHECK(statement{}.kind == statement_kind::write);
}

SCENARIO("a statement keeps its parameters in order and has no time limit unless it is given one") {
  auto x = write("INSERT INTO t VALUES (?, ?, ?)", 1, "two", nullptr);
  REQUIRE_EQ(x.params.size(), 3u);
  CHECK(x.params[0] == value{int64_t{1}});
  CHECK(x.params[1] == value{std::string{"two"}});
  CHECK(x.params[2] == value{null{}});
  CHECK(x.timeout == 0ns);
  CHECK(read("SELECT 1").within(2s).timeout == 2s);
}

SCENARIO("a statement reaches another node as it was") {
  auto sent = write("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", nullptr, std::numeric_limits<int64_t>::min(),
                    std::numeric_limits<uint64_t>::max(), 0.1, std::string{"t\0 \xF0\x9F\x8D\x9C", 7},
                    bytes{std::string{"\0\xFF", 2}}, decimal{"-12.340"}, date{2024, 1, 31},
                    datetime{2024, 1, 31, 1, 2, 3, 4}, cenote::time{true, 838, 59, 59, 999'999})
                  .within(1500ms);
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  REQUIRE(sink.apply(sent));
  statement received;
  caf::binary_deserializer source{nullptr, buffer};
  REQUIRE(source.apply(received));
  CHECK(received == sent);
}

SCENARIO("a statement of an unknown kind is refused") {
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  REQUIRE(sink.value(uint8_t{3}));
  auto kind = statement_kind::read;
  caf::binary_deserializer source{nullptr, buffer};
  CHECK(!source.apply(kind));
}
