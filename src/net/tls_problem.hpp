#pragma once

#include "net/openssl.hpp"
#include "net/tls_identity.hpp"

#include <string>

namespace cenote::net {

/// A peer's certificate that this side has refused.
struct certificate_refusal {
  certificate_ptr certificate; ///< Null if there was no refusal.
  int error = 0;               ///< An X509_V_ERR.
  bool of_ca = false;          ///< What is wrong is not the certificate itself, but one with which it is signed.
};

/// Why a call of OpenSSL has failed, in words that say what to check, and on which side. Empties the calling thread's
/// error queue.
/// @param role of this side.
/// @param host for which the peer's certificate had to be; empty at a node.
std::string tls_problem(tls_role role, const std::string& host, const certificate_refusal& refusal);

} // namespace cenote::net
