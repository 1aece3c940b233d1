#pragma once

#include "db/connection.hpp"

#include <string>

#include <tl/expected.hpp>

namespace cenote::db {

/// The parameters of Connector/C for TLS, besides the names of files.
struct tls_choice {
  std::string versions;   ///< `TLSv1.2,TLSv1.3`, or one of them.
  std::string passphrase; ///< Of the client's key; never empty, because OpenSSL would ask on the terminal.
};

/// Checks for mistakes that Connector/C and OpenSSL would report without names, ignore, or ask a person about: files
/// that cannot be read, ciphers that do not exist, a key whose passphrase is missing or wrong.
tl::expected<tls_choice, driver_error> check_tls(const server_settings& server);

} // namespace cenote::db
