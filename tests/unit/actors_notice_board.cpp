#define CAF_SUITE actors.notice_board

#include "actors/notice_board.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <caf/test/bdd_dsl.hpp>

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

struct board_fixture {
  board_fixture() {
    for (auto i = 0; i < 3; ++i) {
      actors.push_back(sys.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; }));
      CHECK(board.add(pointer(i)) == notice_board::admission::added);
    }
  }

  ~board_fixture() {
    for (auto& each : actors)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }

  caf::strong_actor_ptr pointer(size_t i) const { return caf::actor_cast<caf::strong_actor_ptr>(actors[i]); }
  caf::actor_addr address(size_t i) const { return actors[i].address(); }

  /// The pause that has begun first is over.
  void pass() {
    auto act = std::move(delayed.front());
    delayed.pop_front();
    act();
  }

  /// Who has been told what since the last call: "0:a 1:a".
  std::string told() {
    std::string out;
    for (auto& [who, channel] : std::exchange(messages, {}))
      (out += out.empty() ? "" : " ") += std::to_string(who) + ":" + channel;
    return out;
  }

  caf::actor_system_config config;
  caf::actor_system sys{config};
  std::vector<caf::actor> actors;
  std::vector<std::pair<size_t, std::string>> messages;
  std::deque<std::function<void()>> delayed;
  notice_board board{[this](auto& listener, auto& channel) {
                       for (size_t i = 0; i < actors.size(); ++i)
                         if (listener == pointer(i))
                           messages.emplace_back(i, channel);
                     },
                     [this](auto, auto act) { delayed.push_back(std::move(act)); }};
};

} // namespace

BEGIN_FIXTURE_SCOPE(board_fixture)

SCENARIO("a notice reaches all listeners but the one that knows it") {
  GIVEN("three listeners") {
    WHEN("one of them has something to tell") {
      board.notify("a", address(1));
      THEN("the others are told") {
        CHECK_EQ(told(), "0:a 2:a");
      }
    }
    WHEN("somebody else has") {
      board.notify("b", {});
      THEN("all are told") {
        CHECK_EQ(told(), "0:b 1:b 2:b");
      }
    }
    WHEN("one of them has ended") {
      CHECK(board.remove(address(0)));
      CHECK(!board.remove(address(0)));
      board.notify("c", {});
      THEN("it is told nothing") {
        CHECK_EQ(told(), "1:c 2:c");
        CHECK(!board.contains(address(0)));
      }
    }
    WHEN("one listens again") {
      CHECK(board.add(pointer(1)) == notice_board::admission::known);
      board.notify("d", address(0));
      THEN("it is told once") {
        CHECK_EQ(told(), "1:d 2:d");
      }
    }
  }
}

SCENARIO("notices of a channel that follow each other quickly become one") {
  GIVEN("a notice") {
    board.notify("a", address(0));
    CHECK_EQ(told(), "1:a 2:a");
    WHEN("the pause passes without another one") {
      pass();
      THEN("nothing is left of it") {
        CHECK_EQ(told(), "");
        CHECK(delayed.empty());
        board.notify("a", address(0));
        CHECK_EQ(told(), "1:a 2:a");
      }
    }
    WHEN("the same listener tells it a hundred times") {
      pass();
      board.notify("a", address(0));
      told();
      for (auto i = 0; i < 100; ++i)
        board.notify("a", address(0));
      CHECK_EQ(told(), "");
      pass();
      THEN("the others are told once more") {
        CHECK_EQ(told(), "1:a 2:a");
        pass();
        CHECK_EQ(told(), "");
        CHECK(delayed.empty());
      }
    }
    WHEN("several listeners tell it") {
      while (!delayed.empty())
        pass();
      board.notify("a", {});
      told();
      board.notify("a", address(0));
      board.notify("a", address(1));
      pass();
      THEN("each of them is told, because one does not know of the other") {
        CHECK_EQ(told(), "0:a 1:a 2:a");
      }
    }
    WHEN("another channel has a notice") {
      board.notify("b", address(0));
      THEN("it does not wait") {
        CHECK_EQ(told(), "1:b 2:b");
      }
    }
  }
}

SCENARIO("nobody can make a board grow") {
  GIVEN("a peer that sends many names, and long ones") {
    WHEN("they come within a pause") {
      for (auto i = 0; i < 10'000; ++i)
        board.notify(std::to_string(i), address(0));
      THEN("only some are passed on") {
        CHECK_EQ(messages.size(), 2 * notice_board::max_channels);
        told();
        while (!delayed.empty())
          pass();
        board.notify(std::string(notice_board::max_name, 'x'), address(0));
        CHECK_EQ(messages.size(), 2u);
        told();
        board.notify(std::string(notice_board::max_name + 1, 'x'), address(0));
        CHECK_EQ(told(), "");
      }
    }
  }
}

END_FIXTURE_SCOPE()
