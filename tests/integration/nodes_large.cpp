// Large results and small ones on one connection: neither small answers nor signs of life are behind a large one.

#define CAF_SUITE nodes.large

#include "remote/protocol.hpp"
#include "remote/request_limits.hpp"
#include "support/certificates.hpp"
#include "support/fault_proxy.hpp"
#include "support/nodes_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// A client that would be given up, or gives its node up, if signs of life were late: much sooner than a large result
/// has arrived.
#ifdef __SANITIZE_THREAD__
constexpr auto impatient = 3s; // A result takes about 10 s then, and I/O threads stand still while memory is copied.
#else
constexpr auto impatient = 500ms;
#endif

/// Callers that read one row after the other, and keep the times.
class readers {
public:
  readers(caf::actor_system& sys, const pool_actor& pool, size_t count) : state_{std::make_shared<state>()} {
    state_->active = count;
    for (size_t i = 0; i < count; ++i)
      sys.spawn([common = state_, pool](caf::event_based_actor* self) { next(self, pool, common); });
  }

  readers(const readers&) = delete;
  readers& operator=(const readers&) = delete;

  /// If a check has failed: a pool that has ended answers, too, so that they would go on for ever.
  ~readers() { state_->stopping = true; }

  /// Lets them finish. @returns the times, shortest first.
  std::vector<std::chrono::nanoseconds> stop(actor_fixture& world) {
    state_->stopping = true;
    if (!world.eventually([this] { return state_->active == 0; }))
      throw std::runtime_error{"a read was not answered"};
    std::ranges::sort(state_->times);
    return state_->times;
  }

  size_t failed() const { return state_->failed; }

  size_t done() const {
    std::lock_guard guard{state_->mutex};
    return state_->times.size();
  }

private:
  struct state {
    std::atomic<bool> stopping{false};
    std::atomic<size_t> active{0};
    std::atomic<size_t> failed{0};
    std::mutex mutex;
    std::vector<std::chrono::nanoseconds> times;
  };

  static void next(caf::event_based_actor* self, const pool_actor& pool, const std::shared_ptr<state>& common) {
    if (common->stopping) {
      --common->active;
      return;
    }
    stopwatch watch;
    auto answered = [self, pool, common, watch] {
      {
        std::lock_guard guard{common->mutex};
        common->times.push_back(watch.elapsed());
      }
      next(self, pool, common);
    };
    self->request(pool, caf::infinite, execute_atom_v, read("SELECT n FROM things WHERE id = ?", 3))
        .then([answered](const result&) { answered(); },
              [answered, common](const caf::error&) {
                ++common->failed;
                answered();
              });
  }

  std::shared_ptr<state> state_;
};

/// Content for which there is no memory.
struct hungry {};

template <class Inspector>
bool inspect(Inspector&, hungry&) {
  throw std::bad_alloc{};
}

/// Of an answer; empty if it is none.
template <class T>
failure failure_of(const answer<T>& x) {
  return x ? failure{} : x.error();
}

struct fixture : nodes_fixture {
  fixture() {
    must(admin(), write("CREATE TABLE things (id INT PRIMARY KEY, n INT)"));
    must(admin(), write("INSERT INTO things VALUES (1, 1), (2, 2), (3, 3)"));
  }

  static statement megabytes(int count) {
    return read("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                " SELECT i, REPEAT(CHAR(65 + i % 26), 1000000) FROM n",
                count);
  }

  /// Reads so many megabytes at once, and single rows meanwhile.
  void check_side_by_side(const published_pool& node, const pool_actor& remote, int count, size_t large = 1) {
    auto& x = clients();
    REQUIRE(x.verify(remote).has_value());
    readers small{x.system(), remote, 4};
    REQUIRE(eventually([&] { return small.done() > 20; }));
    stopwatch watch;
    std::vector<awaited<result>> pending;
    for (size_t i = 0; i < large; ++i)
      pending.push_back(x.ask(remote, megabytes(count)));
    for (auto& each : pending) {
      auto answered = each.get();
      REQUIRE(answered);
      CHECK_EQ(answered->size(), static_cast<size_t>(count));
      CHECK_EQ((*answered)[static_cast<size_t>(count) - 1].text(1).size(), 1'000'000u);
    }
    auto whole = watch.elapsed();
    auto times = small.stop(x);
    auto p99 = times.at(times.size() * 99 / 100);
    using ms = std::chrono::duration<double, std::milli>;
    MESSAGE(count << " MB in " << ms{whole}.count() << " ms; " << times.size() << " small reads meanwhile, median "
                  << ms{times[times.size() / 2]}.count() << " ms, p99 " << ms{p99}.count() << " ms, longest "
                  << ms{times.back()}.count() << " ms");
    CHECK_EQ(small.failed(), 0u);
    CHECK_LT(p99, whole / 3);
    auto status = status_of(node.node);
    CHECK_EQ(status.lost, 0u);
    CHECK_EQ(status.greeted, 1u);
  }

  pool_actor pool = start_local_pool(4);
};

node_settings impatient_node() {
  auto out = node_rules();
  out.give_up = impatient;
  return out;
}

remote_settings impatient_client() {
  auto out = client_rules();
  out.give_up = impatient;
  return out;
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a client refuses what is too large for a node") {
  GIVEN("a client of a node") {
    auto node = publish(start_local_pool());
    auto remote = reach(node.port);
    auto& x = clients();
    REQUIRE(x.verify(remote).has_value());
    WHEN("it asks for more than 128 MiB") {
      const auto length =
          remote::max_request - remote::encoded_size(uint8_t{}, read("")) - 2; // Its size takes 4 bytes.
      auto alone = x.run(remote, read(std::string(length, ' ')));
      auto in_transaction = x.run(remote, all_or_nothing(read("SELECT 1"), read(std::string(length, ' '))));
      THEN("it is told so") {
        for (auto reason : {failure_of(alone), failure_of(in_transaction)}) {
          CHECK_EQ(reason.code, errc::invalid_statement);
          CHECK_EQ(reason.outcome, outcome::rejected);
          CHECK_EQ(reason.text, remote::too_large_text());
        }
      }
    }
  }
  GIVEN("a session at a node") {
    auto remote = reach(publish(start_local_pool()).port);
    session_user user{clients().system(), remote};
    auto session = user.checkout();
    WHEN("it asks for more parameters than a node takes") {
      auto many = read("SELECT 1");
      many.params.resize(remote::max_parts + 1);
      auto alone = clients().run(remote, many);
      auto in_session = user.run(session, many);
      THEN("it is told so, and the session can be used") {
        CHECK_EQ(failure_of(alone).text, remote::too_many_parts_text());
        CHECK_EQ(failure_of(in_session).text, remote::too_many_parts_text());
        CHECK(user.run(session, read("SELECT 1")).has_value());
        CHECK(user.checkin(session).has_value());
      }
    }
  }
}

SCENARIO("a result for which a node has no memory is a failure, not silence") {
  hungry value;
  auto content = remote::encode_large_answer(value);
  auto success = true;
  failure reason;
  std::vector<std::byte> arrived{content.bytes.begin(), content.bytes.end()};
  REQUIRE(remote::decode(arrived, success, reason));
  CHECK(!success);
  CHECK_EQ(reason.code, errc::result_too_large);
  CHECK_EQ(reason.outcome, outcome::unknown);
  CHECK(contains(reason.text, "bad_alloc"));
}

SCENARIO("a result of 60 MB does not delay small ones on the same connection") {
  auto node = publish(pool, impatient_node());
  check_side_by_side(node, reach(node.port, impatient_client()), 60);
}

SCENARIO("a result of 60 MB does not delay small ones with TLS") {
  auto& made = certificates::get();
  auto node = publish(pool, with_tls(impatient_node(), made.node("good")));
  check_side_by_side(node, reach(node.port, with_tls(impatient_client(), made.client("good"))), 60);
}

SCENARIO("a large result on a slow network delays neither small ones nor signs of life") {
  auto node = publish(pool, impatient_node());
  fault_proxy network{node.port};
  network.throttle_replies(2 << 20);
  check_side_by_side(node, reach(network.port(), impatient_client()), 8);
}

SCENARIO("several large results on a slow network share it with small ones") {
  auto& made = certificates::get();
  auto node = publish(pool, with_tls(impatient_node(), made.node("good")));
  fault_proxy network{node.port};
  network.throttle_replies(3 << 20);
  check_side_by_side(node, reach(network.port(), with_tls(impatient_client(), made.client("good"))), 4, 3);
}

SCENARIO("a large statement does not delay small ones") {
  GIVEN("a client that reads, and sends 12 MB at a time") {
    auto node = publish(pool, impatient_node());
    auto remote = reach(node.port, impatient_client());
    auto& x = clients();
    readers small{x.system(), remote, 4};
    WHEN("it sends them") {
      for (auto i = 0; i < 3; ++i) {
        auto answered = x.run(remote, read("SELECT LENGTH(?)", std::string(12'000'000, 'x')));
        REQUIRE(answered);
        CHECK_EQ((*answered)[0].get<int>(0), 12'000'000);
      }
      auto times = small.stop(x);
      CHECK_EQ(small.failed(), 0u);
      MESSAGE("longest " << times.back());
      CHECK_EQ(status_of(node.node).lost, 0u);
    }
  }
}

END_FIXTURE_SCOPE()
