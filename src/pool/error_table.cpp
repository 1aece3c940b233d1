#include "pool/error_table.hpp"

#include <algorithm>
#include <array>

namespace cenote::pool {

namespace {

// The classes follow what was measured with Connector/C 3.3 and MariaDB 10.11; see docs/facts.md.

enum class error_class : uint8_t {
  cannot_connect,
  server_full,
  refused_login, ///< And other faults of configuration: never try again by itself.
  gone_unsent,
  lost,
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
  error_class what;
  applies to = applies::always;
};

using enum error_class;

// Sorted by number.
constexpr auto table = std::to_array<row>({
    {1020, conflict},
    {1037, server_full},
    {1040, server_full},
    {1041, server_full},
    {1044, refused_login},
    {1045, refused_login},
    {1047, gone_unsent}, // Galera: the node is not ready, and refuses all statements.
    {1049, refused_login},
    {1053, lost},
    {1080, lost},
    {1129, refused_login},
    {1130, refused_login},
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
    {1184, lost},
    {1203, server_full},
    {1205, lock_wait},
    {1213, deadlock},
    {1226, server_full},
    {1251, refused_login},
    {1290, read_only}, // Only if the text says so: see judge.
    {1317, interrupted},
    {1402, deadlock},
    {1524, refused_login},
    {1613, deadlock},
    {1614, deadlock},
    {1698, refused_login},
    {1792, read_only_transaction}, // The session or transaction was declared so; the server is well.
    {1820, refused_login},
    {1836, read_only},
    {1862, refused_login},
    {1927, lost},
    {1969, interrupted, applies::mariadb},
    {2000, our_defect},
    {2001, cannot_connect},
    {2002, cannot_connect},
    {2003, cannot_connect},
    {2004, cannot_connect},
    {2005, cannot_connect},
    {2006, gone_unsent},
    {2012, cannot_connect},
    {2013, lost},
    {2014, our_defect},
    {2020, too_large},
    {2026, lost}, // How a loss looks over TLS.
    {2027, lost},
    {2034, our_defect},
    {2035, our_defect},
    {2036, our_defect},
    {2049, refused_login},
    {2055, lost},
    {2059, refused_login},
    {2061, refused_login},
    {3024, interrupted, applies::mysql},
    {4031, lost, applies::mysql},
    {4151, refused_login},
    {5001, cannot_connect},
    {5010, refused_login},
    {5013, lost},
    {5014, gone_unsent},
    {5015, lost},
});

static_assert(std::ranges::is_sorted(table, {}, &row::number));

const row* find(const observed_error& x) {
  auto i = std::ranges::lower_bound(table, x.number, {}, &row::number);
  if (i == table.end() || i->number != x.number)
    return nullptr;
  auto flavour = x.is_mariadb ? applies::mariadb : applies::mysql;
  if (i->to != applies::always && i->to != flavour)
    return nullptr;
  if (x.number == 1290 && x.text.find("read-only") == std::string_view::npos
      && x.text.find("read_only") == std::string_view::npos)
    return nullptr; // Some other option forbids the statement.
  return &*i;
}

/// A failed connect never ran anything.
verdict judge_connect(const row* x) {
  if (x != nullptr && x->what == refused_login)
    return {errc::login_refused, outcome::rejected, fate::lost};
  if (x != nullptr && x->what == server_full)
    return {errc::server_full, outcome::unavailable, fate::lost};
  if (x != nullptr && x->what == read_only)
    return {errc::read_only_server, outcome::unavailable, fate::lost};
  return {errc::connect_failed, outcome::unavailable, fate::lost};
}

verdict judge_loss(stage when) {
  if (when == stage::unsent)
    return {errc::connection_lost_unsent, outcome::not_sent, fate::lost};
  return {errc::connection_lost, outcome::unknown, fate::lost};
}

verdict judge_statement(const row* known, stage when) {
  if (known == nullptr)
    return {errc::server_error, outcome::rejected, fate::reusable};
  switch (known->what) {
  case gone_unsent:
    return judge_loss(stage::unsent);
  case lost:
  case cannot_connect: // Cannot happen once connected, but the connection would be gone.
    return judge_loss(when);
  case too_large:
    return {errc::invalid_statement, outcome::rejected, fate::broken};
  case deadlock:
    return {errc::deadlock, outcome::rolled_back, fate::reusable};
  case conflict:
    return {errc::conflict, outcome::rolled_back, fate::reusable};
  case lock_wait:
    return {errc::lock_wait, outcome::rolled_back, fate::reusable};
  case read_only:
    // It has certainly not run, and will when the primary is found.
    return {errc::read_only_server, outcome::unavailable, fate::demoted};
  case read_only_transaction:
    return {errc::read_only_server, outcome::rejected, fate::reusable};
  case interrupted:
    return {errc::interrupted, outcome::rejected, fate::reusable};
  case commit_failed: // It depends on the storage engine how much of it is there.
    return {errc::server_error, outcome::unknown, fate::reusable};
  case our_defect:
    return {errc::internal, outcome::unknown, fate::broken};
  case server_full:
  case refused_login: // Not enough privileges for this statement, or for this database.
    break;
  }
  return {errc::server_error, outcome::rejected, fate::reusable};
}

/// Of a transaction whose COMMIT failed, only this is known: that the server rolled it back, or never got the COMMIT,
/// which comes to the same.
verdict judge_commit(const row* x) {
  auto result = judge_statement(x, stage::sent);
  if (result.what == outcome::not_sent)
    result.what = outcome::rolled_back;
  else if (result.what != outcome::rolled_back)
    result.what = outcome::unknown;
  return result;
}

} // namespace

verdict judge(const observed_error& x) {
  auto known = find(x);
  switch (x.when) {
  case stage::connecting:
    return judge_connect(known);
  case stage::committing:
    return judge_commit(known);
  case stage::unsent:
  case stage::sent:
    break;
  }
  return judge_statement(known, x.when);
}

} // namespace cenote::pool
