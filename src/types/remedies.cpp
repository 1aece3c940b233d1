#include "types/remedies.hpp"

namespace cenote {

remedy remedy_for(uint32_t number, std::string_view text) {
  auto has = [text](std::string_view part) { return text.find(part) != std::string_view::npos; };
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
    return {"the account's password has expired", "set a new password on the server and in DATABASE_URI"};
  case 3118:
  case 4151:
    return {"the account is locked", "unlock it on the server: ALTER USER ... ACCOUNT UNLOCK"};
  case 3955:
  case 4150:
    return {"the account is blocked after too many wrong passwords",
            "correct the password, then unblock it on the server"};
  case 3159:
    return {"the server permits only connections with TLS",
            "switch TLS on in DATABASE_URI: ssl_ca, or ssl_disabled=false"};
  case 1129: // host blocked
  case 1130: // host not allowed
    return {"the server refuses this host", "allow the host for the user on the server"};
  case 1251:
  case 1275:
  case 1524:
  case 2049:
  case 2054:
  case 2059:
  case 2061:
  case 5010:
  case 5012:
    return {"the account's authentication plugin cannot be used",
            "let the account use mysql_native_password or ed25519, or with TLS caching_sha2_password"};
  case 2005:
    return {"the server's host name cannot be resolved", "correct the host in DATABASE_URI"};
  case 2007:
    return {"the server speaks another protocol", "connect to a MariaDB or MySQL server"};
  case 1115:
  case 2019:
  case 2074:
    return {"the character set cannot be used", "correct charset in DATABASE_URI: utf8mb4"};
  case 2026:
    return {"TLS cannot be set up", "check the ssl_ keys in DATABASE_URI and the server's certificate"};
  case 3032:
    return {"the server is in offline mode", "switch its offline_mode off"};
  case 1042:
  case 1043:
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
    break;
  }
  if (has("init_command failed"))
    return {"the server refuses init_command", "correct init_command in DATABASE_URI, or grant what it needs"};
  if (has("the set-up statement failed"))
    return {"the server refuses a setting of the session", "correct sql_mode, charset or a time limit in DATABASE_URI"};
  return {"cannot connect to the server", "check DATABASE_URI and the server's log"};
}

} // namespace cenote
