#define CAF_SUITE pool.error_table

#include "pool/error_table.hpp"

#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;

namespace {

using numbers = std::vector<uint32_t>;

// -- what an error may mean --------------------------------------------------------

constexpr classification no_connect{errc::connect_failed, outcome::unavailable, disposition::lost};
constexpr classification full{errc::server_full, outcome::unavailable, disposition::lost};
constexpr classification no_primary{errc::read_only_server, outcome::unavailable, disposition::lost};
constexpr classification no_login{errc::login_refused, outcome::rejected, disposition::lost};
constexpr classification unsent{errc::connection_lost_unsent, outcome::not_sent, disposition::lost};
constexpr classification lost{errc::connection_lost, outcome::unknown, disposition::lost};
constexpr classification too_large{errc::invalid_statement, outcome::rejected, disposition::broken};
constexpr classification deadlock{errc::deadlock, outcome::rolled_back, disposition::reusable};
constexpr classification conflict{errc::conflict, outcome::rolled_back, disposition::reusable};
constexpr classification lock_wait{errc::lock_wait, outcome::rolled_back, disposition::reusable};
constexpr classification read_only{errc::read_only_server, outcome::unavailable, disposition::demoted};
constexpr classification read_only_transaction{errc::read_only_server, outcome::rejected, disposition::reusable};
constexpr classification interrupted{errc::interrupted, outcome::rejected, disposition::reusable};
constexpr classification refused{errc::server_error, outcome::rejected, disposition::reusable};
constexpr classification commit_failed{errc::server_error, outcome::unknown, disposition::reusable};
constexpr classification our_defect{errc::internal, outcome::unknown, disposition::broken};

// -- the classes of numbers --------------------------------------------------------

const numbers connect_numbers{1042, 1043, 2001, 2002, 2003, 2004, 2005, 2012, 2015, 2016, 2017, 2018, 2037,
                              2038, 2039, 2040, 2041, 2042, 2043, 2044, 2045, 2046, 2070, 3032, 5001};
const numbers full_numbers{1040, 1203, 1226, 1135, 1041, 1037};
const numbers login_numbers{1044, 1045, 1049, 1129, 1130, 1131, 1227, 1251, 1275, 1524, 1698, 1699, 1820, 1862, 1873,
                            2007, 2009, 2019, 2047, 2049, 2054, 2059, 2061, 2062, 2063, 2064, 2065, 2066, 2067, 2069,
                            2072, 2074, 2075, 3118, 3159, 3955, 4150, 4151, 5004, 5005, 5008, 5009, 5010, 5011, 5012};
const numbers gone_numbers{2006, 5014};
const numbers lost_numbers{1053, 1077, 1079, 1080, 1152, 1154, 1155, 1156, 1157, 1158, 1159,
                           1160, 1161, 1184, 1927, 2013, 2026, 2027, 2055, 5013, 5015, 5026};
const numbers deadlock_numbers{1213, 1402, 1613, 1614};
const numbers lock_numbers{1205, 1689};
const numbers read_only_numbers{1836, 1874};
const numbers interrupted_numbers{1028, 1317};
const numbers commit_numbers{1026, 1180, 1181, 1534, 1598};
const numbers defect_numbers{2000, 2014, 2028, 2029, 2031, 2033, 2034, 2035, 2036, 2048, 2050,
                             2051, 2052, 2053, 2058, 2060, 2071, 2073, 5000, 5002, 5003, 5006,
                             5007, 5016, 5017, 5018, 5019, 5020, 5021, 5022, 5023, 5024};

/// What all of them mean, checked one by one.
void check_all(const numbers& xs, stage when, const classification& wanted, bool is_mariadb = true) {
  for (auto number : xs) {
    auto found = classify({number, when, "some text", is_mariadb});
    if (found != wanted)
      CAF_ERROR("number " << number << " means " << to_string(found.code) << ", " << to_string(found.outcome));
  }
  CHECK(!xs.empty());
}

} // namespace

SCENARIO("a connect fails because the server is not there, is full or read-only, or refuses the login") {
  GIVEN("the numbers that a connect can fail with") {
    WHEN("a connect fails") {
      THEN("nothing has run, and only faults of configuration are final") {
        for (auto when : {stage::connecting, stage::setting_up}) {
          check_all(connect_numbers, when, no_connect);
          check_all(full_numbers, when, full);
          check_all(read_only_numbers, when, no_primary);
          CHECK(classify({1290, when, "the --read-only option"}) == no_primary);
          check_all(gone_numbers, when, no_connect);
          check_all(lost_numbers, when, no_connect);
          check_all(login_numbers, when, no_login);
        }
      }
    }
  }
}

SCENARIO("a certificate that does not fit is a fault of configuration, a TLS connection that breaks is not") {
  GIVEN("error 2026 while connecting, with different texts") {
    auto classified = [](std::string_view text) { return classify({2026, stage::connecting, text}); };
    WHEN("the text is about certificates or files, or about the network") {
      THEN("only the first is final") {
        CHECK(classified("TLS/SSL error: certificate verify failed") == no_login);
        CHECK(classified("Certificate verification failure: The certificate is NOT trusted.") == no_login);
        CHECK(classified("TLS is required, but the server does not offer it") == no_login);
        CHECK(classified("cannot read /etc/ca.pem: No such file or directory") == no_login);
        CHECK(classified("TLS/SSL error: Connection reset by peer (104)") == no_connect);
        CHECK(classified("TLS/SSL error: unexpected eof while reading") == no_connect);
        CHECK(classify({2026, stage::sent, "TLS/SSL error: bad certificate"}) == lost);
      }
    }
  }
}

SCENARIO("a set-up statement that the server refuses is a fault of configuration") {
  GIVEN("numbers that no server sends at login") {
    WHEN("they come for a set-up statement, init_command included") {
      THEN("the login is refused, unless somebody stood in the way, or the server had problems of its own") {
        check_all({1064, 1115, 1142, 1146, 1193, 1231, 1232, 1238, 1273, 1290, 1298, 1305, 1621, 1644, 1792, 65000},
                  stage::setting_up, no_login);
        check_all({0, 1020, 1047, 1180, 1205, 1213, 1317, 1969, 2014, 1021, 1030, 1105, 1114, 9001}, stage::setting_up,
                  no_connect);
        CHECK(classify({1792, stage::setting_up, "Cannot execute statement in a READ ONLY transaction"}) == no_login);
      }
    }
    WHEN("they come while connecting") {
      THEN("the connect has failed, and may be tried again") {
        check_all({0, 1047, 1193, 1205, 1213, 1231, 1290, 1317, 2014, 4031, 65000}, stage::connecting, no_connect);
      }
    }
  }
}

SCENARIO("a number that the table does not know is classified by its sqlstate") {
  GIVEN("an unknown number with sqlstates") {
    auto classified = [](std::string_view sqlstate, stage when) { return classify({65000, when, {}, true, sqlstate}); };
    WHEN("it comes for a statement, a connect, the set-up and a commit") {
      THEN("the class of the sqlstate decides") {
        struct row {
          std::string_view sqlstate;
          classification statement;
          classification connect;
          classification set_up;
        };
        const row table[] = {
            {"08S01", lost, no_connect, no_connect},
            {"08004", lost, no_connect, no_connect},
            {"28000", refused, no_login, no_login},
            {"42000", refused, no_login, no_login},
            {"42S02", refused, no_login, no_login},
            {"40001", deadlock, no_connect, no_connect},
            {"40000", deadlock, no_connect, no_connect},
            {"25006", read_only_transaction, no_connect, no_login},
            {"70100", interrupted, no_connect, no_connect},
            {"53000", refused, full, full},
            {"HY000", refused, no_connect, no_login},
            {"22003", refused, no_connect, no_login},
            {"", refused, no_connect, no_login},
        };
        for (auto& x : table) {
          MESSAGE(std::string{x.sqlstate});
          CHECK(classified(x.sqlstate, stage::sent) == x.statement);
          CHECK(classified(x.sqlstate, stage::connecting) == x.connect);
          CHECK(classified(x.sqlstate, stage::setting_up) == x.set_up);
        }
        CHECK_EQ(classified("40001", stage::committing).outcome, outcome::rolled_back);
        CHECK_EQ(classified("HY000", stage::committing).outcome, outcome::unknown);
        CHECK_EQ(classified("08S01", stage::committing).outcome, outcome::unknown);
        CHECK(classified("08S01", stage::unsent) == unsent);
      }
    }
  }
  GIVEN("errors that somebody raises by SIGNAL, and those of replication") {
    THEN("their sqlstates mean nothing") {
      for (uint32_t number : {1642, 1643, 1644, 1189, 1190, 1218})
        for (auto sqlstate : {"08S01", "40001", "70100", "25006"})
          CHECK(classify({number, stage::sent, {}, true, sqlstate}) == refused);
    }
  }
}

SCENARIO("a connection that was gone before the statement was sent leaves no doubt") {
  GIVEN("the numbers that mean gone") {
    WHEN("they are seen before sending") {
      THEN("the statement has not run") {
        check_all(gone_numbers, stage::unsent, unsent);
      }
    }
    WHEN("they are seen after sending, where a procedure may have raised them") {
      THEN("its outcome is unknown") {
        check_all(gone_numbers, stage::sent, lost);
      }
    }
  }
}

SCENARIO("a connection lost after the statement was sent leaves its outcome unknown") {
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
      THEN("the statement has not run, and another server is needed") {
        constexpr classification not_ready{errc::connection_lost_unsent, outcome::not_sent, disposition::demoted};
        CHECK(classify({1047, stage::unsent, "WSREP has not yet prepared node"}) == not_ready);
        CHECK(classify({1047, stage::sent, "WSREP has not yet prepared node"}) == not_ready);
      }
    }
  }
}

SCENARIO("a client that has no memory gives up its connection, which says nothing about the server") {
  GIVEN("error 2008") {
    THEN("a statement that was sent may have run") {
      constexpr classification sent_then_given_up{errc::connection_lost, outcome::unknown, disposition::broken};
      constexpr classification given_up_before{errc::connection_lost_unsent, outcome::not_sent, disposition::broken};
      CHECK(classify({2008, stage::sent, {}}) == sent_then_given_up);
      CHECK(classify({2008, stage::unsent, {}}) == given_up_before);
      CHECK(classify({2008, stage::connecting, {}}) == no_connect);
    }
  }
}

// -- what may have stayed ------------------------------------------------------------

SCENARIO("of a statement that runs others nothing is certain but that it was not sent") {
  GIVEN("every number up to 6000") {
    WHEN("it comes for such a statement from either server") {
      numbers certain;
      numbers certain_though_sent;
      for (uint32_t number = 0; number <= 6000; ++number)
        for (auto is_mariadb : {true, false}) {
          observed_error x{number, stage::sent, "read-only", is_mariadb, "42000"};
          auto plain = classify(x);
          auto found = classify(x, partial_effect::any);
          if (found.outcome != outcome::unknown)
            certain_though_sent.push_back(number);
          if (found.code != plain.code || found.connection != plain.connection)
            CAF_ERROR(number << " means something else");
          x.stage = stage::unsent;
          if (classify(x, partial_effect::any) != classify(x))
            certain.push_back(number);
        }
      THEN("its outcome is unknown; code and connection are the same") {
        CHECK_EQ(certain_though_sent, numbers{});
        CHECK_EQ(certain, numbers{});
      }
    }
  }
}

SCENARIO("a compound statement that is one transaction fails like a COMMIT") {
  GIVEN("errors of one that commits at its end") {
    auto classified = [](uint32_t number) { return classify({number, stage::sent, {}}, partial_effect::at_end); };
    THEN("deadlocks, conflicts and lock waits are undone, and all else is unknown") {
      CHECK(classified(1213) == deadlock);
      CHECK(classified(1020) == conflict);
      CHECK(classified(1205) == lock_wait);
      CHECK_EQ(classified(1062).outcome, outcome::unknown);
      CHECK_EQ(classified(1180).outcome, outcome::unknown);
      CHECK_EQ(classified(2013).outcome, outcome::unknown);
    }
  }
}

SCENARIO("of a statement on several objects only what refuses it as a whole is certain") {
  GIVEN("errors that come before the first object, and others") {
    auto classified = [](uint32_t number, std::string_view sqlstate, std::string_view text = {}) {
      return classify({number, stage::sent, text, true, sqlstate}, partial_effect::objects).outcome;
    };
    THEN("syntax, privileges, a node that is not ready and a read-only server are certain") {
      CHECK_EQ(classified(1064, "42000"), outcome::rejected);
      CHECK_EQ(classified(1142, "42000"), outcome::rejected);
      CHECK_EQ(classified(1047, "08S01"), outcome::not_sent);
      CHECK_EQ(classified(1290, "HY000", "--read-only"), outcome::unavailable);
      CHECK_EQ(classified(1792, "25006"), outcome::rejected);
      CHECK_EQ(classified(1051, "42S02"), outcome::unknown);
      CHECK_EQ(classified(1205, "HY000"), outcome::unknown);
      CHECK_EQ(classified(1213, "40001"), outcome::unknown);
      CHECK_EQ(classified(1317, "70100"), outcome::unknown);
    }
  }
}

SCENARIO("an error that shows that a statement never began has the sqlstate that belongs to it") {
  GIVEN("errors of the server, and the same numbers raised by SIGNAL") {
    THEN("only the first are believed") {
      for (uint32_t number : {1044, 1054, 1064, 1142, 1146, 1305})
        CHECK(never_began({number, stage::sent, {}, true, "42000"}));
      for (uint32_t number : {1044, 1054, 1064, 1142, 1146, 1305})
        CHECK(!never_began({number, stage::sent, {}, true, "45000"}));
      CHECK(!never_began({1062, stage::sent, {}, true, "23000"}));
      CHECK(!never_began({1172, stage::sent, {}, true, "42000"}));
      CHECK(never_began({2006, stage::unsent, {}, true, "HY000"}));
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
        check_all(deadlock_numbers, stage::sent, deadlock);
        check_all({1020}, stage::sent, conflict);
        check_all(lock_numbers, stage::sent, lock_wait);
      }
    }
  }
}

SCENARIO("a server that has become read-only is left") {
  GIVEN("the numbers that mean read-only") {
    WHEN("they come") {
      THEN("the statement is refused and all connections to that server are given up, to find the primary") {
        check_all(read_only_numbers, stage::sent, read_only);
        check_all(read_only_numbers, stage::unsent, read_only);
      }
    }
  }
}

SCENARIO("a transaction that was declared read-only says nothing about the server") {
  GIVEN("error 1792") {
    WHEN("it comes for a statement and for a commit") {
      THEN("the statement is refused and the connection stays") {
        check_all({1792}, stage::sent, read_only_transaction);
        CHECK_EQ(classify({1792, stage::committing, {}}).connection, disposition::reusable);
      }
    }
  }
}

SCENARIO("error 1290 means read-only only if its text says so") {
  GIVEN("1290 with different texts") {
    auto classified = [](std::string_view text) { return classify({1290, stage::sent, text}); };
    WHEN("the text names the option read-only or read_only, another option, or nothing") {
      THEN("only the first two mean a read-only server") {
        CHECK(
            classified("The MariaDB server is running with the --read-only option so it cannot execute this statement")
            == read_only);
        CHECK(classified("The MySQL server is running with the --super_read_only option") == read_only);
        CHECK(classified("The MariaDB server is running with the --secure-file-priv option so it cannot execute this")
              == refused);
        CHECK(classified("") == refused);
      }
    }
  }
}

SCENARIO("a statement that somebody stopped is not repeated, and the connection stays") {
  GIVEN("1317, and how it looks while the server sorts") {
    WHEN("it comes from either server") {
      THEN("the statement was interrupted") {
        check_all(interrupted_numbers, stage::sent, interrupted, true);
        check_all(interrupted_numbers, stage::sent, interrupted, false);
      }
    }
  }
}

SCENARIO("numbers that MariaDB and MySQL use differently are told apart") {
  GIVEN("the numbers that only one of them has") {
    WHEN("they come from MariaDB and from MySQL") {
      THEN("each means what that server means by it") {
        CHECK(classify({1969, stage::sent, {}, true}) == interrupted);
        CHECK(classify({1969, stage::sent, {}, false}) == refused);
        CHECK(classify({1964, stage::sent, {}, true}) == commit_failed);
        CHECK(classify({1964, stage::sent, {}, false}) == refused);
        CHECK(classify({3024, stage::sent, {}, true}) == refused);
        CHECK(classify({3024, stage::sent, {}, false}) == interrupted);
        CHECK(classify({3100, stage::sent, {}, false}) == commit_failed);
        CHECK(classify({3101, stage::sent, {}, false}) == conflict);
        CHECK(classify({3168, stage::sent, {}, false}) == lost);
        CHECK(classify({3169, stage::sent, {}, false}) == lost);
        CHECK(classify({3572, stage::sent, {}, false}) == lock_wait);
        CHECK(classify({4031, stage::sent, {}, true}) == refused);
        CHECK(classify({4031, stage::sent, {}, false}) == lost);
        CHECK(classify({4031, stage::unsent, {}, false}) == unsent);
        for (uint32_t number : {3100, 3101, 3168, 3169, 3572})
          CHECK(classify({number, stage::sent, {}, true}) == refused);
      }
    }
  }
}

SCENARIO("all other numbers mean the same on MariaDB and MySQL") {
  GIVEN("every number up to 6000 but those") {
    WHEN("it comes from MariaDB and from MySQL, at each stage") {
      numbers different;
      for (uint32_t number = 0; number <= 6000; ++number)
        for (auto when : {stage::connecting, stage::unsent, stage::sent, stage::committing})
          if (classify({number, when, {}, true}) != classify({number, when, {}, false}))
            different.push_back(number);
      THEN("nothing differs") {
        CHECK_EQ(std::set(different.begin(), different.end()),
                 (std::set<uint32_t>{1964, 1969, 3024, 3100, 3101, 3168, 3169, 3572, 4031}));
      }
    }
  }
}

SCENARIO("a commit that failed on the server leaves the outcome of the statement unknown") {
  GIVEN("the numbers of commits that failed") {
    WHEN("they come") {
      THEN("the statement may have run, and the connection stays") {
        check_all(commit_numbers, stage::sent, commit_failed);
      }
    }
  }
}

SCENARIO("of a commit that was sent only two things can be known: that it was undone, or nothing") {
  GIVEN("every number that is known") {
    struct row {
      numbers which;
      classification wanted;
    };
    const std::vector<row> table{
        {{1047}, {errc::connection_lost_unsent, outcome::rolled_back, disposition::demoted}},
        {gone_numbers, {errc::connection_lost, outcome::unknown, disposition::lost}},
        {lost_numbers, {errc::connection_lost, outcome::unknown, disposition::lost}},
        {connect_numbers, {errc::connection_lost, outcome::unknown, disposition::lost}},
        {{2008}, {errc::connection_lost, outcome::unknown, disposition::broken}},
        {deadlock_numbers, deadlock},
        {{1020}, conflict},
        {lock_numbers, lock_wait},
        {read_only_numbers, {errc::read_only_server, outcome::unknown, disposition::demoted}},
        {{1792}, {errc::read_only_server, outcome::unknown, disposition::reusable}},
        {{1153, 2020}, {errc::invalid_statement, outcome::unknown, disposition::broken}},
        {{1028, 1317, 1969}, {errc::interrupted, outcome::unknown, disposition::reusable}},
        {commit_numbers, commit_failed},
        {defect_numbers, our_defect},
        {{0, 1064, 1062, 65000}, {errc::server_error, outcome::unknown, disposition::reusable}},
        {full_numbers, {errc::server_error, outcome::unknown, disposition::reusable}},
        {login_numbers, {errc::server_error, outcome::unknown, disposition::reusable}},
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
        check_all(defect_numbers, stage::sent, our_defect);
      }
    }
  }
}

SCENARIO("everything else is a refusal by the server that repeating does not change") {
  GIVEN(
      "syntax, duplicate key, missing table, wrong value, SIGNAL, privileges, limits, handles, and an unknown number") {
    WHEN("they come for a statement") {
      THEN("the statement is rejected and the connection stays") {
        check_all({1064, 1062, 1146, 1366, 1644, 1142, 1243, 1615, 2056, 2030, 2057, 2068, 65000}, stage::sent,
                  refused);
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
        if (classify({number, stage::sent, "read-only", true}) != refused
            || classify({number, stage::sent, "read-only", false}) != refused
            || classify({number, stage::connecting, "read-only", true}) != no_connect)
          known.push_back(number);
      THEN("no other number means anything particular") {
        numbers expected{1047, 1153, 2020, 1020, 1792, 1290, 1964, 1969,
                         2008, 3024, 3100, 3101, 3168, 3169, 3572, 4031};
        for (auto xs :
             {&connect_numbers, &full_numbers, &login_numbers, &gone_numbers, &lost_numbers, &deadlock_numbers,
              &lock_numbers, &read_only_numbers, &interrupted_numbers, &commit_numbers, &defect_numbers})
          expected.insert(expected.end(), xs->begin(), xs->end());
        std::ranges::sort(expected);
        CHECK_EQ(known, expected);
      }
    }
  }
}
