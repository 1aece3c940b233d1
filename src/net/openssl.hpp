#pragma once

#include "net/tls_identity.hpp"

#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace cenote::net {

template <class T, void (*Free)(T*)>
struct freed_by {
  void operator()(T* object) const noexcept { Free(object); }
};

using certificate_ptr = std::unique_ptr<X509, freed_by<X509, X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY, EVP_PKEY_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL, SSL_free>>;

/// Whether the certificate says that it is for the role. One that says nothing would be for both, and one side could
/// pass for the other: it counts as unsuitable, though OpenSSL accepts it.
bool is_for(X509* certificate, tls_role role);

/// The common name of a certificate's subject: printable ASCII, other characters as `?`, 64 at most. May be empty.
std::string common_name(const X509* certificate);

/// A time of a certificate: `2027-01-31 12:00:00 UTC`.
std::string date_text(const ASN1_TIME* time);

/// The reason of the latest failure in the calling thread, in OpenSSL's words. Empties its error queue.
std::string openssl_reason();

} // namespace cenote::net
