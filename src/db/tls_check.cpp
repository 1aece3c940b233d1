#include "db/tls_check.hpp"
#include "types/line_end.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <errmsg.h>

namespace cenote::db {

namespace {

constexpr size_t max_passphrase = 1023; // OpenSSL has room for no more.

template <class T, void (*Free)(T*)>
struct freed_by {
  void operator()(T* object) const noexcept { Free(object); }
};

using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX, SSL_CTX_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY, EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509, X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO, BIO_free_all>>;

tl::unexpected<driver_error> wrong_setting(std::string text) {
  ERR_clear_error();
  return tl::unexpected{driver_error{error_source::settings, phase::connecting, 0, "", std::move(text)}};
}

tl::unexpected<driver_error> unreadable(const std::string& file, const std::string& reason) {
  return tl::unexpected{driver_error{error_source::server, phase::connecting, CR_SSL_CONNECTION_ERROR, "HY000",
                                     "cannot read " + file + ": " + reason}};
}

// -- ciphers ---------------------------------------------------------------------

enum class cipher_kind : uint8_t { unknown, tls_1_2, tls_1_3 };

cipher_kind kind_of(const std::string& cipher) {
  context_ptr context{SSL_CTX_new(TLS_client_method())};
  if (!context)
    return cipher_kind::unknown;
  auto result = cipher_kind::unknown;
  // The ciphers of TLS 1.3 are in no list, and those of TLS 1.2 are no suites.
  if (cipher.starts_with("TLS_") && SSL_CTX_set_ciphersuites(context.get(), cipher.c_str()) == 1)
    result = cipher_kind::tls_1_3;
  else if (SSL_CTX_set_cipher_list(context.get(), cipher.c_str()) == 1)
    result = cipher_kind::tls_1_2;
  ERR_clear_error();
  return result;
}

/// The versions of TLS that can be offered so that the setting holds: Connector/C applies it to one of them only, and
/// leaves the other as it is.
tl::expected<std::string, driver_error> versions_for(const std::string& ciphers) {
  if (ciphers.empty())
    return "TLSv1.2,TLSv1.3";
  auto old_ones = false;
  auto new_ones = false;
  for (size_t start = 0; start < ciphers.size();) {
    auto end = std::min(ciphers.find_first_of(":,; ", start), ciphers.size());
    auto name = ciphers.substr(start, end - start);
    start = end + 1;
    if (name.empty())
      continue;
    if (name.front() == '@') { // @STRENGTH, @SECLEVEL=2.
      old_ones = true;
      continue;
    }
    auto plain = name.substr(std::min(name.find_first_not_of("!+-"), name.size()));
    switch (kind_of(plain)) {
    case cipher_kind::unknown:
      return wrong_setting("ssl_cipher: OpenSSL knows no cipher \"" + name
                           + "\": `openssl ciphers -v` lists those it knows");
    case cipher_kind::tls_1_2:
      old_ones = true;
      break;
    case cipher_kind::tls_1_3:
      if (plain != name)
        return wrong_setting("ssl_cipher: ciphers of TLS 1.3 such as \"" + plain
                             + "\" cannot be excluded: name those that are permitted");
      new_ones = true;
      break;
    }
  }
  if (old_ones && new_ones)
    return wrong_setting("ssl_cipher names ciphers of TLS 1.3, which begin with TLS_, and of TLS 1.2: name those of "
                         "one of them, which is "
                         "then the only version that is offered");
  if (new_ones)
    return "TLSv1.3";
  context_ptr context{SSL_CTX_new(TLS_client_method())};
  if (!context || SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) != 1)
    return wrong_setting("ssl_cipher permits no cipher at all");
  return "TLSv1.2";
}

// -- the client's key --------------------------------------------------------------

/// A request of OpenSSL for a passphrase, and its answer.
struct passphrase_request {
  std::string_view answer;
  bool asked = false;
};

int answer_request(char* buffer, int size, int, void* data) {
  auto& request = *static_cast<passphrase_request*>(data);
  request.asked = true;
  auto length = std::min(request.answer.size(), static_cast<size_t>(size));
  std::memcpy(buffer, request.answer.data(), length);
  return length == 0 ? -1 : static_cast<int>(length);
}

tl::expected<std::string, driver_error> passphrase_of(const server_settings& server) {
  auto& name = server.tls_key_passphrase_file;
  auto text = server.tls_key_passphrase.reveal();
  if (!name.empty()) {
    std::ifstream file{name, std::ios::binary};
    if (!file)
      return unreadable(name, std::generic_category().message(errno));
    text.clear();
    for (char c; text.size() <= max_passphrase + 2 && file.get(c);)
      text += c;
    if (file.bad())
      return unreadable(name, std::generic_category().message(errno));
    text = detail::without_line_end(std::move(text));
    if (text.empty())
      return wrong_setting("ssl_key_passphrase_file: the file " + name + " is empty");
  }
  if (text.size() > max_passphrase)
    return wrong_setting("the passphrase of ssl_key is longer than 1023 bytes, the most that OpenSSL takes");
  if (text.find('\0') != std::string::npos)
    return wrong_setting("the passphrase of ssl_key contains a NUL byte");
  return text;
}

/// Connector/C reads the key from the certificate's file if no other is named, and the other way round.
tl::expected<std::string, driver_error> check_key(const server_settings& server) {
  auto passphrase = passphrase_of(server);
  if (!passphrase)
    return passphrase;
  auto& key_file = server.tls_key.empty() ? server.tls_cert : server.tls_key;
  auto& certificate_file = server.tls_cert.empty() ? server.tls_key : server.tls_cert;
  if (key_file.empty())
    return passphrase;
  ERR_clear_error();
  passphrase_request request{*passphrase};
  bio_ptr file{BIO_new_file(key_file.c_str(), "rb")};
  key_ptr key{file ? PEM_read_bio_PrivateKey(file.get(), nullptr, answer_request, &request) : nullptr};
  if (!key && request.asked && passphrase->empty())
    return wrong_setting("the key in " + key_file
                         + " is encrypted: put its passphrase into a file and name that with ssl_key_passphrase_file, "
                           "or into the environment variable DATABASE_SSL_KEY_PASSPHRASE");
  if (!key && request.asked)
    return wrong_setting("the passphrase given for the key in " + key_file + " is wrong");
  if (!key)
    return wrong_setting(key_file + " holds no private key in PEM form");
  passphrase_request no_answer;
  file.reset(BIO_new_file(certificate_file.c_str(), "rb"));
  certificate_ptr certificate{file ? PEM_read_bio_X509(file.get(), nullptr, answer_request, &no_answer) : nullptr};
  if (!certificate)
    return wrong_setting(certificate_file + " holds no certificate in PEM form"
                         + (no_answer.asked ? " that is not encrypted" : ""));
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return wrong_setting("the key in " + key_file + " is not that of the certificate in " + certificate_file);
  ERR_clear_error();
  return passphrase;
}

} // namespace

tl::expected<tls_choice, driver_error> check_tls(const server_settings& server) {
  for (const auto* file : {&server.tls_ca, &server.tls_capath, &server.tls_cert, &server.tls_key})
    if (!file->empty() && ::access(file->c_str(), R_OK) != 0)
      return unreadable(*file, std::generic_category().message(errno));
  auto versions = versions_for(server.tls_cipher);
  if (!versions)
    return tl::unexpected{std::move(versions.error())};
  auto passphrase = check_key(server);
  if (!passphrase)
    return tl::unexpected{std::move(passphrase.error())};
  return tls_choice{std::move(*versions), passphrase->empty() ? "none" : std::move(*passphrase)};
}

} // namespace cenote::db
