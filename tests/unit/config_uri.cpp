#define CAF_SUITE config.uri

#include "unit/config_support.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

std::string uri_error(const std::string& uri) {
  return error_of([&] { parse_uri(uri); });
}

/// The whole place and login on one line: `user:password@host:port/database`, or with `(socket)` as the host.
std::string flat(const server_settings& x) {
  return x.user + ":" + x.password.reveal() + "@" + (x.unix_socket.empty() ? x.host : "(" + x.unix_socket + ")") + ":"
         + std::to_string(x.port) + "/" + x.database;
}

tls_mode tls_of(const std::string& query) {
  return parse_uri("mysql://h/?" + query).tls;
}

} // namespace

SCENARIO("login and place are taken from all forms of URI that people have") {
  struct {
    const char* uri;
    const char* want;
  } rows[] = {
      {"mysql://u:p@db.example:3307/bato", "u:p@db.example:3307/bato"},
      {"mysql+pymysql://u:p@h/d", "u:p@h:3306/d"},
      {"mysql+mysqldb://u:p@h/d", "u:p@h:3306/d"},
      {"mysql+mysql-connector://u:p@h/d", "u:p@h:3306/d"},
      {"mariadb://u:p@h/d", "u:p@h:3306/d"},
      {"mariadb+mariadbconnector://u:p@h/d", "u:p@h:3306/d"},
      {"MySQL://u:p@h/d", "u:p@h:3306/d"},
      {"mysql://h", ":@h:3306/"},
      {"mysql://h/", ":@h:3306/"},
      {"mysql://h:/d", ":@h:3306/d"},
      {"mysql://u@h", "u:@h:3306/"},
      {"mysql://u:@h", "u:@h:3306/"},
      {"mysql://:p@h", ":p@h:3306/"},
      {"mysql://u:p@/d", "u:p@127.0.0.1:3306/d"},
      {"mysql://", ":@127.0.0.1:3306/"},
      {"mysql://u:p@localhost/d", "u:p@localhost:3306/d"},
      {"mysql://u:p@my_db-1.internal/d", "u:p@my_db-1.internal:3306/d"},
      {"mysql://u:p@[::1]:3307/d", "u:p@::1:3307/d"},
      {"mysql://u:p@[2001:db8::5]/d", "u:p@2001:db8::5:3306/d"},
      {"mysql://u:p@[fe80::1%25eth0]/d", "u:p@fe80::1%eth0:3306/d"},
      // Percent-decoding; '+' is itself outside the query.
      {"mysql://u%40x:p%3Aq%2F%3F%25@h/d", "u@x:p:q/?%@h:3306/d"},
      {"mysql://u+v:p+q@h/d+e", "u+v:p+q@h:3306/d+e"},
      {"mysql://u:100%@h/d", "u:100%@h:3306/d"},
      {"mysql://u:%zz%4@h/d", "u:%zz%4@h:3306/d"},
      {"mysql://u:p@h/a%20b", "u:p@h:3306/a b"},
      {"mysql://%C3%BC:%C3%A4@h", "\xC3\xBC:\xC3\xA4@h:3306/"},
      // Not escaped, but clear.
      {"mysql://u:p:q@h/d", "u:p:q@h:3306/d"},
      {"mysql://u:p@q@h/d", "u:p@q@h:3306/d"},
      {"mysql://u:p/q@h/d", "u:p/q@h:3306/d"},
      {"mysql://u:p?q@h/d", "u:p?q@h:3306/d"},
      {"mysql://u:p#q@h/d", "u:p#q@h:3306/d"},
      {"mysql://u:p;q=r@h/d", "u:p;q=r@h:3306/d"},
      // A unix socket.
      {"mysql://u:p@/d?unix_socket=/run/mysqld/mysqld.sock", "u:p@(/run/mysqld/mysqld.sock):3306/d"},
      {"mysql://u:p@localhost/d?unix_socket=%2Ftmp%2Fa+b", "u:p@(/tmp/a b):3306/d"},
      // An '@' in the query belongs to no login.
      {"mysql://h/d?init_command=SET%20@x=1", ":@h:3306/d"},
      {"mysql://h:3307/d?init_command=SET%20@x=1", ":@h:3307/d"},
      {"mysql://h?init_command=SET%20@x=1", ":@h:3306/"},
  };
  for (auto& [uri, want] : rows) {
    MESSAGE(uri);
    CHECK_EQ(flat(parse_uri(uri)), want);
  }
}

SCENARIO("a URI without a query leaves the defaults") {
  auto x = parse_uri("mysql://u:p@h/d");
  CHECK_EQ(x.charset, "utf8mb4");
  CHECK(x.tls == tls_mode::disabled);
  CHECK(x.connect_timeout == 10s);
  CHECK(x.read_timeout == 0s);
  CHECK(!x.compress);
  CHECK_EQ(x.max_allowed_packet, 0u);
}

SCENARIO("every key of a query ends up in its setting") {
  auto x = parse_uri("mysql://u:p@h/d?charset=UTF8&unix_socket=/s&connect_timeout=7&read_timeout=1.5"
                     "&write_timeout=2&init_command=SET+a%3D1&sql_mode=ANSI_QUOTES&program_name=app"
                     "&bind_address=10.0.0.1&max_allowed_packet=1048576&compress=true&autocommit=1"
                     "&ssl_ca=/ca&ssl_cert=/cert&ssl_key=/key&ssl_capath=/path&ssl_cipher=AES"
                     "&ssl_key_passphrase_file=/pass");
  CHECK_EQ(x.charset, "utf8mb4");
  CHECK_EQ(x.unix_socket, "/s");
  CHECK(x.connect_timeout == 7s);
  CHECK(x.read_timeout == 1500ms);
  CHECK(x.write_timeout == 2s);
  CHECK_EQ(x.init_command, "SET a=1");
  CHECK_EQ(x.sql_mode, "ANSI_QUOTES");
  CHECK_EQ(x.program_name, "app");
  CHECK_EQ(x.bind_address, "10.0.0.1");
  CHECK_EQ(x.max_allowed_packet, 1048576u);
  CHECK(x.compress);
  CHECK_EQ(x.tls_ca, "/ca");
  CHECK_EQ(x.tls_cert, "/cert");
  CHECK_EQ(x.tls_key, "/key");
  CHECK_EQ(x.tls_key_passphrase_file, "/pass");
  CHECK_EQ(x.tls_capath, "/path");
  CHECK_EQ(x.tls_cipher, "AES");
}

SCENARIO("utf8 means all of UTF-8") {
  CHECK_EQ(parse_uri("mysql://h/?charset=utf8").charset, "utf8mb4");
  CHECK_EQ(parse_uri("mysql://h/?charset=UTF8").charset, "utf8mb4");
  CHECK_EQ(parse_uri("mysql://h/?charset=utf8mb4").charset, "utf8mb4");
  CHECK_EQ(parse_uri("mysql://h/?charset=utf8mb3").charset, "utf8mb4");
}

SCENARIO("keys that concern Python only are ignored, and empty pairs too") {
  auto x = parse_uri("mysql://h/d?use_unicode=1&cursorclass=x&conv&binary_prefix=true&&sql_mode=ANSI&");
  CHECK_EQ(x.sql_mode, "ANSI");
}

SCENARIO("booleans have six spellings") {
  for (auto yes : {"true", "True", "1", "yes"})
    CHECK(parse_uri(std::string{"mysql://h/?compress="} + yes).compress);
  for (auto no : {"false", "False", "0", "no"})
    CHECK(!parse_uri(std::string{"mysql://h/?compress="} + no).compress);
}

SCENARIO("single statements cannot be left uncommitted") {
  CHECK_EQ(uri_error("mysql://h/?autocommit=false"),
           "database URI: the autocommit cannot be false: single statements are always committed; for others use "
           "transact or a session");
}

SCENARIO("how much TLS is asked for follows from the keys together, the safest way") {
  CHECK(tls_of("ssl_disabled=true") == tls_mode::disabled);
  CHECK(tls_of("ssl_disabled=false") == tls_mode::required);
  CHECK(tls_of("ssl_cert=/c&ssl_key=/k") == tls_mode::required);
  CHECK(tls_of("ssl_cipher=AES") == tls_mode::required);
  CHECK(tls_of("ssl_verify_cert=false") == tls_mode::required);
  CHECK(tls_of("ssl_check_hostname=false") == tls_mode::required);
  CHECK(tls_of("ssl_ca=/ca&ssl_verify_cert=false") == tls_mode::required);
  CHECK(tls_of("ssl_ca=/ca") == tls_mode::verify_full);
  CHECK(tls_of("ssl_capath=/ca") == tls_mode::verify_full);
  CHECK(tls_of("ssl_verify_cert=true") == tls_mode::verify_full);
  CHECK(tls_of("ssl_verify_identity=true") == tls_mode::verify_full);
  CHECK(tls_of("ssl_check_hostname=true") == tls_mode::verify_full);
  CHECK(tls_of("ssl_ca=/ca&ssl_check_hostname=false") == tls_mode::verify_ca);
  CHECK(tls_of("ssl_verify_identity=false&ssl_ca=/ca") == tls_mode::verify_ca);
  CHECK(tls_of("ssl_verify_cert=1&ssl_verify_identity=0") == tls_mode::verify_ca);
  CHECK(tls_of("ssl_mode=DISABLED") == tls_mode::disabled);
  CHECK(tls_of("ssl_mode=REQUIRED") == tls_mode::required);
  CHECK(tls_of("ssl-mode=required&ssl_ca=/ca") == tls_mode::required);
  CHECK(tls_of("ssl_mode=VERIFY_CA&ssl_ca=/ca") == tls_mode::verify_ca);
  CHECK(tls_of("ssl_mode=verify_identity") == tls_mode::verify_full);
  CHECK(tls_of("charset=utf8") == tls_mode::disabled);
}

SCENARIO("a URI may name several hosts, each with a port of its own") {
  auto x = parse_uri("mysql://u:p@db1:3307,[::1]:3308,db3/bato");
  CHECK_EQ(x.host, "db1");
  CHECK_EQ(x.port, 3307);
  REQUIRE_EQ(x.servers(), 3u);
  CHECK_EQ(x.other_hosts[0].host, "::1");
  CHECK_EQ(x.other_hosts[0].port, 3308);
  CHECK_EQ(x.endpoint(), "db1:3307,[::1]:3308,db3:3306/bato");
  CHECK_EQ(x.server(0).endpoint(), "db1:3307/bato");
  CHECK_EQ(x.server(2).endpoint(), "db3:3306/bato");
  CHECK_EQ(x.server(2).password.reveal(), "p");
}

SCENARIO("each mistake has its own words") {
  const std::string escapes = " (in the password write '@' as %40, '/' as %2F, '?' as %3F, and an IPv6 address in "
                              "brackets)";
  const std::string bad_host =
      "host has a character that is not allowed in one (in the user name and the password write '@' as "
      "%40, '/' as %2F, '?' as %3F)";
  const std::string scheme = "URI must begin with mysql:// or mariadb:// (no blank or quote before it)";
  const std::string utf8 =
      "charset must be utf8mb4, or utf8, which means the same: all text is UTF-8 at the caller's side";
  const std::string port = "port must be a number from 1 to 65535" + escapes;
  struct {
    std::string uri;
    std::string want;
  } rows[] = {
      {"", scheme},
      {"db.example", scheme},
      {"postgres://u:p@h/d", scheme},
      {" mysql://u:p@h/d", scheme},
      {"'mysql://u:p@h/d'", scheme},
      {"mysql:/u:p@h/d", scheme},
      {"mysql+://u:p@h/d", scheme},
      {"mysql+a/b://u:p@h/d", scheme},
      {"mysqlx://u:p@h/d", scheme},
      {"mysql://u:p@h:0/d", port},
      {"mysql://u:p@h:65536/d", port},
      {"mysql://u:p@h:33o6/d", port},
      {"mysql://u:p@h:-1/d", port},
      {"mysql://u:p@::1/d", port},
      {"mysql://u:p", port},
      {"mysql://u:p@h;x/d", bad_host},
      {"mysql://u:p@h=x/d", bad_host},
      {"mysql://u:p@h x/d", bad_host},
      {"mysql://u:p@h\xC3\xA4/d", bad_host},
      {"mysql://u:p?q@s@h/d", bad_host},
      {"mysql://u:p@" + std::string(256, 'h') + "/d", "host is longer than 255 bytes"},
      {"mysql://u:p@h1,,h2/d", "list of hosts has an empty entry: write host1:3306,host2:3306"},
      {"mysql://u:p@h1,/d", "list of hosts has an empty entry: write host1:3306,host2:3306"},
      {"mysql://u:p@,h2/d", "list of hosts has an empty entry: write host1:3306,host2:3306"},
      {"mysql://u:p@h1:3306,h2:0/d", port},
      {"mysql://u:p@h1,h2/d?unix_socket=/s", "unix_socket leads to one server: name several hosts, or the socket"},
      {"mysql://u:p@%2Ftmp%2Fs/d", "host must not be percent-encoded; for a unix socket write ?unix_socket=/path"},
      {"mysql://u:p@[::1/d", "host has a '[' but no ']'"},
      {"mysql://u:p@[h]/d", "host in brackets is not an IPv6 address"},
      {"mysql://u:p@[::g]/d", "host is not an IPv6 address"},
      {"mysql://u:p@[::1%;]/d", "host is not an IPv6 address"},
      {"mysql://u:p@[::1]x/d", "host in brackets must be followed by ':' and the port, or nothing"},
      {"mysql://u:p@h/d/e", "database has a '/': write it as %2F, or leave out what follows"},
      {"mysql://u:12/34@h/d",
       "database has an '@': write it as %40; in the password write '@' as %40, '/' as %2F, '?' as %3F"},
      {"mysql://u:p@h/d\n", "URI has a control character, such as a line end, in it"},
      {"mysql://u:p%00@h/d", "password contains a NUL byte"},
      {"mysql://u%00:p@h/d", "user contains a NUL byte"},
      {"mysql://u:p@h/%00", "database contains a NUL byte"},
      {"mysql://u:p@h/?ssl_ca=%00", "ssl_ca contains a NUL byte"},
      {"mysql://u:p@h/d?timeout=5", "query has an unknown key 'timeout'; did you mean read_timeout?"},
      {"mysql://u@h/d?Charset=utf8", "query has an unknown key 'Charset'; did you mean charset?"},
      {"mysql://u:p@h/d?a%20b=5", "query has an unknown key"},
      {"mysql://u:1?key=5", "query has an unknown key"},
      {"mysql://u:p@h/d?charset=a&charset=b", "charset is given twice"},
      {"mysql://u:p@h/d?ssl-mode=REQUIRED&ssl_mode=REQUIRED", "ssl_mode is given twice"},
      {"mysql://u:p@h/d?charset", "charset needs '=' and a value"},
      {"mysql://u:p@h/d?charset=", utf8},
      {"mysql://u:p@h/d?charset=utf8'", utf8},
      {"mysql://u:p@h/d?charset=binary", utf8},
      {"mysql://u:p@h/d?charset=latin1", utf8},
      {"mysql://u:p@h/d?charset=ascii", utf8},
      {"mysql://u:p@h/d?charset=ucs2", utf8},
      {"mysql://u:p@h/d?ssl_ca=", "ssl_ca is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_ca=+%20", "ssl_ca is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_capath=", "ssl_capath is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_cert=", "ssl_cert is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_key=", "ssl_key is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_cipher=", "ssl_cipher is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_cert=c&ssl_key_passphrase_file=",
       "ssl_key_passphrase_file is empty: give it a value, or leave it out"},
      {"mysql://u:p@h/d?ssl_verify_cert=", "ssl_verify_cert must be true or false"},
      {"mysql://u:p@h/d?ssl_verify_identity=", "ssl_verify_identity must be true or false"},
      {"mysql://u:p@h/d?ssl_check_hostname=", "ssl_check_hostname must be true or false"},
      {"mysql://u:p@h/d?ssl_disabled=", "ssl_disabled must be true or false"},
      {"mysql://u:p@h/d?ssl_mode=", "ssl_mode must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"},
      {"mysql://u:p@h/d?ssl_key_passphrase_file=/f",
       "ssl_key_passphrase_file is given without the ssl_key that it belongs to"},
      {"mysql://u:p@h/d?compress=on", "compress must be true or false"},
      {"mysql://u:p@h/d?connect_timeout=0", "connect_timeout must be a number of seconds from 1 to 86400"},
      {"mysql://u:p@h/d?connect_timeout=ten", "connect_timeout must be a number of seconds from 1 to 86400"},
      {"mysql://u:p@h/d?connect_timeout=86401", "connect_timeout must be a number of seconds from 1 to 86400"},
      {"mysql://u:p@h/d?read_timeout=-1", "read_timeout must be a number of seconds from 0 to 86400"},
      {"mysql://u:p@h/d?write_timeout=x", "write_timeout must be a number of seconds from 0 to 86400"},
      {"mysql://u:p@h/d?max_allowed_packet=16M", "max_allowed_packet must be a number of bytes from 0 to 1073741824"},
      {"mysql://u:p@h/d?max_allowed_packet=1073741825",
       "max_allowed_packet must be a number of bytes from 0 to 1073741824"},
      {"mysql://u:p@h/d?local_infile=1",
       "local_infile is not supported: it lets the server, or another file, decide what is read here"},
      {"mysql://u:p@h/d?read_default_file=/etc/my.cnf",
       "read_default_file is not supported: it lets the server, or another file, decide what is read here"},
      {"mysql://u:p@h/d?read_default_group=x",
       "read_default_group is not supported: it lets the server, or another file, decide what is read here"},
      {"mysql://u:p@/d?unix_socket=/" + std::string(107, 's'),
       "unix_socket is longer than 107 bytes, the most that a socket's path can have"},
      {"mysql://u:p@h/d?ssl_mode=PREFERRED",
       "ssl_mode must not be PREFERRED, which goes on in clear text if the server has no TLS: choose REQUIRED or "
       "DISABLED"},
      {"mysql://u:p@h/d?ssl_mode=on", "ssl_mode must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"},
      {"mysql://u:p@h/d?ssl_disabled=true&ssl_ca=/ca", "query both disables TLS and asks for it"},
      {"mysql://u:p@h/d?ssl_mode=DISABLED&ssl_verify_cert=1", "query both disables TLS and asks for it"},
      {"mysql://u:p@h/d?ssl_mode=REQUIRED&ssl_disabled=1", "query both disables TLS and asks for it"},
      {"mysql://u:p@h/d?ssl_mode=DISABLED&ssl_disabled=0", "query both disables TLS and asks for it"},
      {"mysql://u:p@h/d?ssl_mode=REQUIRED&ssl_verify_cert=1",
       "query has ssl_mode and other keys that say what to verify: leave one out"},
      {"mysql://u:p@h/d?ssl_verify_cert=0&ssl_verify_identity=1",
       "query asks for the server's name to be verified but not its certificate"},
      {"mysql://u:p@h/d?ssl_verify_identity=1&ssl_check_hostname=0",
       "query contradicts itself with ssl_check_hostname"},
  };
  for (auto& [uri, want] : rows) {
    MESSAGE(uri);
    CHECK_EQ(uri_error(uri), "database URI: the " + want);
  }
}

SCENARIO("the endpoint shows place and database without the login") {
  auto endpoint = [](const char* uri) { return parse_uri(uri).endpoint(); };
  CHECK_EQ(endpoint("mysql://u:p@db.example/bato"), "db.example:3306/bato");
  CHECK_EQ(endpoint("mysql://u:p@db.example:3307"), "db.example:3307");
  CHECK_EQ(endpoint("mysql://u:p@[::1]:3307/bato"), "[::1]:3307/bato");
  CHECK_EQ(endpoint("mysql://u:p@/bato?unix_socket=/run/mysqld.sock"), "/run/mysqld.sock/bato");
}
