#define CAF_SUITE types.failure

#include "cenote/failure.hpp"
#include "cenote/status.hpp"

#include <set>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

template <class T>
T over_the_wire(T sent) {
  caf::byte_buffer buffer;
  caf::binary_serializer sink{nullptr, buffer};
  if (!sink.apply(sent))
    FAIL("could not serialise");
  T received;
  caf::binary_deserializer source{nullptr, buffer};
  if (!source.apply(received))
    FAIL("could not deserialise");
  return received;
}

} // namespace

SCENARIO("every code and outcome has a name of its own") {
  std::set<std::string> names;
  for (auto i = static_cast<int>(errc::acquire_timeout); i <= static_cast<int>(errc::no_such_job); ++i)
    names.insert(to_string(static_cast<errc>(i)));
  CHECK_EQ(names.size(), static_cast<size_t>(errc::no_such_job));
  CHECK_EQ(names.count("invalid errc"), 0u);
  CHECK_EQ(to_string(errc::connection_lost_unsent), "connection_lost_unsent");
  names.clear();
  for (auto i = 0; i <= static_cast<int>(outcome::unavailable); ++i)
    names.insert(to_string(static_cast<outcome>(i)));
  CHECK_EQ(names.size(), static_cast<size_t>(outcome::unavailable) + 1);
  CHECK_EQ(names.count("invalid outcome"), 0u);
}

SCENARIO("a failure is told in one line that ends with what is known") {
  failure x;
  x.code = errc::server_error;
  x.outcome = outcome::rejected;
  x.number = 1064;
  x.sqlstate = "42000";
  x.text = "You have an error in your SQL syntax near '\n FROM'";
  CHECK_EQ(to_string(x), "You have an error in your SQL syntax near '  FROM' (error 1064, sqlstate 42000, rejected)");
  failure y;
  y.code = errc::queue_full;
  y.outcome = outcome::unavailable;
  y.text = "the queue is full";
  CHECK_EQ(to_string(y), "the queue is full (unavailable)");
  y.text.clear();
  CHECK_EQ(to_string(y), "queue_full (unavailable)");
}

SCENARIO("a failure reaches another node as it was") {
  failure x;
  x.code = errc::connection_lost;
  x.outcome = outcome::unknown;
  x.number = 2013;
  x.sqlstate = "HY000";
  x.text = "Lost connection";
  x.attempts = 3;
  x.waited = 1500ms;
  x.last_connect_error = "refused";
  CHECK(over_the_wire(x) == x);
}

SCENARIO("the state of a pool is told in one line") {
  pool_status x;
  x.pool = "main";
  x.endpoint = "db:3306/bato";
  x.initialized = true;
  x.pool_size = 10;
  x.checked_in = 9;
  x.checked_out = 3;
  x.in_flight = 40;
  x.overflow = 2;
  x.total_connections = 12;
  CHECK_EQ(
      to_string(x),
      "pool main: size 10, checked in 9, checked out 3, in flight 40, overflow 2, total 12, waiting 0, connecting 0, "
      "limit 0, generation 0, served 0, timed out 0, refused 0, shed 0, connects 0, lost 0, server db:3306/bato");
  x.initialized = false;
  x.last_error = "refused\nagain";
  CHECK(to_string(x).ends_with(", not initialized, server db:3306/bato, last error: refused again"));
  x.draining = true;
  CHECK_NE(to_string(x).find(", draining, "), std::string::npos);
  x.budget = 60;
  x.share = 12;
  CHECK_NE(to_string(x).find(", limit 0, budget 60, share 12, generation "), std::string::npos);
  CHECK(over_the_wire(x) == x);
  CHECK(over_the_wire(verification{"10.11", 7, 3ms}) == (verification{"10.11", 7, 3ms}));
  CHECK(over_the_wire(drain_report{1, 2}) == (drain_report{1, 2}));
}
