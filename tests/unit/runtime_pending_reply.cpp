#define CAF_SUITE runtime.pending_reply

#include "runtime/pending_reply.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <caf/test/dsl.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

using debtor_actor = caf::typed_actor<caf::result<std::string>(std::string), caf::result<void>(caf::unit_t)>;

/// Owes answers until the test has it do something about them.
struct debtor {
  debtor_actor spawn(caf::actor_system& sys) {
    return sys.spawn([this](debtor_actor::pointer self) -> debtor_actor::behavior_type {
      return {[this, self](const std::string&) -> caf::result<std::string> {
                owed.emplace_back(*self);
                return caf::delegated<std::string>{};
              },
              [this](caf::unit_t) { action(owed); }};
    });
  }

  std::vector<pending_reply> owed;
  std::function<void(std::vector<pending_reply>&)> action;
};

struct fixture : test_coordinator_fixture<> {
  debtor debts;
  debtor_actor lender = debts.spawn(sys);
  std::vector<std::string> answers;

  ~fixture() override {
    debts.owed.clear();
    caf::anon_send_exit(lender, caf::exit_reason::kill);
    run();
  }

  void ask(std::string text) {
    sys.spawn([this, text = std::move(text)](caf::event_based_actor* asking) {
      asking->request(lender, caf::infinite, text)
          .then([this](const std::string& answer) { answers.push_back(answer); },
                [this](const caf::error& error) { answers.push_back(to_string(error)); });
    });
    run();
  }

  /// Has an actor do something about the answers that it owes.
  void have(debtor& who, const debtor_actor& actor, std::function<void(std::vector<pending_reply>&)> action) {
    who.action = std::move(action);
    caf::anon_send(actor, caf::unit);
    run();
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a pending reply answers the request from which it was made, whatever has been answered before") {
  ask("one");
  ask("two");
  CHECK(answers.empty());
  have(debts, lender, [](auto& owed) { owed.at(1).deliver(std::string{"second"}); });
  have(debts, lender, [](auto& owed) { owed.at(0).deliver(std::string{"first"}); });
  CHECK_EQ(answers, (std::vector<std::string>{"second", "first"}));
}

SCENARIO("a pending reply answers once") {
  ask("one");
  have(debts, lender, [](auto& owed) {
    auto reply = std::move(owed.at(0));
    reply.deliver(std::string{"answer"});
    reply.deliver(std::string{"another"});
    owed.at(0).deliver(std::string{"of what was moved away"});
  });
  CHECK_EQ(answers, (std::vector<std::string>{"answer"}));
}

SCENARIO("another actor answers in place of the one that owes it") {
  debtor other;
  auto helper = other.spawn(sys);
  ask("one");
  have(debts, lender, [&](auto& owed) { owed.at(0).delegate(helper, std::string{"delegated"}); });
  REQUIRE_EQ(other.owed.size(), 1u);
  have(other, helper, [](auto& owed) { owed.at(0).deliver(std::string{"by another"}); });
  CHECK_EQ(answers, (std::vector<std::string>{"by another"}));
  caf::anon_send_exit(helper, caf::exit_reason::kill);
  run();
}

SCENARIO("a pending reply that goes away unanswered is a broken promise") {
  ask("one");
  debts.owed.clear();
  run();
  CHECK_EQ(answers, (std::vector<std::string>{to_string(caf::make_error(caf::sec::broken_promise))}));
}

END_FIXTURE_SCOPE()
