#define CAF_SUITE pool.error_table

#include "pool/error_table.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;

namespace {

using numbers = std::vector<uint32_t>;

// -- what an error may mean --------------------------------------------------------

constexpr verdict no_connect{errc::connect_failed, outcome::unavailable, fate::lost};
constexpr verdict full{errc::server_full, outcome::unavailable, fate::lost};
constexpr verdict no_primary{errc::read_only_server, outcome::unavailable, fate::lost};
constexpr verdict no_login{errc::login_refused, outcome::rejected, fate::lost};
constexpr verdict unsent{errc::connection_lost_unsent, outcome::not_sent, fate::lost};
constexpr verdict lost{errc::connection_lost, outcome::unknown, fate::lost};
constexpr verdict too_large{errc::invalid_statement, outcome::rejected, fate::broken};
constexpr verdict deadlock{errc::deadlock, outcome::rolled_back, fate::reusable};
constexpr verdict conflict{errc::conflict, outcome::rolled_back, fate::reusable};
constexpr verdict lock_wait{errc::lock_wait, outcome::rolled_back, fate::reusable};
constexpr verdict read_only{errc::read_only_server, outcome::unavailable, fate::demoted};
constexpr verdict read_only_transaction{errc::read_only_server, outcome::rejected, fate::reusable};
constexpr verdict interrupted{errc::interrupted, outcome::rejected, fate::reusable};
constexpr verdict refused{errc::server_error, outcome::rejected, fate::reusable};
constexpr verdict commit_failed{errc::server_error, outcome::unknown, fate::reusable};
constexpr verdict our_defect{errc::internal, outcome::unknown, fate::broken};

// -- the classes of numbers --------------------------------------------------------

const numbers connect_numbers{2001, 2002, 2003, 2004, 2005, 2012, 5001};
const numbers full_numbers{1040, 1203, 1226, 1135, 1041, 1037};
const numbers login_numbers{1045, 1044, 1049, 1698, 1820, 1862, 4151, 2059, 2061, 2049, 5010, 1251, 1524, 1129, 1130};
const numbers gone_numbers{2006, 5014};
const numbers lost_numbers{2013, 2055, 2026, 5013, 2027, 5015, 1927, 1053, 1080, 1152,
                           1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184};

/// What all of them mean, checked one by one.
void check_all(const numbers& xs, stage when, const verdict& wanted, bool is_mariadb = true) {
  for (auto number : xs) {
    auto found = judge({number, when, "some text", is_mariadb});
    if (found != wanted)
      CAF_ERROR("number " << number << " means " << to_string(found.code) << ", " << to_string(found.what));
  }
  CHECK(!xs.empty());
}

} // namespace

SCENARIO("a connect fails because the server is not there, is full or read-only, or refuses the login") {
  GIVEN("the numbers that a connect can fail with") {
    WHEN("a connect fails") {
      THEN("nothing has run, and only faults of configuration are final") {
        check_all(connect_numbers, stage::connecting, no_connect);
        check_all(full_numbers, stage::connecting, full);
        check_all({1836}, stage::connecting, no_primary);
        CHECK(judge({1290, stage::connecting, "the --read-only option"}) == no_primary);
        check_all(gone_numbers, stage::connecting, no_connect);
        check_all(lost_numbers, stage::connecting, no_connect);
        check_all(login_numbers, stage::connecting, no_login);
      }
    }
  }
}

SCENARIO("a set-up query that fails is a failed connect, too") {
  GIVEN("numbers that no server sends at login") {
    WHEN("they come while connecting") {
      THEN("the connect has failed, and may be tried again") {
        check_all({0, 1047, 1064, 1193, 1205, 1213, 1231, 1290, 1317, 2014, 4031, 65000}, stage::connecting,
                  no_connect);
        CHECK(judge({1792, stage::connecting, "Cannot execute statement in a READ ONLY transaction"}) == no_connect);
      }
    }
  }
}

SCENARIO("a connection that was gone before the statement was sent leaves no doubt") {
  GIVEN("the numbers that mean gone") {
    WHEN("they are seen before or after sending") {
      THEN("the statement has not run: these numbers say so themselves") {
        check_all(gone_numbers, stage::unsent, unsent);
        check_all(gone_numbers, stage::sent, unsent);
      }
    }
  }
}

SCENARIO("a connection lost after the statement was sent leaves its fate unknown") {
  GIVEN("the numbers that mean lost") {
    WHEN("they are seen after sending") {
      THEN("the statement may have run") {
        check_all(lost_numbers, stage::sent, lost);
        check_all(connect_numbers, stage::sent, lost);
      }
    }
  }
}

SCENARIO("a connection lost before the statement was sent leaves no doubt") {
  GIVEN("the numbers that mean lost") {
    WHEN("they are seen before sending") {
      THEN("the statement has not run") {
        check_all(lost_numbers, stage::unsent, unsent);
        check_all(connect_numbers, stage::unsent, unsent);
      }
    }
  }
}

SCENARIO("a Galera node that is not ready has not run the statement, and is left") {
  GIVEN("error 1047") {
    WHEN("it comes before and after sending") {
      THEN("the statement has not run, and another connection is needed") {
        CHECK(judge({1047, stage::unsent, "WSREP has not yet prepared node"}) == unsent);
        CHECK(judge({1047, stage::sent, "WSREP has not yet prepared node"}) == unsent);
      }
    }
  }
}

SCENARIO("a statement that is too large is never repeated, and says nothing about other connections") {
  GIVEN("the numbers that mean too large") {
    WHEN("they are seen") {
      THEN("the statement is invalid and its connection is given up") {
        check_all({1153, 2020}, stage::sent, too_large);
        check_all({1153, 2020}, stage::unsent, too_large);
      }
    }
  }
}

SCENARIO("what the server rolled back may be repeated on the same connection") {
  GIVEN("deadlocks, conflicts and lock waits") {
    WHEN("they come") {
      THEN("each has its code, and the connection stays") {
        check_all({1213, 1614, 1402, 1613}, stage::sent, deadlock);
        check_all({1020}, stage::sent, conflict);
        check_all({1205}, stage::sent, lock_wait);
      }
    }
  }
}

SCENARIO("a server that has become read-only is left") {
  GIVEN("the number that means read-only") {
    WHEN("it comes") {
      THEN("the statement is refused and all connections to that server are given up, to find the primary") {
        check_all({1836}, stage::sent, read_only);
        check_all({1836}, stage::unsent, read_only);
      }
    }
  }
}

SCENARIO("a transaction that was declared read-only says nothing about the server") {
  GIVEN("error 1792") {
    WHEN("it comes for a statement and for a commit") {
      THEN("the statement is refused and the connection stays") {
        check_all({1792}, stage::sent, read_only_transaction);
        CHECK_EQ(judge({1792, stage::committing, {}}).connection, fate::reusable);
      }
    }
  }
}

SCENARIO("error 1290 means read-only only if its text says so") {
  GIVEN("1290 with different texts") {
    auto judged = [](std::string_view text) { return judge({1290, stage::sent, text}); };
    WHEN("the text names the option read-only or read_only, another option, or nothing") {
      THEN("only the first two mean a read-only server") {
        CHECK(judged("The MariaDB server is running with the --read-only option so it cannot execute this statement")
              == read_only);
        CHECK(judged("The MySQL server is running with the --super_read_only option") == read_only);
        CHECK(judged("The MariaDB server is running with the --secure-file-priv option so it cannot execute this")
              == refused);
        CHECK(judged("") == refused);
      }
    }
  }
}

SCENARIO("a statement that somebody stopped is not repeated, and the connection stays") {
  GIVEN("1317") {
    WHEN("it comes from either server") {
      THEN("the statement was interrupted") {
        check_all({1317}, stage::sent, interrupted, true);
        check_all({1317}, stage::sent, interrupted, false);
      }
    }
  }
}

SCENARIO("numbers that MariaDB and MySQL use differently are told apart") {
  GIVEN("1969, 3024 and 4031") {
    WHEN("they come from MariaDB and from MySQL") {
      THEN("each means what that server means by it") {
        CHECK(judge({1969, stage::sent, {}, true}) == interrupted);
        CHECK(judge({1969, stage::sent, {}, false}) == refused);
        CHECK(judge({3024, stage::sent, {}, true}) == refused);
        CHECK(judge({3024, stage::sent, {}, false}) == interrupted);
        CHECK(judge({4031, stage::sent, {}, true}) == refused);
        CHECK(judge({4031, stage::sent, {}, false}) == lost);
        CHECK(judge({4031, stage::unsent, {}, false}) == unsent);
      }
    }
  }
}

SCENARIO("all other numbers mean the same on MariaDB and MySQL") {
  GIVEN("every number up to 6000 but those three") {
    WHEN("it comes from MariaDB and from MySQL, at each stage") {
      numbers different;
      for (uint32_t number = 0; number <= 6000; ++number)
        for (auto when : {stage::connecting, stage::unsent, stage::sent, stage::committing})
          if (judge({number, when, {}, true}) != judge({number, when, {}, false}))
            different.push_back(number);
      THEN("nothing differs") {
        CHECK_EQ(different, numbers({1969, 1969, 1969, 3024, 3024, 3024, 4031, 4031, 4031}));
      }
    }
  }
}

SCENARIO("a commit that failed on the server leaves the fate of the statement unknown") {
  GIVEN("error 1180") {
    WHEN("it comes") {
      THEN("the statement may have run, and the connection stays") {
        CHECK(judge({1180, stage::sent, "Got error 5 during COMMIT"}) == commit_failed);
      }
    }
  }
}

SCENARIO("of a commit that was sent only two things can be known: that it was undone, or nothing") {
  GIVEN("every number that is known") {
    struct row {
      numbers which;
      verdict wanted;
    };
    const std::vector<row> table{
        {gone_numbers, {errc::connection_lost_unsent, outcome::rolled_back, fate::lost}},
        {{1047}, {errc::connection_lost_unsent, outcome::rolled_back, fate::lost}},
        {lost_numbers, {errc::connection_lost, outcome::unknown, fate::lost}},
        {connect_numbers, {errc::connection_lost, outcome::unknown, fate::lost}},
        {{1213, 1614, 1402, 1613}, deadlock},
        {{1020}, conflict},
        {{1205}, lock_wait},
        {{1836}, {errc::read_only_server, outcome::unknown, fate::demoted}},
        {{1792}, {errc::read_only_server, outcome::unknown, fate::reusable}},
        {{1153, 2020}, {errc::invalid_statement, outcome::unknown, fate::broken}},
        {{1317, 1969}, {errc::interrupted, outcome::unknown, fate::reusable}},
        {{1180}, commit_failed},
        {{2014, 2000, 2034, 2035, 2036}, our_defect},
        {{0, 1064, 1062, 65000}, {errc::server_error, outcome::unknown, fate::reusable}},
        {full_numbers, {errc::server_error, outcome::unknown, fate::reusable}},
        {login_numbers, {errc::server_error, outcome::unknown, fate::reusable}},
    };
    WHEN("a commit fails with it") {
      THEN("code, outcome and connection are those of the table") {
        for (auto& x : table)
          check_all(x.which, stage::committing, x.wanted);
      }
    }
  }
}

SCENARIO("an error that only a defect of ours can cause discards the connection") {
  GIVEN("the numbers of wrong use of the library") {
    WHEN("they are seen") {
      THEN("the error is internal") {
        check_all({2014, 2000, 2034, 2035, 2036}, stage::sent, our_defect);
      }
    }
  }
}

SCENARIO("everything else is a refusal by the server that repeating does not change") {
  GIVEN(
      "syntax, duplicate key, missing table, wrong value, SIGNAL, privileges, limits, handles, and an unknown number") {
    WHEN("they come for a statement") {
      THEN("the statement is rejected and the connection stays") {
        check_all({1064, 1062, 1146, 1366, 1644, 1142, 1243, 1615, 2056, 2030, 2057, 65000}, stage::sent, refused);
        // The server sends these after login, too: no privilege for a database, no memory, too many statements an hour.
        check_all({1044, 1045, 1049}, stage::sent, refused);
        check_all(full_numbers, stage::sent, refused);
      }
    }
  }
}

SCENARIO("the table knows exactly the numbers above") {
  GIVEN("every number up to 6000") {
    WHEN("it comes for a statement from either server") {
      numbers known;
      for (uint32_t number = 0; number <= 6000; ++number)
        if (judge({number, stage::sent, "read-only", true}) != refused
            || judge({number, stage::sent, "read-only", false}) != refused
            || judge({number, stage::connecting, "read-only", true}) != no_connect)
          known.push_back(number);
      THEN("no other number means anything particular") {
        numbers expected{1047, 1153, 2020, 1213, 1614, 1402, 1613, 1020, 1205, 1792, 1836,
                         1290, 1317, 1969, 3024, 4031, 1180, 2014, 2000, 2034, 2035, 2036};
        for (auto xs : {&connect_numbers, &full_numbers, &login_numbers, &gone_numbers, &lost_numbers})
          expected.insert(expected.end(), xs->begin(), xs->end());
        std::ranges::sort(expected);
        CHECK_EQ(known, expected);
      }
    }
  }
}
