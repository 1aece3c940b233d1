// How a thread waits for an answer, with actors that answer as no pool would.

#define CAF_SUITE facade.waiting

#include "integration/facade_support.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

result number(int x) {
  result_builder out;
  out.columns({{"x", column_type::integer}});
  out.add(std::to_string(x));
  return out.finish();
}

int value_of(const result& rows) {
  return rows[0].get<int>(0);
}

/// A pool that does with each statement what the test says.
class odd_pool {
public:
  using handler = std::function<caf::result<result>(caf::event_based_actor*, const statement&)>;

  odd_pool(caf::actor_system& sys, handler f) : actor_{sys.spawn(behave, std::move(f))} {
    // nop
  }

  ~odd_pool() { caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown); }

  pool_actor handle() const { return caf::actor_cast<pool_actor>(actor_); }
  const caf::actor& actor() const { return actor_; }

private:
  static caf::behavior behave(caf::event_based_actor* self, handler f) {
    self->set_default_handler(caf::drop);
    return {[self, f](execute_atom, const statement& query) { return f(self, query); },
            [self, f](execute_atom, session_id, const statement& query) { return f(self, query); },
            [self](checkout_atom, const session_options&) {
              self->monitor(self->current_sender());
              return session_id{7};
            },
            [](checkin_atom, session_id) {}};
  }

  caf::actor actor_;
};

/// Sends a response by hand.
template <class... Ts>
void respond(caf::event_based_actor* self, caf::message_id to, Ts... content) {
  self->current_sender()->enqueue(self->ctrl(), to.response_id(), caf::make_message(std::move(content)...), nullptr);
}

} // namespace

BEGIN_FIXTURE_SCOPE(actor_fixture)

SCENARIO("nothing but the answer ends a call") {
  GIVEN("a pool that sends the caller other things before it answers") {
    auto refused = std::make_shared<std::promise<caf::error>>();
    odd_pool pool{system(), [refused](caf::event_based_actor* self, const statement&) -> caf::result<result> {
                    auto caller = self->current_sender();
                    auto to_caller = caf::actor_cast<caf::actor>(caller);
                    self->send(to_caller, number(1));
                    self->send_exit(to_caller, caf::exit_reason::kill);
                    respond(self, caf::make_message_id(12345), number(2));
                    self->link_to(to_caller);
                    self->unlink_from(to_caller);
                    auto done = self->make_response_promise<result>();
                    self->request(to_caller, caf::infinite, number(3))
                        .then([](const result&) {},
                              [refused, done](caf::error& error) mutable {
                                refused->set_value(std::move(error));
                                done.deliver(number(4));
                              });
                    return done;
                  }};
    database db{system(), pool.handle()};
    WHEN("a thread calls it") {
      auto came = value_of(db.execute(read("SELECT 4")));
      THEN("it gets the answer, and a request to it is refused") {
        CHECK_EQ(came, 4);
        CHECK(static_cast<bool>(refused->get_future().get()));
      }
    }
  }
}

SCENARIO("an answer that comes twice, or late, is not taken for that of the next request") {
  GIVEN("a session with a pool that answers each request twice, and that before it once more") {
    auto before = std::make_shared<caf::message_id>();
    auto calls = std::make_shared<int>(0);
    odd_pool pool{system(), [before, calls](caf::event_based_actor* self, const statement&) -> caf::result<result> {
                    auto id = self->current_message_id();
                    auto now = ++*calls;
                    respond(self, std::exchange(*before, id), number(-1));
                    respond(self, id, number(now));
                    respond(self, id, number(-2));
                    return number(-3);
                  }};
    database db{system(), pool.handle()};
    WHEN("a thread makes many requests") {
      auto wrong = db.with_session([](database::session& s) {
        auto others = 0;
        for (auto i = 1; i <= 1000; ++i)
          others += value_of(s.execute(read("SELECT 1"))) != i;
        return others;
      });
      THEN("each gets its own answer") {
        CHECK_EQ(wrong, 0);
      }
    }
  }
}

SCENARIO("a pool that ends in the middle of a call, or answers nonsense, is an error") {
  GIVEN("a pool that ends without an answer, and one that answers with a number") {
    odd_pool quitter{system(), [](caf::event_based_actor* self, const statement&) -> caf::result<result> {
                       auto promise = self->make_response_promise<result>();
                       self->quit();
                       return promise;
                     }};
    odd_pool babbler{system(), [](caf::event_based_actor* self, const statement&) -> caf::result<result> {
                       respond(self, self->current_message_id(), 42);
                       return number(1);
                     }};
    database first{system(), quitter.handle()};
    database second{system(), babbler.handle()};
    WHEN("a thread calls them") {
      auto gone = failure_of([&] { first.execute(read("SELECT 1")); });
      auto again = failure_of([&] { first.execute(read("SELECT 1")); });
      auto nonsense = failure_of([&] { second.execute(read("SELECT 1")); });
      THEN("each call fails") {
        REQUIRE(gone && again && nonsense);
        CHECK_EQ(gone->code, errc::pool_gone);
        CHECK_EQ(again->code, errc::shutting_down);
        CHECK_EQ(nonsense->code, errc::internal);
      }
    }
  }
}

SCENARIO("for the pool, the holder of a session ends with it") {
  GIVEN("a pool that notes when holders end") {
    auto ended = std::make_shared<std::promise<void>>();
    auto pool = system().spawn([ended](caf::event_based_actor* self) -> caf::behavior {
      self->set_down_handler([ended](const caf::down_msg&) { ended->set_value(); });
      return {[self](checkout_atom, const session_options&) {
                self->monitor(self->current_sender());
                return session_id{7};
              },
              [](checkin_atom, session_id) { return caf::make_error(caf::sec::runtime_error); }};
    });
    database db{system(), caf::actor_cast<pool_actor>(pool)};
    WHEN("a function throws, and its session cannot be returned") {
      auto over = ended->get_future();
      auto before = std::future_status::ready;
      CHECK_THROWS_AS(db.with_session([&](database::session&) {
        before = over.wait_for(0s);
        throw std::runtime_error{"out of luck"};
      }),
                      std::runtime_error);
      THEN("the pool is told that its holder has ended, and not before") {
        CHECK(before == std::future_status::timeout);
        CHECK(over.wait_for(patience) == std::future_status::ready);
      }
    }
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("a thread that waits does not count as an actor that runs") {
  GIVEN("a call that is not answered for now") {
    auto asked = std::make_shared<std::promise<void>>();
    odd_pool pool{system(),
                  [asked, kept = std::make_shared<caf::response_promise>()](caf::event_based_actor* self,
                                                                            const statement&) -> caf::result<result> {
                    *kept = self->make_response_promise();
                    asked->set_value();
                    return caf::delegated<result>{};
                  }};
    database db{system(), pool.handle()};
    auto running = system().registry().running();
    auto call = std::async(std::launch::async, [&] { return failure_of([&] { db.execute(read("SELECT 1")); }); });
    asked->get_future().wait();
    WHEN("the pool ends meanwhile") {
      auto meanwhile = system().registry().running();
      caf::anon_send_exit(pool.actor(), caf::exit_reason::kill);
      THEN("only the pool was counted, and the call fails") {
        CHECK_EQ(meanwhile, running);
        CHECK(call.get());
      }
    }
  }
}

END_FIXTURE_SCOPE()
