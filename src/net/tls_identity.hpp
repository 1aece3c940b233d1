#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <tl/expected.hpp>

struct ssl_ctx_st; // OpenSSL's SSL_CTX.

namespace cenote::net {

/// What a certificate is used for: its extended key usage has to permit it.
enum class tls_role : uint8_t {
  node,  ///< Accepts connections: serverAuth.
  client ///< Connects: clientAuth.
};

/// The certificate, key and CA with which one side of a connection shows who it is and recognises the other side. Has
/// been checked. Cheap to copy, and can be used by several threads; files that change later do not change it.
///
/// Both sides of a connection speak TLS 1.3 and show a certificate that is signed by the other side's CA and meant for
/// their role.
class tls_identity {
public:
  /// Names of PEM files.
  struct files {
    std::string certificate; ///< First the certificate, then those between it and the CA, if there are any.
    std::string key;         ///< Without a passphrase, and not readable by everybody.
    std::string ca;          ///< One or more CAs.
  };

  /// Reads and checks the files. Never asks on a terminal.
  /// @returns an error that names the file, says what is wrong with it and what to do: it cannot be read or is no PEM
  ///          file, has a passphrase, does not fit the others, is not valid at this time or not for this role.
  static tl::expected<tls_identity, std::string> load(const files& names, tls_role role);

  /// When the first of the certificate and those that it depends on expires. Connections that exist stay.
  std::chrono::system_clock::time_point expires() const noexcept { return expires_; }

  tls_role role() const noexcept { return role_; }

  /// For `stream`.
  ssl_ctx_st* context() const noexcept { return context_.get(); }

private:
  tls_identity(std::shared_ptr<ssl_ctx_st> context, tls_role role, std::chrono::system_clock::time_point expires);

  std::shared_ptr<ssl_ctx_st> context_;
  tls_role role_;
  std::chrono::system_clock::time_point expires_;
};

} // namespace cenote::net
