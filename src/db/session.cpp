#include "db/session.hpp"

#include "db/io_limit.hpp"
#include "db/tls_check.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <errmsg.h>

// What ma_pvio.h takes for granted.
using uchar = unsigned char;
#define HAVE_TLS
#include <ma_pvio.h>

namespace cenote::db {

namespace {

driver_error client_error(unsigned number, std::string text) {
  return {error_source::server, phase::connecting, number, "HY000", std::move(text)};
}

/// Connector/C ends the texts of failed connects with a bare system error number: `... (111)`. Adds its meaning.
void explain_number(std::string& text, unsigned number) {
  auto open = text.rfind('(');
  if (open == std::string::npos || !text.ends_with(')'))
    return;
  int code = 0;
  auto end = text.data() + text.size() - 1;
  if (auto [ptr, ec] = std::from_chars(text.data() + open + 1, end, code); ec != std::errc{} || ptr != end)
    return;
  std::string meaning;
  if (number == CR_UNKNOWN_HOST)
    meaning = ::gai_strerror(code);
  else if (code == EINPROGRESS) // Left over from a connect that failed later: Connector/C drops the real error.
    meaning = "refused, or the host cannot be reached";
  else if (code > 0)
    meaning = std::generic_category().message(code);
  if (!meaning.empty())
    text.insert(text.size() - 1, ": " + meaning);
}

/// Sets options of one handle and remembers whether all were accepted.
class option_setter {
public:
  explicit option_setter(MYSQL& session) : session_{session} {
    // nop
  }

  void set(mysql_option option, const char* setting) { failed_ |= mysql_optionsv(&session_, option, setting) != 0; }
  void set(mysql_option option, const std::string& setting) { set(option, setting.c_str()); }
  void set(mysql_option option, bool setting) {
    my_bool raw = setting;
    set_raw(option, &raw);
  }
  void set(mysql_option option, unsigned setting) { set_raw(option, &setting); }
  void set(mysql_option option, size_t setting) { set_raw(option, &setting); }

  void set_if_given(mysql_option option, const std::string& setting) {
    if (!setting.empty())
      set(option, setting);
  }

  void add_attribute(const char* key, const std::string& setting) {
    failed_ |= mysql_optionsv(&session_, MYSQL_OPT_CONNECT_ATTR_ADD, key, setting.c_str()) != 0;
  }

  void set_wait(int (*wait)(int, char, int) noexcept) {
    failed_ |= mysql_optionsv(&session_, MARIADB_OPT_IO_WAIT, wait) != 0;
  }

  bool failed() const noexcept { return failed_; }

private:
  void set_raw(mysql_option option, const void* setting) { failed_ |= mysql_optionsv(&session_, option, setting) != 0; }

  MYSQL& session_;
  bool failed_ = false;
};

/// Connector/C calls `wait_for_socket` for every wait, which keeps the time limit. Its own limits are set only because
/// it derives those of the socket from them, so that a read by OpenSSL ends some time. They are in whole seconds, and
/// zero means no limit.
void set_timeouts(option_setter& options, const server_settings& server) {
  auto max_seconds = static_cast<unsigned>(
      std::clamp<int64_t>(std::chrono::ceil<std::chrono::seconds>(server.connect_timeout).count(), 1, 1'000'000));
  for (auto option : {MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT})
    options.set(option, max_seconds);
  options.set_wait(wait_for_socket);
}

std::string environment_or(const char* name, const char* fallback) {
  auto setting = std::getenv(name);
  return setting != nullptr ? setting : fallback;
}

void set_authorities(option_setter& options, const server_settings& server) {
  if (!server.tls_ca.empty() || !server.tls_capath.empty()) {
    options.set_if_given(MYSQL_OPT_SSL_CA, server.tls_ca);
    options.set_if_given(MYSQL_OPT_SSL_CAPATH, server.tls_capath);
    return;
  }
  // Without either, Connector/C checks no chain at all. These are OpenSSL's own locations.
  auto file = environment_or(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  if (::access(file.c_str(), R_OK) == 0)
    options.set(MYSQL_OPT_SSL_CA, file);
  options.set(MYSQL_OPT_SSL_CAPATH, environment_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
}

void set_tls(option_setter& options, const server_settings& server, const tls_choice& choice) {
  auto wanted = server.tls != tls_mode::disabled;
  options.set(MYSQL_OPT_SSL_ENFORCE, wanted);
  options.set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, server.tls == tls_mode::verify_full);
  if (!wanted)
    return;
  // MYSQL_OPT_SSL_ENFORCE alone lets a server without TLS have the password. A fingerprint, even an empty one that
  // nothing is compared with, makes Connector/C refuse such a server before it logs in.
  options.set(MARIADB_OPT_TLS_PEER_FP, "");
  options.set(MARIADB_OPT_TLS_VERSION, choice.versions);
  options.set_if_given(MYSQL_OPT_SSL_CERT, server.tls_cert);
  options.set_if_given(MYSQL_OPT_SSL_KEY, server.tls_key);
  options.set(MARIADB_OPT_TLS_PASSPHRASE, choice.passphrase);
  options.set_if_given(MYSQL_OPT_SSL_CIPHER, server.tls_cipher);
  if (server.tls != tls_mode::required)
    set_authorities(options, server);
}

/// Login methods that do not give the password away to an impostor.
const char* login_methods(const server_settings& server) {
  if (server.tls != tls_mode::disabled || !server.unix_socket.empty())
    return "mysql_native_password,client_ed25519,caching_sha2_password";
  return "mysql_native_password,client_ed25519";
}

/// The largest packet to accept: one row of `max_result_bytes` with the lengths of its cells. A larger row would be
/// refused in any case, but only after Connector/C has made room for it.
size_t largest_packet(const server_settings& server) {
  constexpr uint64_t min_bytes = 64u << 10;
  return std::max(server.max_result_bytes, min_bytes) + 4096;
}

bool set_options(MYSQL& session, const server_settings& server, const tls_choice& choice) {
  option_setter options{session};
  options.set(MYSQL_OPT_LOCAL_INFILE, 0u); // On by default, and reads any file of this machine.
  options.set(MYSQL_OPT_RECONNECT, false);
  options.set(MYSQL_SET_CHARSET_NAME, session_charset);
  options.set(MYSQL_OPT_PROTOCOL,
              static_cast<unsigned>(server.unix_socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET));
  options.set(MYSQL_OPT_MAX_ALLOWED_PACKET, largest_packet(server));
  options.set(MARIADB_OPT_RESTRICTED_AUTH, login_methods(server));
  options.set_if_given(MYSQL_OPT_BIND, server.bind_address);
  options.add_attribute("program_name", server.program_name);
  if (server.compress)
    options.set(MYSQL_OPT_COMPRESS, true);
  set_timeouts(options, server);
  set_tls(options, server, choice);
  return !options.failed();
}

/// An error text if Connector/C would misinterpret these settings, otherwise empty.
std::string misleading(const server_settings& server) {
  // It takes `a=b;c` for a connection string, `x://` for the name of a plugin, and `a,b` for a list.
  if (server.unix_socket.empty() && (server.host.empty() || server.host.find_first_of(";=, /") != std::string::npos))
    return "\"" + server.host + "\" is not a host name or address";
  return {};
}

/// Number of addresses of a host; one if it is unknown. Connector/C tries one after the other.
size_t addresses_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_protocol = IPPROTO_TCP;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
    return 1;
  size_t result = 0;
  for (auto address = found; address != nullptr; address = address->ai_next)
    ++result;
  ::freeaddrinfo(found);
  return result;
}

tl::unexpected<driver_error> failed(MYSQL& session, std::string_view action) {
  auto error = current_error(session, phase::connecting);
  error.phase = phase::setting_up;
  error.text = std::string{action} + " failed: " + error.text;
  return tl::unexpected{std::move(error)};
}

} // namespace

void forget_tls_errors() noexcept {
  ERR_clear_error();
}

bool has_input(const MYSQL& session) noexcept {
  auto io = session.net.pvio;
  if (io == nullptr)
    return true;
  return io->cache_pos < io->cache + io->cache_size
         || (io->ctls != nullptr && SSL_has_pending(static_cast<SSL*>(io->ctls->ssl)) == 1);
}

driver_error current_error(MYSQL& session, phase when) {
  driver_error result{error_source::server, when, mysql_errno(&session), mysql_sqlstate(&session),
                      mysql_error(&session)};
  // Connector/C reports some malformed packets without a number, and malformed rows as an unknown error. One of its own
  // numbers in an error packet of the server says nothing about what was sent.
  auto from_server = when == phase::waiting && mysql_get_socket(&session) != MARIADB_INVALID_SOCKET;
  if (result.number == 0 || result.number == CR_UNKNOWN_ERROR
      || (from_server && (result.number == CR_SERVER_GONE_ERROR || result.number == CR_ERR_NET_WRITE)))
    result = {error_source::server, when, CR_MALFORMED_PACKET, "HY000",
              "the server's answer is malformed: " + (result.text.empty() ? "it makes no sense" : result.text)};
  if (when != phase::connecting)
    return result;
  explain_number(result.text, result.number);
  if (auto time = io_limit::current(); time != nullptr && time->over())
    result.text += ", which was given up after connect-timeout, " + seconds(time->limit());
  return result;
}

void forget_error(MYSQL& session) noexcept {
  session.net.last_errno = 0;
  session.net.last_error[0] = '\0';
}

bool is_compressed(const MYSQL& session) noexcept {
  return session.net.compress != 0;
}

bool had_no_room(const MYSQL& session) noexcept {
  constexpr int no_room = 1; // A lost connection has another number.
  return session.net.error == no_room;
}

bool is_utf8_name(std::string_view charset) noexcept {
  return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8";
}

bool is_ascii_safe(const MARIADB_CHARSET_INFO& charset) noexcept {
  return charset.char_maxlen <= 1 || std::string_view{charset.csname}.starts_with("utf8");
}

tl::expected<session_ptr, driver_error> log_in(const server_settings& server) {
  init_library();
  if (auto text = misleading(server); !text.empty())
    return tl::unexpected{client_error(CR_UNKNOWN_HOST, std::move(text))};
  if (!is_utf8_name(server.charset))
    return tl::unexpected{
        client_error(CR_CANT_READ_CHARSET,
                     "the character set \"" + server.charset + "\" cannot be used: all text is UTF-8, use utf8mb4")};
  tls_choice choice;
  if (server.tls != tls_mode::disabled) {
    auto checked = check_tls(server);
    if (!checked)
      return tl::unexpected{std::move(checked.error())};
    choice = std::move(*checked);
  }
  if (auto time = io_limit::current()) {
    time->limit_each(server.read_timeout, server.write_timeout);
    if (server.unix_socket.empty())
      time->expect_addresses(addresses_of(server.host));
  }
  // Always a new handle: a failed connect wipes its options, and the second try would go without TLS.
  session_ptr session{mysql_init(nullptr)};
  if (!session || !set_options(*session, server, choice))
    return tl::unexpected{client_error(CR_OUT_OF_MEMORY, "Connector/C is out of memory, or too old for an option")};
  auto local = !server.unix_socket.empty();
  forget_tls_errors();
  // The password must not be a null pointer: Connector/C would use the environment variable MYSQL_PWD.
  if (mysql_real_connect(session.get(), local ? nullptr : server.host.c_str(), server.user.c_str(),
                         server.password.reveal().c_str(), server.database.empty() ? nullptr : server.database.c_str(),
                         server.port, local ? server.unix_socket.c_str() : nullptr, 0)
      == nullptr)
    return tl::unexpected{current_error(*session, phase::connecting)};
  if (server.tls != tls_mode::disabled && mysql_get_ssl_cipher(session.get()) == nullptr)
    return tl::unexpected{client_error(CR_SSL_CONNECTION_ERROR, "TLS is required, but the server does not offer it")};
  return session;
}

namespace {

tl::unexpected<driver_error> too_much(std::string_view action) {
  return tl::unexpected{
      client_error(CR_MALFORMED_PACKET, std::string{action} + " failed: its answer did not end within connect-timeout, "
                                            + seconds(io_limit::current()->limit()))};
}

/// Whether it is time to stop reading, even if the server still has more to send.
bool is_too_late() {
  auto time = io_limit::current();
  return time != nullptr && time->over();
}

struct result_freer {
  void operator()(MYSQL_RES* rows) const noexcept {
    rows->handle = nullptr; // Otherwise it would read the rest of the rows first.
    mysql_free_result(rows);
  }
};

using result_ptr = std::unique_ptr<MYSQL_RES, result_freer>;

} // namespace

tl::expected<cells, driver_error> ask(MYSQL& session, const std::string& sql, std::string_view action) {
  std::optional<cells> first;
  forget_tls_errors();
  // A query that cannot be sent gives -1 as well, which only later means that there are no more results.
  if (mysql_real_query(&session, sql.data(), sql.size()) != 0)
    return failed(session, action);
  for (auto status = 0; status != -1; status = mysql_next_result(&session)) {
    if (status > 0)
      return failed(session, action);
    if (is_too_late())
      return too_much(action);
    result_ptr rows{mysql_use_result(&session)};
    if (!rows && mysql_field_count(&session) != 0)
      return failed(session, action);
    auto columns = rows ? mysql_num_fields(rows.get()) : 0;
    for (auto row = rows ? mysql_fetch_row(rows.get()) : nullptr; row != nullptr; row = mysql_fetch_row(rows.get())) {
      if (is_too_late())
        return too_much(action);
      if (first)
        continue;
      first.emplace();
      auto lengths = mysql_fetch_lengths(rows.get());
      for (unsigned i = 0; i < columns; ++i)
        first->push_back(row[i] != nullptr ? std::string{row[i], lengths[i]} : std::string{});
    }
    if (rows && mysql_errno(&session) != 0)
      return failed(session, action);
  }
  if (mysql_errno(&session) != 0) // Refused by Connector/C itself, as LOAD DATA LOCAL is.
    return failed(session, action);
  return std::move(first).value_or(cells{});
}

} // namespace cenote::db
