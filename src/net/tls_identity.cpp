#include "net/tls_identity.hpp"
#include "net/openssl.hpp"
#include "net/pem_file.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace cenote::net {

namespace {

using context_ptr = std::shared_ptr<SSL_CTX>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX, X509_STORE_CTX_free>>;
using time_point = std::chrono::system_clock::time_point;

tl::unexpected<std::string> wrong(std::string text) {
  ERR_clear_error();
  return tl::unexpected{std::move(text)};
}

/// Settings that both roles share. Null if OpenSSL cannot do it.
context_ptr make_context(tls_role role) {
  auto node = role == tls_role::node;
  context_ptr out{SSL_CTX_new(node ? TLS_server_method() : TLS_client_method()), SSL_CTX_free};
  auto* context = out.get();
  // Both ends are ours: there is no older one that a lower version would be for.
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1
      || SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1)
    return nullptr;
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // A CA in the file is trusted without the one that has signed it.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  return out;
}

std::string role_problem(const std::string& file, tls_role role) {
  auto node = role == tls_role::node;
  return "the certificate in " + file + " is not for " + (node ? "a node" : "a client")
         + ": its extended key usage has to include " + (node ? "serverAuth" : "clientAuth")
         + ": make another one, or check that " + (node ? "a client's" : "a node's") + " has not been named";
}

/// Whether the dates of the certificate permit its use now; an empty text, or what is wrong.
std::string date_problem(const X509* certificate, const std::string& name) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    return name + " has expired at " + date_text(X509_get0_notAfter(certificate)) + ": renew it";
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    return name + " is not valid before " + date_text(X509_get0_notBefore(certificate))
           + ": check the clock of this machine";
  return "";
}

tl::expected<void, std::string> add_authorities(SSL_CTX* context, const std::string& file) {
  auto authorities = read_certificates(file, "CA");
  if (!authorities)
    return tl::unexpected{std::move(authorities.error())};
  for (auto& authority : *authorities) {
    if (X509_check_ca(authority.get()) == 0)
      return wrong("the certificate of \"" + common_name(authority.get()) + "\" in " + file
                   + " is not that of a CA: name the file of the CA that has signed the certificates");
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1)
      return wrong("the CA in " + file + " cannot be used: " + openssl_reason());
  }
  return {};
}

time_point expiry_of(const X509* certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
    return time_point::max();
  // The clock may end in 2262, with CAs that are valid until 9999.
  constexpr auto latest = std::chrono::time_point_cast<std::chrono::seconds>(time_point::max());
  return std::min<std::chrono::sys_seconds>(std::chrono::sys_seconds{std::chrono::seconds{::timegm(&parts)}}, latest);
}

/// Verifies our own certificate as the other side will, whose CA is usually the same.
/// @returns when the first certificate of the chain expires.
tl::expected<time_point, std::string> verify(SSL_CTX* context, const std::vector<certificate_ptr>& chain,
                                             const tls_identity::files& names, tls_role role) {
  store_context_ptr verification{X509_STORE_CTX_new()};
  STACK_OF(X509)* between = nullptr;
  SSL_CTX_get0_chain_certs(context, &between);
  if (!verification
      || X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context), chain.front().get(), between) != 1)
    return wrong("OpenSSL cannot verify a certificate: " + openssl_reason());
  X509_STORE_CTX_set_purpose(verification.get(),
                             role == tls_role::node ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_flags(verification.get(), X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_verify_cert(verification.get()) == 1) {
    auto first = time_point::max();
    const auto* verified = X509_STORE_CTX_get0_chain(verification.get());
    for (auto i = 0; i < sk_X509_num(verified); ++i)
      first = std::min(first, expiry_of(sk_X509_value(verified, i)));
    return first;
  }
  auto* culprit = X509_STORE_CTX_get_current_cert(verification.get());
  auto depth = X509_STORE_CTX_get_error_depth(verification.get());
  switch (auto error = X509_STORE_CTX_get_error(verification.get())) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return wrong(date_problem(culprit, "the CA \"" + common_name(culprit) + "\", with which the certificate in "
                                           + names.certificate + " is signed,"));
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    return wrong("the certificate in " + names.certificate + " is not signed by a CA in " + names.ca
                 + ": check that both are of the same CA; certificates between them belong into " + names.certificate);
  case X509_V_ERR_INVALID_PURPOSE:
    if (depth == 0)
      return wrong(role_problem(names.certificate, role));
    [[fallthrough]];
  default:
    return wrong("the certificate in " + names.certificate + " does not stand the check with the CA in " + names.ca
                 + ": " + X509_verify_cert_error_string(error));
  }
}

} // namespace

tls_identity::tls_identity(std::shared_ptr<ssl_ctx_st> context, tls_role role, time_point expires)
    : context_{std::move(context)}, role_{role}, expires_{expires} {
  // nop
}

tl::expected<tls_identity, std::string> tls_identity::load(const files& names, tls_role role) {
  ERR_clear_error();
  auto chain = read_certificates(names.certificate, "certificate");
  if (!chain)
    return tl::unexpected{std::move(chain.error())};
  auto key = read_key(names.key);
  if (!key)
    return tl::unexpected{std::move(key.error())};
  auto* certificate = chain->front().get();
  if (X509_check_private_key(certificate, key->get()) != 1)
    return wrong("the private key " + names.key + " is not that of the first certificate in " + names.certificate
                 + ": name the two files that were made together");
  if (!is_for(certificate, role))
    return wrong(role_problem(names.certificate, role));
  if (auto problem = date_problem(certificate, "the certificate in " + names.certificate); !problem.empty())
    return wrong(std::move(problem));

  auto context = make_context(role);
  if (!context)
    return wrong("OpenSSL cannot offer TLS 1.3: " + openssl_reason());
  if (SSL_CTX_use_certificate(context.get(), certificate) != 1
      || SSL_CTX_use_PrivateKey(context.get(), key->get()) != 1)
    return wrong("the certificate in " + names.certificate + " and its key cannot be used: " + openssl_reason());
  for (size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context.get(), (*chain)[i].get()) != 1)
      return wrong("certificate " + std::to_string(i + 1) + " in " + names.certificate
                   + " cannot be used: " + openssl_reason());
  if (auto added = add_authorities(context.get(), names.ca); !added)
    return tl::unexpected{std::move(added.error())};
  auto expires = verify(context.get(), *chain, names, role);
  if (!expires)
    return tl::unexpected{std::move(expires.error())};
  return tls_identity{std::move(context), role, *expires};
}

} // namespace cenote::net
