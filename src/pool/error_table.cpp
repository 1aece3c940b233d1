#include "pool/error_table.hpp"

#include <algorithm>
#include <array>

namespace cenote::pool {

namespace {

// The classes follow measurements with Connector/C 3.3 and MariaDB 10.11; see docs/facts.md.

enum class error_class : uint8_t {
  ordinary, ///< A refusal of the statement. In the table only where the sqlstate would say something else.
  cannot_connect,
  server_full,
  refused_login, ///< And other faults of configuration: never retried automatically.
  not_ready,     ///< A Galera node that refuses all statements.
  gone_unsent,
  lost,
  unusable, ///< Connector/C cannot continue with the connection; the server is healthy.
  too_large,
  deadlock,
  conflict,
  lock_wait,
  read_only,
  read_only_transaction,
  interrupted,
  commit_failed,
  our_defect,
};

enum class applies : uint8_t { always, mariadb, mysql };

struct row {
  uint32_t number;
  error_class meaning;
  applies to = applies::always;
};

using enum error_class;

// Sorted by number. All others are classified by their sqlstate.
constexpr auto table = std::to_array<row>({
    {1020, conflict},
    {1026, commit_failed}, // The binary log could not be written.
    {1028, interrupted},   // ... while it sorted.
    {1037, server_full},
    {1040, server_full},
    {1041, server_full},
    {1042, cannot_connect}, // The server cannot resolve the client's name.
    {1043, cannot_connect},
    {1044, refused_login},
    {1045, refused_login},
    {1047, not_ready}, // Galera: the node is not ready, and refuses all statements.
    {1049, refused_login},
    {1053, lost},
    {1077, lost},
    {1079, lost},
    {1080, lost},
    {1129, refused_login},
    {1130, refused_login},
    {1131, refused_login},
    {1135, server_full},
    {1152, lost},
    {1153, too_large},
    {1154, lost},
    {1155, lost},
    {1156, lost},
    {1157, lost},
    {1158, lost},
    {1159, lost},
    {1160, lost},
    {1161, lost},
    {1180, commit_failed},
    {1181, commit_failed}, // ROLLBACK failed.
    {1184, lost},
    {1189, ordinary}, // Of replication, as is the next.
    {1190, ordinary},
    {1203, server_full},
    {1205, lock_wait},
    {1213, deadlock},
    {1218, ordinary}, // Of replication.
    {1226, server_full},
    {1227, refused_login}, // While connecting: an `init_command` that needs a privilege.
    {1251, refused_login},
    {1275, refused_login},
    {1290, read_only}, // Only if the text says so: see classify.
    {1317, interrupted},
    {1402, deadlock},
    {1524, refused_login},
    {1534, commit_failed}, // The binary log could not be written.
    {1598, commit_failed}, // Likewise.
    {1613, deadlock},
    {1614, deadlock},
    {1642, ordinary}, // SIGNAL: its author chose the sqlstate.
    {1643, ordinary},
    {1644, ordinary},
    {1689, lock_wait}, // Given up for a session that wants the table exclusively.
    {1698, refused_login},
    {1699, refused_login},
    {1792, read_only_transaction}, // The session or transaction was declared so; the server is healthy.
    {1820, refused_login},
    {1836, read_only},
    {1862, refused_login},
    {1873, refused_login},
    {1874, read_only}, // InnoDB was started so.
    {1927, lost},
    {1964, commit_failed, applies::mariadb},
    {1969, interrupted, applies::mariadb},
    {2000, our_defect},
    {2001, cannot_connect},
    {2002, cannot_connect},
    {2003, cannot_connect},
    {2004, cannot_connect},
    {2005, cannot_connect},
    {2006, gone_unsent},
    {2007, refused_login}, // The server speaks another protocol.
    {2008, unusable},      // No memory.
    {2009, refused_login}, // An invalid host.
    {2012, cannot_connect},
    {2013, lost},
    {2014, our_defect},
    {2015, cannot_connect},
    {2016, cannot_connect},
    {2017, cannot_connect},
    {2018, cannot_connect},
    {2019, refused_login}, // A character set that Connector/C does not know.
    {2020, too_large},
    {2026, lost}, // A loss over TLS; or a certificate: see classify.
    {2027, lost},
    {2028, our_defect},
    {2029, our_defect},
    {2031, our_defect},
    {2033, our_defect},
    {2034, our_defect},
    {2035, our_defect},
    {2036, our_defect},
    {2037, cannot_connect}, // Up to 2046: Windows.
    {2038, cannot_connect},
    {2039, cannot_connect},
    {2040, cannot_connect},
    {2041, cannot_connect},
    {2042, cannot_connect},
    {2043, cannot_connect},
    {2044, cannot_connect},
    {2045, cannot_connect},
    {2046, cannot_connect},
    {2047, refused_login}, // A protocol that does not exist.
    {2048, our_defect},
    {2049, refused_login},
    {2050, our_defect},
    {2051, our_defect},
    {2052, our_defect},
    {2053, our_defect},
    {2054, refused_login}, // The server asks for something that Connector/C does not have.
    {2055, lost},
    {2058, our_defect},
    {2059, refused_login},
    {2060, our_defect},
    {2061, refused_login},
    {2062, refused_login},
    {2063, refused_login}, // A file name that is too long.
    {2064, refused_login},
    {2065, refused_login}, // Compression, as is the next.
    {2066, refused_login},
    {2067, refused_login}, // Kerberos.
    {2069, refused_login},
    {2070, cannot_connect}, // DNS.
    {2071, our_defect},
    {2072, refused_login},
    {2073, our_defect},
    {2074, refused_login}, // A character set that cannot be a client's.
    {2075, refused_login}, // The name of the server in TLS.
    {3024, interrupted, applies::mysql},
    {3032, cannot_connect}, // Offline mode: the server is being maintained.
    {3100, commit_failed, applies::mysql},
    {3101, conflict, applies::mysql}, // Group replication has rolled the transaction back.
    {3118, refused_login},            // Account locked; 3955, 4150 and 4151 likewise.
    {3159, refused_login},            // TLS is required.
    {3168, cannot_connect, applies::mysql},
    {3169, lost, applies::mysql},      // The session was killed.
    {3572, lock_wait, applies::mysql}, // NOWAIT.
    {3955, refused_login},
    {4031, lost, applies::mysql},
    {4150, refused_login},
    {4151, refused_login},
    {5000, our_defect},
    {5001, cannot_connect},
    {5002, our_defect},
    {5003, our_defect},
    {5004, refused_login}, // A file that is not there, or cannot be read.
    {5005, refused_login},
    {5006, our_defect},
    {5007, our_defect},
    {5008, refused_login}, // Versions of Connector/C that do not fit.
    {5009, refused_login}, // An option with a wrong value.
    {5010, refused_login}, // The server asks for a login method that is not permitted.
    {5011, refused_login},
    {5012, refused_login}, // A login method that cannot be loaded.
    {5013, lost},
    {5014, gone_unsent},
    {5015, lost},
    {5016, our_defect},
    {5017, our_defect}, // Up to 5023: of the binary log.
    {5018, our_defect},
    {5019, our_defect},
    {5020, our_defect},
    {5021, our_defect},
    {5022, our_defect},
    {5023, our_defect},
    {5024, our_defect},
    {5026, lost}, // An error packet without an error.
});

static_assert(std::ranges::is_sorted(table, {}, &row::number));

constexpr bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

const row* find(const observed_error& error) {
  auto i = std::ranges::lower_bound(table, error.number, {}, &row::number);
  if (i == table.end() || i->number != error.number)
    return nullptr;
  auto flavour = error.is_mariadb ? applies::mariadb : applies::mysql;
  // Before the login it is not known for sure which kind of server it is.
  if (i->to != applies::always && i->to != flavour && error.stage != stage::connecting)
    return nullptr;
  return &*i;
}

/// For numbers that the table does not know. Connector/C gives all of its errors the sqlstate HY000, which says
/// nothing.
error_class class_of(std::string_view sqlstate, stage progress) {
  auto refuses_login = progress == stage::connecting || progress == stage::setting_up;
  if (sqlstate.starts_with("08"))
    return progress == stage::connecting ? cannot_connect : lost;
  if (sqlstate.starts_with("28") || (sqlstate.starts_with("42") && refuses_login))
    return refused_login;
  if (sqlstate.starts_with("40"))
    return deadlock;
  if (sqlstate == "25006")
    return read_only_transaction;
  if (sqlstate == "70100")
    return interrupted;
  if (sqlstate.starts_with("53"))
    return server_full;
  return ordinary;
}

error_class class_of(const observed_error& error) {
  auto known = find(error);
  if (known == nullptr)
    return class_of(error.sqlstate, error.stage);
  if (error.number == 1290 && !contains(error.text, "read-only") && !contains(error.text, "read_only"))
    return ordinary; // Some other option forbids the statement.
  if (error.number == 2026 && error.stage == stage::connecting
      && (contains(error.text, "ertificate") || contains(error.text, "does not offer it")
          || contains(error.text, "cannot read")))
    return refused_login; // Only people can mend certificates.
  return known->meaning;
}

/// A failed connect never ran anything.
classification classify_connect(error_class meaning) {
  switch (meaning) {
  case refused_login:
    return {errc::login_refused, outcome::rejected, disposition::lost};
  case server_full:
    return {errc::server_full, outcome::unavailable, disposition::lost};
  case read_only:
    return {errc::read_only_server, outcome::unavailable, disposition::lost};
  default:
    return {errc::connect_failed, outcome::unavailable, disposition::lost};
  }
}

/// The server will refuse a statement of the set-up again, unless others were in the way or it had problems of its own.
classification classify_set_up(error_class meaning, uint32_t number) {
  constexpr auto own_problems = std::to_array<uint32_t>({0, 1021, 1030, 1105, 1114, 1194, 1195, 9001});
  if ((meaning == ordinary && std::ranges::find(own_problems, number) == own_problems.end())
      || meaning == read_only_transaction || meaning == too_large)
    meaning = refused_login;
  return classify_connect(meaning);
}

classification classify_loss(stage progress) {
  if (progress == stage::unsent)
    return {errc::connection_lost_unsent, outcome::not_sent, disposition::lost};
  return {errc::connection_lost, outcome::unknown, disposition::lost};
}

classification classify_statement(error_class meaning, stage progress) {
  switch (meaning) {
  case not_ready: // It refuses every statement unread.
    return {errc::connection_lost_unsent, outcome::not_sent, disposition::demoted};
  case gone_unsent: // The number alone proves nothing: a procedure can raise any.
  case lost:
  case cannot_connect: // Cannot happen once connected, but the connection would be gone.
    return classify_loss(progress);
  case unusable: {
    auto result = classify_loss(progress);
    result.connection = disposition::broken;
    return result;
  }
  case too_large:
    return {errc::invalid_statement, outcome::rejected, disposition::broken};
  case deadlock:
    return {errc::deadlock, outcome::rolled_back, disposition::reusable};
  case conflict:
    return {errc::conflict, outcome::rolled_back, disposition::reusable};
  case lock_wait:
    return {errc::lock_wait, outcome::rolled_back, disposition::reusable};
  case read_only:
    // It has certainly not run, and will when the primary is found.
    return {errc::read_only_server, outcome::unavailable, disposition::demoted};
  case read_only_transaction:
    return {errc::read_only_server, outcome::rejected, disposition::reusable};
  case interrupted:
    return {errc::interrupted, outcome::rejected, disposition::reusable};
  case commit_failed: // It depends on the storage engine how much of it is there.
    return {errc::server_error, outcome::unknown, disposition::reusable};
  case our_defect:
    return {errc::internal, outcome::unknown, disposition::broken};
  case server_full:
  case refused_login: // Not enough privileges for this statement, or for this database.
  case ordinary:
    break;
  }
  return {errc::server_error, outcome::rejected, disposition::reusable};
}

/// Of a transaction whose COMMIT failed, only this can be known: that the server rolled it back, or never got the
/// COMMIT, which amounts to the same.
classification classify_commit(error_class meaning) {
  auto result = classify_statement(meaning, stage::sent);
  if (result.outcome == outcome::not_sent)
    result.outcome = outcome::rolled_back;
  else if (result.outcome != outcome::rolled_back)
    result.outcome = outcome::unknown;
  return result;
}

/// For a statement on several objects: whether the server has refused it before the first of them.
bool no_object_changed(const observed_error& error) {
  auto meaning = class_of(error);
  return never_began(error) || meaning == not_ready || meaning == read_only || meaning == read_only_transaction;
}

} // namespace

classification classify(const observed_error& error, partial_effect kept) {
  auto meaning = class_of(error);
  switch (error.stage) {
  case stage::connecting:
    return classify_connect(meaning);
  case stage::setting_up:
    return classify_set_up(meaning, error.number);
  case stage::committing:
    return classify_commit(meaning);
  case stage::unsent:
    return classify_statement(meaning, error.stage);
  case stage::sent:
    break;
  }
  if (kept == partial_effect::at_end)
    return classify_commit(meaning);
  auto result = classify_statement(meaning, error.stage);
  if (kept == partial_effect::any || (kept == partial_effect::objects && !no_object_changed(error)))
    result.outcome = outcome::unknown;
  return result;
}

bool never_began(const observed_error& error) {
  // No database, access denied, syntax, unknown table or column, columns that do not fit. With another sqlstate it
  // comes from somebody's SIGNAL.
  constexpr auto numbers =
      std::to_array<uint32_t>({1044, 1046, 1049, 1054, 1064, 1136, 1142, 1143, 1146, 1149, 1227, 1305, 1370});
  auto genuine = error.sqlstate.starts_with("42") || error.sqlstate == "3D000" || error.sqlstate == "21S01";
  return error.stage == stage::unsent || (genuine && std::ranges::find(numbers, error.number) != numbers.end());
}

} // namespace cenote::pool
