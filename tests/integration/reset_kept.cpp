// What COM_RESET_CONNECTION keeps, and what statements change without a sign in their text: the next user finds none of
// it.

#define CAF_SUITE reset.kept

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <functional>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

using statements = std::vector<statement>;

/// What may be left behind, and a statement that would notice it.
struct trace {
  const char* name;
  statements left;
  statement look;
};

const statement all_of_session = read("SELECT CURRENT_ROLE(), @@sql_mode, @@time_zone, @@tx_isolation,"
                                      " @@foreign_key_checks, @@sql_select_limit, @@character_set_client, @mine,"
                                      " DATABASE(), @@autocommit, @@max_statement_time, @@sql_log_bin, @@timestamp > 9,"
                                      " CONNECTION_ID() = @@pseudo_thread_id");

/// What a routine does, and a text that calls it without a sign that it changes anything.
statements calls(const char* routine) {
  return {read(std::string{"SELECT "} + routine + "()")};
}

const std::vector<trace>& traces() {
  static const std::vector<trace> all{
      {"a role", {write("SET ROLE boss")}, all_of_session},
      {"a role with a name to be quoted", {write("SET ROLE `we``ird role`")}, all_of_session},
      {"a role in a function", calls("f_role"), all_of_session},
      {"a role in a procedure", {write("CALL p_role()")}, all_of_session},
      {"a role in a procedure that a function calls", calls("f_calls_role"), all_of_session},
      {"a role in dynamic SQL", {write("CALL p_dynamic_role()")}, all_of_session},
      {"a role in a compound statement", {write("BEGIN NOT ATOMIC SET ROLE boss; END")}, all_of_session},
      {"a role in a trigger", {write("INSERT INTO watched VALUES (1)")}, all_of_session},
      {"a role in an idempotent write", {idempotent_write("INSERT INTO watched VALUES (1)")}, all_of_session},
      {"the SQL mode in a function", calls("f_mode"), read("SELECT @@sql_mode, ?", "back\\slash '")},
      {"the time zone in a function", calls("f_zone"), all_of_session},
      {"the isolation level in a function", calls("f_isolation"), all_of_session},
      {"checks of foreign keys in a function", calls("f_checks"), all_of_session},
      {"the character set in a function", calls("f_names"), all_of_session},
      {"a limit in a function", calls("f_limit"), all_of_session},
      {"a user variable in a function", calls("f_variable"), all_of_session},
      {"a temporary table in a function", calls("f_table"), read("SELECT COUNT(*) FROM left_behind")},
      {"a database in dynamic SQL", {write("CALL p_dynamic_use()")}, all_of_session},
      {"the number of the session",
       {write("SET pseudo_thread_id = 7777777")},
       read("SELECT CONNECTION_ID() > 7777776")},
      {"a time of its own", {write("SET timestamp = 5")}, all_of_session},
      {"no binary log", {write("SET SESSION sql_log_bin = 0, max_statement_time = 7")}, all_of_session},
      {"the next id", {write("SET insert_id = 77")}, read("SELECT @@insert_id")},
      {"a stage of a backup", {write("BACKUP STAGE START")}, write("BACKUP STAGE END")},
      {"a lock of a backup", {write("BACKUP LOCK watched")}, write("ALTER TABLE watched COMMENT = 'x'")},
      {"tables for export", {write("FLUSH TABLES watched FOR EXPORT")}, write("DELETE FROM watched")},
  };
  return all;
}

std::string text_of(const answer<result>& x) {
  if (!x)
    return to_string(x.error().code) + ' ' + std::to_string(x.error().number);
  std::string text;
  for (auto row : *x)
    for (size_t i = 0; i < row.size(); ++i)
      text += " | " + (row.is_null(i) ? "NULL" : std::string{row.text(i)});
  return text;
}

struct fixture : pool_fixture {
  pool_actor pool = start();
  session_user user{system(), pool};

  pool_actor start() {
    for (auto sql :
         {"CREATE ROLE boss", "CREATE ROLE `we``ird role`", "GRANT boss TO CURRENT_USER",
          "GRANT `we``ird role` TO CURRENT_USER", "CREATE TABLE watched (a INT)",
          "CREATE TABLE rows_of (a INT PRIMARY KEY) AS SELECT 5 AS a", "CREATE PROCEDURE p_role() SET ROLE boss",
          "CREATE PROCEDURE p_dynamic_role() EXECUTE IMMEDIATE 'SET ROLE boss'",
          "CREATE PROCEDURE p_dynamic_use() EXECUTE IMMEDIATE 'USE mysql'",
          "CREATE TRIGGER watching BEFORE INSERT ON watched FOR EACH ROW SET ROLE boss"})
      must(admin(), write(sql));
    function("f_role", "SET ROLE boss");
    function("f_calls_role", "CALL p_role()");
    function("f_mode", "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
    function("f_zone", "SET time_zone = '+05:00'");
    function("f_isolation", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    function("f_checks", "SET foreign_key_checks = 0");
    function("f_names", "SET NAMES latin1");
    function("f_limit", "SET sql_select_limit = 0");
    function("f_variable", "SET @mine = 1");
    function("f_table", "CREATE TEMPORARY TABLE left_behind (a INT)");
    function("f_fails", "SET ROLE boss; SIGNAL SQLSTATE '45000'");
    return start_full_pool(server.settings(), rules_for(1));
  }

  void function(const std::string& name, const std::string& body) {
    must(admin(),
         write("CREATE FUNCTION " + name + "() RETURNS INT MODIFIES SQL DATA BEGIN " + body + "; RETURN 1; END"));
  }

  /// Whether the next user finds what a fresh connection has.
  void check_all(const std::function<void(const statements&)>& leave) {
    for (auto& x : traces()) {
      MESSAGE(x.name);
      auto before = text_of(run(pool, x.look));
      auto connects = status(pool).connects;
      leave(x.left);
      CHECK_EQ(text_of(run(pool, x.look)), before);
      CHECK_EQ(status(pool).connects, connects);
    }
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a session leaves nothing to the next user that a reset would keep") {
  GIVEN("a pool of one connection") {
    WHEN("a session leaves something and is checked in") {
      THEN("the next user of the same connection does not find it") {
        check_all([this](const statements& all) {
          auto id = user.checkout();
          for (auto& x : all)
            user.must(id, x);
          user.checkin(id);
        });
      }
    }
  }
}

SCENARIO("statements leave nothing to the next user though their text does not show what they do") {
  GIVEN("a pool of one connection") {
    WHEN("statements leave something") {
      THEN("the next user of the same connection does not find it") {
        check_all([this](const statements& all) {
          for (auto& x : all)
            must(pool, x);
        });
      }
    }
  }
}

SCENARIO("a statement that fails leaves nothing to the next user either") {
  GIVEN("a function that changes the session and fails") {
    WHEN("a read, a write, a transaction and a session call it") {
      auto before = text_of(run(pool, all_of_session));
      std::vector<std::string> after;
      auto look = [&] { after.push_back(text_of(run(pool, all_of_session))); };
      CHECK(!run(pool, read("SELECT f_fails()")).has_value());
      look();
      CHECK(!run(pool, write("INSERT INTO rows_of VALUES (f_fails())")).has_value());
      look();
      CHECK(!run(pool, all_or_nothing(read("SELECT 1"), read("SELECT f_fails()"))).has_value());
      look();
      auto id = user.checkout();
      CHECK(!user.run(id, read("SELECT f_fails()")).has_value());
      user.checkin(id);
      look();
      THEN("the next user does not find it, on the same connection") {
        CHECK_EQ(after, std::vector<std::string>(4, before));
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("transactions leave nothing to the next user though their text does not show what they do") {
  GIVEN("a pool of one connection") {
    WHEN("transactions call such functions, in one round trip or step by step") {
      auto before = text_of(run(pool, all_of_session));
      CHECK(run(pool, all_or_nothing(read("SELECT f_role()"), read("SELECT f_zone()"))).has_value());
      auto after_one = text_of(run(pool, all_of_session));
      CHECK(run(pool, all_or_nothing(read("SELECT f_role() /* alone */"), read("SELECT f_zone()"))).has_value());
      auto after_steps = text_of(run(pool, all_of_session));
      THEN("the next user does not find it") {
        CHECK_EQ(after_one, before);
        CHECK_EQ(after_steps, before);
      }
    }
  }
}

SCENARIO("every user has the role of the login") {
  GIVEN("a user with a default role, and a pool whose init_command sets another one") {
    must(admin(), write("CREATE USER ada@'%' IDENTIFIED BY 'a password'"));
    for (auto sql : {"GRANT boss TO ada@'%'", "GRANT `we``ird role` TO ada@'%'", "GRANT SELECT ON cenote.* TO boss",
                     "GRANT SELECT ON cenote.* TO ada@'%'", "SET DEFAULT ROLE `we``ird role` FOR ada@'%'"})
      must(admin(), write(sql));
    auto target = server.settings();
    target.user = "ada";
    target.password = secret{"a password"};
    auto with_default = start_full_pool(target, rules_for(1));
    target.init_command = "SET ROLE boss";
    auto with_command = start_full_pool(target, rules_for(1));
    WHEN("statements and sessions change it") {
      std::vector<std::string> seen;
      for (auto& on : {with_default, with_command}) {
        auto look = [&] { seen.push_back(text_of(run(on, read("SELECT CURRENT_ROLE()")))); };
        look();
        must(on, write("SET ROLE NONE"));
        look();
        session_user other{system(), on};
        auto id = other.checkout();
        other.must(id, write("SET ROLE NONE"));
        CHECK_EQ(text_of(other.run(id, read("SELECT CURRENT_ROLE()"))), " | NULL");
        other.checkin(id);
        look();
      }
      THEN("the next one has the first one again") {
        CHECK_EQ(seen, std::vector<std::string>(
                           {" | we`ird role", " | we`ird role", " | we`ird role", " | boss", " | boss", " | boss"}));
        CHECK_EQ(status(with_default).connects, 1u);
        CHECK_EQ(status(with_command).connects, 1u);
      }
    }
  }
}

SCENARIO("plain statements need no reset") {
  GIVEN("a pool of one that does not ping") {
    auto rules = rules_for(1);
    rules.pre_ping = false;
    rules.keepalive = std::chrono::seconds{0};
    auto quiet = start_full_pool(server.settings(), rules);
    auto before = counter("Com_admin_commands");
    WHEN("it runs reads, writes, a transaction, and a statement with wrong syntax") {
      must(quiet, write("DELETE FROM watched"));
      must(quiet, read("SELECT * FROM rows_of"));
      must(quiet, idempotent_write("UPDATE rows_of SET a = 6"));
      CHECK(run(quiet, all_or_nothing(write("UPDATE rows_of SET a = 7"), read("SELECT * FROM rows_of"))).has_value());
      CHECK(!run(quiet, write("SELECT FROM")).has_value());
      must(quiet, write("ALTER TABLE rows_of COMMENT = 'changed'"));
      must(quiet, read("SELECT 1"));
      auto after = counter("Com_admin_commands");
      THEN("nothing is reset") {
        CHECK_EQ(after, before);
        must(quiet, write("SET @a = 1"));
        CHECK_EQ(counter("Com_admin_commands"), before + 1);
      }
    }
  }
}

SCENARIO("the texts of one user's statements are not shown to the next") {
  GIVEN("a pool of one connection") {
    WHEN("a user profiles its statements") {
      auto id = user.checkout();
      user.must(id, write("SET profiling = 1"));
      user.must(id, read("SELECT 'a secret'"));
      user.checkin(id);
      auto rows = run(pool, read("SHOW PROFILES"));
      THEN("the connection is replaced, because a reset keeps them") {
        CHECK_EQ(text_of(rows), "");
        CHECK_EQ(await_free(pool, 1).connects, 2u);
      }
    }
  }
}

END_FIXTURE_SCOPE()
