#pragma once

#include "net/tls_identity.hpp"

#include <string>

#include <openssl/ssl.h>

namespace cenote::net {

/// Why a call of OpenSSL has failed, in words that say what to check, and on which side. Empties the calling thread's
/// error queue.
/// @param role of this side.
/// @param host for which the peer's certificate had to be; empty at a node.
std::string tls_problem(SSL* connection, tls_role role, const std::string& host);

} // namespace cenote::net
