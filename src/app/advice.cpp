#include "app/advice.hpp"

#include <string_view>

namespace cenote::app {

namespace {

struct advice {
  std::string_view what; ///< Before the server's own words.
  std::string_view remedy;
};

// What an error number means for the pool is decided in src/pool; this is only about the words.
advice advice_for(uint32_t number) {
  switch (number) {
  case 1040: // too many connections
  case 1203: // ... of this user
  case 1226:
    return {"the server has no connection free", "raise its max_connections, or lower pool.size"};
  case 1044:
    return {"the user has no access to the database", "GRANT it, or correct the name in DATABASE_URI"};
  case 1049:
    return {"the database does not exist", "create it, or correct its name in DATABASE_URI"};
  case 1045:
  case 1698:
    return {"the server refuses the login: wrong user or password", "correct them in DATABASE_URI"};
  case 1820:
  case 1862:
  case 4151:
    return {"the account's password has expired or it is locked", "renew it on the server"};
  case 1129: // host blocked
  case 1130: // host not allowed
    return {"the server refuses this host", "allow the host for the user on the server"};
  case 2005:
    return {"the server's host name cannot be resolved", "correct the host in DATABASE_URI"};
  case 2026:
  case 5010:
    return {"TLS cannot be set up", "check the ssl_ keys in DATABASE_URI and the server's certificate"};
  case 2001:
  case 2002:
  case 2003:
  case 2004:
  case 2006:
  case 2012:
  case 2013:
  case 5001:
    return {"the server is down or cannot be reached", "start it, or correct host and port in DATABASE_URI"};
  default:
    return {"cannot connect to the server", "check DATABASE_URI and the server's log"};
  }
}

std::string numbered(const failure& x) {
  return std::to_string(x.number) + (x.sqlstate.empty() ? "" : " (" + x.sqlstate + ")");
}

} // namespace

std::string explain_no_connection(const failure& why) {
  if (why.code != errc::connect_failed && why.code != errc::login_refused)
    return to_string(why);
  auto [what, remedy] = advice_for(why.number);
  std::string out{what};
  out += ": " + (why.last_connect_error.empty() ? why.text : why.last_connect_error);
  if (why.number != 0)
    out += " [" + numbered(why) + "]";
  return out.append("; ").append(remedy);
}

std::string explain_failed_statement(const failure& why) {
  if (why.number == 0)
    return to_string(why);
  auto out = numbered(why) + ": " + why.text;
  if (why.what == outcome::unknown)
    out += "; it may have been carried out";
  else if (why.what == outcome::rolled_back)
    out += "; it was rolled back";
  return out;
}

} // namespace cenote::app
