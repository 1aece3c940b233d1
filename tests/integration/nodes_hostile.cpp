// Peers that keep to no rule: nothing ends but their connection, and nobody else notices.

#define CAF_SUITE nodes.hostile

#include "remote/protocol.hpp"
#include "remote/request_limits.hpp"
#include "support/nodes_fixture.hpp"
#include "support/raw_peer.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <atomic>
#include <random>
#include <span>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;
using net::message_kind;
using remote::operation;

namespace {

constexpr auto in_time = 20s;

std::string random_bytes(std::mt19937& dice, size_t size) {
  std::string out(size, '\0');
  for (auto& c : out)
    c = static_cast<char>(dice());
  return out;
}

/// A few bytes changed, removed or added, or only a part of it.
std::string damaged(std::string text, std::mt19937& dice) {
  auto place = [&] { return text.empty() ? 0 : dice() % text.size(); };
  for (auto n = 1 + dice() % 4; n > 0; --n)
    switch (dice() % 6) {
    case 0:
      text.resize(place());
      break;
    case 1:
      text.insert(place(), random_bytes(dice, 1 + dice() % 9));
      break;
    case 2:
      text.erase(place(), 1 + dice() % 5);
      break;
    case 3:
      if (!text.empty())
        text[place()] = static_cast<char>(0xff);
      break;
    default:
      if (!text.empty())
        text[place()] = static_cast<char>(dice());
    }
  return text;
}

template <class... Ts>
std::string content(operation what, Ts... parts) {
  auto code = static_cast<uint8_t>(what);
  auto out = text_of(remote::encode(code, parts...));
  // A client decides by this size.
  if (remote::encoded_size(code, parts...) != out.size())
    throw std::logic_error{"the size of a request is miscounted"};
  return out;
}

/// As a length or a size in CAF's binary form.
std::string huge_length() {
  return "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s;
}

struct fixture : nodes_fixture {
  fixture() { must(admin(), write("CREATE TABLE things (id INT PRIMARY KEY, n INT)")); }

  raw_peer greeted(uint16_t port) {
    raw_peer out{port};
    remote::hello x;
    x.version = "by hand";
    x.name = "hostile";
    out.send(message_kind::hello, 0, remote::encode(x));
    auto answered = out.receive();
    if (!answered || answered->kind != message_kind::welcome)
      throw std::runtime_error{"the node does not welcome"};
    return out;
  }

  /// Who behaves is served, and the pool has all its connections.
  void check_peace() {
    CHECK_EQ(clients().must(honest, read("SELECT 41 + 1"))[0].get<int>(0), 42);
    CHECK(run(pool, read("SELECT 1")).has_value());
    await_clients(node.node, 1);
    await_free(pool, 3);
    CHECK_EQ(status_of(node.node).clients.at(0).name, "honest");
  }

  /// The failure that a node has answered; of none.
  static failure failure_of(const std::optional<net::message>& answered) {
    failure out;
    auto success = true;
    if (answered && answered->kind == message_kind::answer
        && (!remote::decode(answered->content, success, out) || success))
      return {};
    return out;
  }

  pool_actor pool = start_local_pool(3);
  published_pool node = publish(pool);
  pool_actor honest = reach(node.port, client_rules("honest"));
};

/// One content of each kind of request.
std::vector<std::string> samples() {
  session_options terms;
  terms.owner = "me";
  transaction_options how;
  return {
      content(operation::execute, read("SELECT ?, ?, ?", 1, "two", 3.0)),
      content(operation::transact, all_or_nothing(write("DO 1"), read("SELECT ?", "x"))),
      content(operation::checkout, uint64_t{7}, terms),
      content(operation::checkin, session_id{17}),
      content(operation::session_execute, session_id{17}, read("SELECT 1")),
      content(operation::begin, session_id{17}, how),
      content(operation::commit, session_id{17}),
      content(operation::rollback, session_id{17}),
      content(operation::savepoint, session_id{17}, "here"s),
      content(operation::rollback_to, session_id{17}, "here"s),
      content(operation::handover, session_id{17}, uint64_t{9}),
      content(operation::evict, session_id{17}),
      content(operation::verify),
      content(operation::status),
      content(operation::details),
      content(operation::statements),
      content(operation::settings),
      content(operation::kill, session_id{17}),
      content(operation::dispose),
      content(operation::pause),
      content(operation::resume),
      content(operation::subscribe),
      content(operation::unsubscribe),
  };
}

/// Reads content of any type, and all that is in it.
template <class T>
void decode_as(const std::vector<std::byte>& bytes) {
  auto success = false;
  T value;
  if (!remote::decode(bytes, success, value))
    return;
  if constexpr (std::is_same_v<T, result>) {
    for (auto row : value)
      for (size_t i = 0; i < row.size(); ++i)
        static_cast<void>(row.is_null(i) || row.text(i).empty());
    for (auto& more : value.more())
      for (auto row : more)
        for (size_t i = 0; i < row.size(); ++i)
          static_cast<void>(row.text(i));
  }
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("content that is damaged is refused, or read as something else, and never more than that") {
  GIVEN("requests and answers of all kinds") {
    auto some = must(pool, read("SELECT 1 AS a, 'text' AS b, NULL AS c, 2.5 AS d UNION SELECT 2, 'more', 'x', 1"));
    auto both = std::vector{some, some};
    failure reason;
    reason.text = "because";
    auto state = status(pool);
    pool_events events;
    events.events.resize(2);
    std::vector<std::string> answers = {
        text_of(remote::encode_answer(some)),   text_of(remote::encode_answer(both)),
        text_of(remote::encode_answer(state)),  text_of(remote::encode_failure(reason)),
        text_of(remote::encode_answer(events)),
    };
    for (auto& each : samples())
      answers.push_back(each);
    WHEN("they are changed at random, thousands of times") {
      std::mt19937 dice{20};
      for (auto round = 0; round < 20'000; ++round) {
        auto text = damaged(answers[dice() % answers.size()], dice);
        auto bytes = std::as_bytes(std::span{text});
        std::vector<std::byte> arrived{bytes.begin(), bytes.end()};
        decode_as<result>(arrived);
        decode_as<std::vector<result>>(arrived);
        decode_as<failure>(arrived);
        decode_as<pool_status>(arrived);
        decode_as<pool_details>(arrived);
        decode_as<std::vector<statement_summary>>(arrived);
        decode_as<effective_settings>(arrived);
        decode_as<verification>(arrived);
        decode_as<pool_events>(arrived);
        decode_as<statement>(arrived);
        decode_as<transaction>(arrived);
        decode_as<session_options>(arrived);
        decode_as<remote::hello>(arrived);
        decode_as<remote::welcome>(arrived);
      }
    }
  }
}

SCENARIO("requests of random bytes end only the connection of who sends them") {
  GIVEN("a session of an honest client with an open transaction") {
    session_user user{clients().system(), honest};
    auto session = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, write("INSERT INTO things VALUES (1, 1)"));
    WHEN("others send each operation with anything in it") {
      std::mt19937 dice{15};
      auto valid = samples();
      for (auto round = 0; round < 1500; ++round) {
        auto peer = greeted(node.port);
        for (uint64_t id = 1; id <= 3; ++id) {
          auto text = dice() % 3 == 0 ? std::string(1, static_cast<char>(dice() % 32)) + random_bytes(dice, dice() % 60)
                                      : damaged(valid[dice() % valid.size()], dice);
          auto kind = dice() % 8 == 0 ? static_cast<message_kind>(1 + dice() % 12) : message_kind::request;
          peer.send(kind, dice() % 4 == 0 ? dice() : id, text);
        }
        if (round % 100 == 0)
          CHECK(clients().run(honest, read("SELECT 1")).has_value());
      }
      THEN("the session is what it was") {
        CHECK(user.run(session, read("SELECT * FROM things")).has_value());
        CHECK(user.commit(session).has_value());
        CHECK(user.checkin(session).has_value());
        check_peace();
        CHECK_EQ(must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("what is long, empty or extreme is answered, or ends the connection") {
  GIVEN("a client of a node") {
    constexpr auto longest = std::chrono::nanoseconds::max();
    constexpr auto shortest = std::chrono::nanoseconds::min();
    session_options terms;
    terms.owner = std::string(1 << 20, 'x');
    terms.time_limit = longest;
    terms.acquire_timeout = longest;
    terms.unclaimed_timeout = shortest;
    auto late = terms;
    late.acquire_timeout = shortest;
    auto many = read("SELECT 1");
    many.params.resize(200'000);
    auto names = many;
    names.names.resize(100'000);
    transaction crowd;
    crowd.statements.resize(20'000);
    crowd.timeout = shortest;
    std::string rows[] = {
        "",
        content(operation::execute),
        content(operation::execute, read("")),
        content(operation::execute, read(std::string(30 << 20, ' '))),
        content(operation::execute, read(std::string(1 << 20, '\0'))),
        content(operation::execute, read("SELECT 1").within(longest)),
        content(operation::execute, read("SELECT 1").within(shortest)),
        content(operation::execute, read("SELECT 1").retried_at_most(UINT32_MAX)),
        content(operation::execute, many),
        content(operation::execute, names),
        content(operation::execute) + huge_length(),
        content(operation::execute) + huge_length() + std::string(100, 'x'),
        content(operation::execute, ""s) + huge_length(),
        content(operation::transact, transaction{}),
        content(operation::transact, crowd),
        content(operation::transact) + huge_length(),
        content(operation::checkout, uint64_t{0}, terms),
        content(operation::checkout, UINT64_MAX, late),
        content(operation::savepoint, session_id{0}, std::string(1 << 20, '`')),
        content(operation::handover, session_id{UINT64_MAX}, UINT64_MAX),
        content(static_cast<operation>(0)),
        content(static_cast<operation>(24)),
        content(static_cast<operation>(255)),
    };
    WHEN("it sends all that") {
      for (auto& text : rows) {
        auto peer = greeted(node.port);
        stopwatch watch;
        peer.send(message_kind::request, UINT64_MAX, text);
        auto answered = peer.receive(in_time);
        CHECK((!answered || answered->kind == message_kind::answer));
        if (answered)
          CHECK_EQ(answered->id, UINT64_MAX);
        if (watch.elapsed() >= in_time - 1s) // Neither an answer nor an end.
          CHECK_EQ(text.substr(0, 50), "");
      }
      check_peace();
    }
    WHEN("it begins messages that never end") {
      auto peer = greeted(node.port);
      // More than the largest request, one byte of each piece at a time would take too long: many ids.
      auto sent = true;
      for (uint64_t id = 1; sent && id < 10'000; ++id)
        sent = peer.send(frame(net::max_piece, static_cast<uint8_t>(message_kind::request), 0, id,
                               std::string(net::max_piece, 'x')));
      CHECK(!sent);
      check_peace();
    }
  }
}

SCENARIO("a small frame with more parts than anybody needs is refused before they are made") {
  GIVEN("requests with too many parameters, statements and names, and one with no more than a node takes") {
    auto many = read("SELECT 1");
    many.params.resize(remote::max_parts + 1);
    auto half = read("SELECT 1");
    half.params.resize(remote::max_parts / 2);
    half.names.resize(remote::max_parts / 2);
    std::string rows[] = {
        content(operation::execute, many),
        content(operation::transact, all_or_nothing(half, half)),
        content(operation::session_execute, session_id{17}, many),
    };
    auto enough = content(operation::execute, half);
    WHEN("a client sends them to a node with much patience") {
      auto rules = node_rules();
      rules.give_up = 1min; // A million parts take their time on a busy machine.
      auto patient = publish(pool, rules);
      auto peer = greeted(patient.port);
      uint64_t id = 0;
      for (auto& text : rows) {
        peer.send(message_kind::request, ++id, text);
        auto reason = failure_of(peer.receive(in_time));
        CHECK_EQ(reason.code, errc::invalid_statement);
        CHECK_EQ(reason.outcome, outcome::rejected);
        CHECK_EQ(reason.text, remote::too_many_parts_text());
      }
      peer.send(message_kind::request, ++id, enough);
      THEN("the last one reaches the pool, on the same connection") {
        auto reason = failure_of(peer.receive(in_time));
        CHECK_EQ(reason.code, errc::invalid_statement);
        CHECK_NE(reason.text, remote::too_many_parts_text());
        peer.close();
        check_peace();
      }
    }
  }
}

SCENARIO("a node reads a request of the largest size, and of no more") {
  GIVEN("requests of the largest size, and of one byte more") {
    const auto length = remote::max_request - content(operation::savepoint, session_id{17}, ""s).size() - 3;
    auto largest = content(operation::savepoint, session_id{17}, std::string(length, 'x'));
    REQUIRE_EQ(largest.size(), remote::max_request);
    auto rules = node_rules();
    rules.give_up = 1min;
    auto patient = publish(pool, rules);
    WHEN("a client sends them") {
      auto peer = greeted(patient.port);
      peer.send(message_kind::request, 1, largest);
      CHECK_EQ(failure_of(peer.receive(in_time)).code, errc::session_ended);
      peer.send(message_kind::request, 2, largest + "x");
      CHECK(peer.await_end());
    }
  }
}

SCENARIO("two requests with one number end the connection, and what they had begun") {
  GIVEN("a client with a statement that runs") {
    auto peer = greeted(node.port);
    peer.send(message_kind::request, 1, content(operation::execute, read("SELECT SLEEP(60)")));
    await_running("%SLEEP(60)%", 1);
    WHEN("it sends another one with the same number") {
      peer.send(message_kind::request, 1, content(operation::execute, read("SELECT 1")));
      CHECK(peer.await_end());
      await_running("%SLEEP(60)%", 0);
      check_peace();
    }
  }
}

SCENARIO("nobody gets at the session of another client") {
  GIVEN("a session of an honest client with an open transaction") {
    session_user user{clients().system(), honest};
    auto session = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, write("INSERT INTO things VALUES (1, 1)"));
    WHEN("another client has guessed its number") {
      auto peer = greeted(node.port);
      std::string rows[] = {
          content(operation::session_execute, session, write("DELETE FROM things")),
          content(operation::begin, session, transaction_options{}),
          content(operation::commit, session),
          content(operation::rollback, session),
          content(operation::savepoint, session, "x"s),
          content(operation::rollback_to, session, "x"s),
          content(operation::handover, session, uint64_t{1}),
          content(operation::evict, session),
          content(operation::kill, session),
      };
      uint64_t id = 0;
      for (auto& text : rows) {
        peer.send(message_kind::request, ++id, text);
        auto reason = failure_of(peer.receive());
        CHECK_EQ(reason.outcome, outcome::rejected);
        CHECK((reason.code == errc::session_ended || reason.code == errc::invalid_statement));
      }
      peer.send(message_kind::request, ++id, content(operation::checkin, session));
      REQUIRE(peer.receive());
      auto ended = true;
      for (uint64_t holder = 0; holder < 100; ++holder)
        peer.send(message_kind::gone, holder, remote::encode(ended));
      for (uint64_t number = 0; number < 100; ++number)
        peer.send(message_kind::cancel, number);
      peer.send(message_kind::request, ++id, content(operation::verify));
      REQUIRE(peer.receive());
      THEN("its holder has it") {
        CHECK(user.run(session, read("SELECT 1")).has_value());
        CHECK(user.commit(session).has_value());
        CHECK_EQ(must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<int>(0), 1);
        CHECK(user.checkin(session).has_value());
        peer.close();
        check_peace();
      }
    }
  }
}

SCENARIO("a million pings, and messages of the wrong direction, disturb nobody") {
  GIVEN("a greeted client") {
    auto peer = greeted(node.port);
    WHEN("it sends pings as fast as it can, and reads no answer") {
      std::string many;
      for (uint64_t id = 0; id < 10'000; ++id)
        many += frame(0, static_cast<uint8_t>(message_kind::ping), 1, id, "");
      auto sent = true;
      for (auto i = 0; sent && i < 100; ++i) {
        sent = peer.send(many);
        if (i % 10 == 0) {
          stopwatch watch;
          CHECK(clients().run(honest, read("SELECT 1")).has_value());
          CHECK_LT(watch.elapsed(), in_time);
        }
      }
      peer.close();
      check_peace();
    }
    WHEN("others send what only a node may send, or greet twice") {
      for (auto kind : {message_kind::hello, message_kind::welcome, message_kind::refusal, message_kind::answer,
                        message_kind::events}) {
        auto wrong = greeted(node.port);
        remote::hello again;
        wrong.send(kind, 1, remote::encode(again));
        CHECK(wrong.await_end());
      }
      check_peace();
    }
  }
}

SCENARIO("a client that asks and never reads is cut off, and others are served meanwhile") {
  for (auto large : {false, true}) {
    auto peer = greeted(node.port);
    auto text = content(operation::execute, read(large ? "SELECT REPEAT('x', 1000000)" : "SELECT REPEAT('x', 20000)"));
    auto sent = true;
    stopwatch watch;
    std::string batch;
    for (uint64_t id = 1; sent && id < 20'000 && watch.elapsed() < in_time; ++id) {
      batch += frame(static_cast<uint32_t>(text.size()), static_cast<uint8_t>(message_kind::request), 1, id, text);
      if (id % 200 == 0) {
        // Blind answers to pings that it has not read keep it alive.
        batch += frame(0, static_cast<uint8_t>(message_kind::pong), 1, id / 200, "");
        sent = peer.send(batch, 2s);
        batch.clear();
        CHECK(clients().run(honest, read("SELECT 1")).has_value());
      }
    }
    peer.close();
    check_peace();
  }
}

SCENARIO("whatever a hostile node says, callers get an answer in time, and good nodes are used") {
  std::mt19937 dice{3};
  remote::welcome accepted;
  accepted.version = "by hand";
  accepted.node = "hostile";
  auto welcome = text_of(remote::encode(accepted));
  auto greet = [welcome](raw_peer& peer) { return peer.receive() && peer.send(message_kind::welcome, 0, welcome); };
  // Greets, then answers each request so.
  auto answering = [greet](auto answer) {
    return raw_node::service{[=](raw_peer& peer) {
      if (!greet(peer))
        return;
      while (auto request = peer.receive(60s))
        if (request->kind == message_kind::request)
          answer(peer, request->id);
    }};
  };
  auto noise = random_bytes(dice, 5000);
  remote::nothing none;
  auto empty_success = text_of(remote::encode_answer(none));
  failure confused;
  confused.code = errc::shutting_down;
  confused.outcome = outcome::unavailable;
  auto leaves = text_of(remote::encode_failure(confused));
  struct {
    const char* title;
    raw_node::service serve;
  } rows[] = {
      {"random bytes instead of a greeting", [=](raw_peer& peer) { peer.send(noise), peer.await_end(); }},
      {"the end instead of a greeting", [](raw_peer&) {}},
      {"silence instead of a greeting", [](raw_peer& peer) { peer.await_end(60s); }},
      {"an answer instead of a greeting",
       [=](raw_peer& peer) { peer.send(message_kind::answer, 1, welcome), peer.await_end(); }},
      {"a refusal of random bytes",
       [=](raw_peer& peer) { peer.send(message_kind::refusal, 0, noise), peer.await_end(); }},
      {"a greeting, and the end", [=](raw_peer& peer) { greet(peer); }},
      {"two greetings",
       [=](raw_peer& peer) { greet(peer) && peer.send(message_kind::welcome, 0, welcome) && peer.await_end(); }},
      {"a greeting, and goodbye",
       [=](raw_peer& peer) { greet(peer) && peer.send(message_kind::goodbye, 0) && peer.await_end(); }},
      {"random bytes behind the greeting",
       [=](raw_peer& peer) { greet(peer) && peer.send(noise) && peer.await_end(); }},
      {"random bytes as an answer",
       answering([=](raw_peer& peer, uint64_t id) { peer.send(message_kind::answer, id, noise); })},
      {"an empty answer", answering([=](raw_peer& peer, uint64_t id) { peer.send(message_kind::answer, id, ""); })},
      {"success without a result",
       answering([=](raw_peer& peer, uint64_t id) { peer.send(message_kind::answer, id, empty_success); })},
      {"a failure of random bytes", answering([=](raw_peer& peer, uint64_t id) {
         peer.send(message_kind::answer, id, std::string(1, '\0') + noise);
       })},
      {"large random bytes as an answer", answering([=](raw_peer& peer, uint64_t id) {
         peer.send(message_kind::answer, id, "\1" + std::string(1 << 20, '\x7f'));
       })},
      {"answers to requests that were not made", answering([=](raw_peer& peer, uint64_t id) {
         for (uint64_t other = id + 1; other < id + 100; ++other)
           peer.send(message_kind::answer, other, empty_success);
       })},
      {"that it shuts down, again and again",
       answering([=](raw_peer& peer, uint64_t id) { peer.send(message_kind::answer, id, leaves); })},
      {"events of random bytes",
       answering([=](raw_peer& peer, uint64_t) { peer.send(message_kind::events, 0, noise); })},
      {"a request of its own",
       answering([=](raw_peer& peer, uint64_t id) { peer.send(message_kind::request, id, noise); })},
      {"nothing at all", answering([](raw_peer&, uint64_t) {})},
  };
  for (auto& x : rows) {
    MESSAGE(x.title);
    raw_node bad{x.serve};
    auto rules = client_rules("brave");
    rules.timeout = 2s;
    auto& world = clients();
    auto alone = reach(bad.port(), rules);
    stopwatch watch;
    std::vector<awaited<result>> pending;
    for (auto i = 0; i < 3; ++i)
      pending.push_back(world.ask(alone, read("SELECT 1").within(1s)));
    auto both = world.ask(alone, all_or_nothing(read("SELECT 1")).within(1s));
    session_user user{world.system(), alone};
    session_options terms;
    terms.acquire_timeout = 1s;
    auto session = user.ask_checkout(terms);
    for (auto& each : pending) {
      auto answered = each.get();
      CHECK(!answered.has_value());
      if (!answered)
        CHECK(!answered.error().text.empty());
    }
    CHECK(!both.get().has_value());
    static_cast<void>(session.get()); // Eight bytes may be one.
    CHECK_LT(watch.elapsed(), in_time);
    CHECK_LT(bad.accepted(), 60u); // It is not tried again without a pause.
    caf::anon_send_exit(alone, caf::exit_reason::user_shutdown);
    // Who answers, if only other requests, cannot be told from a pool that is slow.
    if (std::string_view{x.title} == "answers to requests that were not made")
      continue;
    auto served = reach({bad.port(), node.port}, rules);
    auto retrier = spawn_retrier(world.system(), served);
    CHECK(eventually([&] { return world.run(retrier, read("SELECT 1").within(2s)).has_value(); }));
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(served, caf::exit_reason::user_shutdown);
  }
  check_peace();
}

SCENARIO("answers that are damaged at random never end a client") {
  GIVEN("a node that damages its answers") {
    auto good = must(pool, read("SELECT 1 AS a, 'text' AS b, NULL AS c"));
    auto text = text_of(remote::encode_answer(good));
    remote::welcome accepted;
    auto welcome = text_of(remote::encode(accepted));
    std::atomic<unsigned> seed{0};
    raw_node bad{[&](raw_peer& peer) {
      std::mt19937 dice{++seed};
      if (!peer.receive() || !peer.send(message_kind::welcome, 0, welcome))
        return;
      while (auto request = peer.receive(60s))
        if (request->kind == message_kind::request)
          peer.send(message_kind::answer, request->id, dice() % 4 == 0 ? text : damaged(text, dice));
    }};
    WHEN("clients ask it") {
      for (auto round = 0; round < 40; ++round) {
        auto remote = reach(bad.port());
        std::vector<awaited<result>> pending;
        for (auto i = 0; i < 20; ++i)
          pending.push_back(clients().ask(remote, read("SELECT 1").within(300ms)));
        for (auto& each : pending)
          static_cast<void>(each.get()); // Throws if there is none.
        caf::anon_send_exit(remote, caf::exit_reason::kill);
      }
    }
  }
}

END_FIXTURE_SCOPE()
