// Connects that only people can mend.

#define CAF_SUITE truth.set_up

#include "support/pool_fixture.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  /// How a statement fails with these settings. It must not have waited for the pool's timeout.
  failure refusal(const server_settings& target) {
    stopwatch time;
    auto came = run(start_pool(target, pool_settings{}), read("SELECT 1"));
    if (came)
      throw std::runtime_error{"the connect has succeeded"};
    CHECK_LT(time.elapsed(), 10s);
    MESSAGE(to_string(came.error()));
    return came.error();
  }

  void check(const server_settings& target, uint32_t number, const std::string& part) {
    auto error = refusal(target);
    CHECK_EQ(to_string(error.code), "login_refused");
    CHECK_EQ(to_string(error.outcome), "rejected");
    CHECK_EQ(error.number, number);
    CHECK_NE(error.text.find(part), std::string::npos);
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a set-up that the server refuses fails every caller at once") {
  GIVEN("settings that the server does not accept") {
    WHEN("a statement is sent") {
      THEN("the failure says what to change") {
        auto with = [this](std::string server_settings::*member, const char* text) {
          auto result = server.settings();
          result.*member = text;
          return result;
        };
        check(with(&server_settings::init_command, "SET nonsense = 1"), 1193, "correct init_command");
        check(with(&server_settings::init_command, "no SQL"), 1064, "correct init_command");
        check(with(&server_settings::init_command, "CALL missing()"), 1305, "correct init_command");
        check(with(&server_settings::init_command, "SIGNAL SQLSTATE '45000'"), 1644, "correct init_command");
        check(with(&server_settings::sql_mode, "NONSENSE"), 1231, "sql_mode");
      }
    }
  }
}

SCENARIO("an account that cannot be used fails every caller at once") {
  GIVEN("an account") {
    auto target = plain_user("bato", "the password");
    WHEN("it is locked, its password has expired, or TLS is required of it") {
      THEN("the failure says so") {
        must(admin(), write("ALTER USER bato@'%' ACCOUNT LOCK"));
        check(target, 4151, "unlock");
        must(admin(), write("ALTER USER bato@'%' ACCOUNT UNLOCK PASSWORD EXPIRE"));
        must(admin(), write("SET GLOBAL disconnect_on_expired_password = ON"));
        check(target, 1862, "password");
        must(admin(), write("SET GLOBAL disconnect_on_expired_password = OFF"));
        check(target, 1820, "password");
        must(admin(), write("ALTER USER bato@'%' IDENTIFIED BY 'the password' REQUIRE SSL PASSWORD EXPIRE NEVER"));
        check(target, 1045, "password");
      }
    }
  }
}

END_FIXTURE_SCOPE()
