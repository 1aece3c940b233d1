#define CAF_SUITE actors.budget_agent

#include "actors/budget_agent.hpp"
#include "actors/budget_table.hpp"
#include "cenote/configuration.hpp"
#include "support/virtual_time.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A row of the table, as the server sends it.
struct row_of {
  std::string id;
  uint64_t granted;
  int64_t left; ///< Microseconds.
};

result rows_of(const std::vector<row_of>& rows) {
  result_builder builder;
  std::vector<column> columns;
  for (auto name : {"id", "budget", "granted", "held", "wanted", "left"})
    columns.push_back({name, std::string{name} == "id" ? column_type::text : column_type::integer});
  builder.columns(std::move(columns));
  for (auto& [id, granted, left] : rows) {
    builder.add(id);
    for (auto number : {uint64_t{20}, granted, granted, uint64_t{1}})
      builder.add(std::to_string(number));
    builder.add(std::to_string(left));
  }
  return builder.finish();
}

/// What a pool does for its budget agent.
class pool_for_agent : public virtual_time {
public:
  pool_for_agent() {
    pool = sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {
          [this](budget_atom, uint64_t connections) {
            share = connections;
            return report;
          },
          [this](budget_atom, const session_options&) -> caf::result<session_id> {
            hear("checkout");
            if (!has_connection)
              return make_error(make_failure(errc::acquire_timeout, outcome::unavailable));
            return session_id{7};
          },
          [this](begin_atom, session_id, const transaction_options&) { hear("begin"); },
          [this](commit_atom, session_id) { hear("commit"); },
          [this](checkin_atom, session_id) { hear("checkin"); },
          [this](execute_atom, session_id, const statement& query) -> caf::result<result> {
            auto word = query.sql.substr(0, query.sql.find(' '));
            auto is_rest = query.sql.find("VALUES ('', ") != query.sql.npos;
            hear(is_rest ? "REST" : word);
            if (word == "CREATE")
              is_missing = false;
            if (is_missing && word == "SELECT") {
              auto reason = make_failure(errc::server_error, outcome::rejected, "no such table");
              reason.number = 1146;
              return make_error(reason);
            }
            if (is_refused && word == "SELECT")
              return make_error(make_failure(errc::server_error, outcome::rejected, "denied"));
            return word == "SELECT" ? rows_of(rows) : result{};
          },
      };
    });
    pool_settings rules;
    rules.budget.connections = 20;
    spawn_budget_agent(sys, caf::actor_cast<internal_pool_actor>(pool), rules, std::nullopt);
    settle();
  }

  ~pool_for_agent() override { end(); }

  /// Ends the pool; the agent follows.
  void end() {
    if (pool)
      kill(pool);
    pool = nullptr;
    settle();
  }

  void hear(const std::string& event) { text += (text.empty() ? "" : " ") + event; }
  std::string heard() { return std::exchange(text, {}); }

  caf::actor pool;
  budget_report report{1, 0};
  bool has_connection = true;
  bool is_missing = false;
  bool is_refused = false;
  std::vector<row_of> rows{{"", 0, -1}, {"other", 8, 10'000'000}};
  uint64_t share = 0;
  std::string text;
};

} // namespace

SCENARIO("an agent agrees in one transaction, three times per lease") {
  GIVEN("a pool whose budget is shared with another one") {
    pool_for_agent x;
    auto first = x.heard();
    WHEN("time passes") {
      auto granted = x.share;
      x.pass(4s);
      auto early = x.heard();
      x.pass(1500ms);
      THEN("it has written its row, told the pool, and does it again after 5 s") {
        CHECK_EQ(first, "checkout SET begin SELECT INSERT commit checkin");
        CHECK_EQ(granted, 9u);
        CHECK_EQ(early, "");
        CHECK_EQ(x.heard(), "checkout SET begin SELECT INSERT commit checkin");
      }
    }
  }
}

SCENARIO("an agent asks again at once when callers wait, and removes rows whose time is up") {
  GIVEN("a pool that has agreed") {
    pool_for_agent x;
    x.heard();
    WHEN("callers wait, and the other process has vanished") {
      x.report = {9, 30};
      x.rows[1].left = -1;
      x.pass(600ms);
      THEN("it takes what is free") {
        CHECK_EQ(x.heard(), "checkout SET begin SELECT INSERT DELETE commit checkin");
        CHECK_EQ(x.share, 15u); // Its size and overflow.
      }
    }
  }
}

SCENARIO("an agent creates the table, and nobody takes anything from it before all have written to it") {
  GIVEN("a pool whose agent has agreed once") {
    pool_for_agent x;
    x.heard();
    WHEN("the table is gone") {
      x.is_missing = true;
      x.rows.clear();
      x.report = {9, 30};
      x.pass(600ms);
      THEN("it is created, with its first row, and the share remains") {
        CHECK_EQ(x.heard(), "checkout SET begin SELECT checkin checkout SET CREATE begin SELECT REST INSERT commit "
                            "checkin");
        CHECK_EQ(x.share, 9u);
      }
    }
  }
}

SCENARIO("an agent whose table is refused leaves the pool what it has") {
  GIVEN("a pool that has five connections of nine") {
    pool_for_agent x;
    x.report = {5, 2};
    x.is_refused = true;
    WHEN("its lease ends, and the server is lost then") {
      x.pass(11s);
      auto before = x.share;
      x.pass(10s);
      auto refused = x.share;
      x.has_connection = false;
      x.pass(5s);
      auto lost = x.share;
      x.has_connection = true;
      x.is_refused = false;
      x.heard();
      x.pass(5s);
      THEN("it keeps them, then goes down to one, and comes back when all have had time for the same") {
        CHECK_EQ(before, 9u);
        CHECK_EQ(refused, 5u);
        CHECK_EQ(lost, 1u);
        CHECK_NE(x.heard().find("checkout SET begin SELECT REST INSERT commit checkin"), std::string::npos);
        CHECK_EQ(x.share, 9u);
      }
    }
  }
}

SCENARIO("an agent ends with its pool and does not keep it") {
  GIVEN("a pool with an agent") {
    pool_for_agent x;
    WHEN("the pool ends") {
      auto references = caf::actor_cast<caf::strong_actor_ptr>(x.pool)->strong_refs.load();
      auto before = x.sys.registry().running();
      x.end();
      THEN("only the test had references to it, and both have ended") {
        CHECK_EQ(references, 2u);
        CHECK_EQ(before - x.sys.registry().running(), 2u);
      }
    }
  }
}

SCENARIO("the name of the table is checked") {
  GIVEN("names") {
    WHEN("tables are made of them") {
      THEN("those that are names are quoted, others refused") {
        CHECK_EQ(budget_table{"cenote_node"}.name(), "`cenote_node`");
        CHECK_EQ(budget_table{"shared.cenote-node"}.name(), "`shared`.`cenote-node`");
        for (auto wrong : {"", ".", "a.", ".a", "a.b.c", "a b", "a`b", "a;b"})
          CHECK_THROWS_AS(budget_table{wrong}, configuration_error);
      }
    }
  }
}
