#include "net/tls_problem.hpp"
#include "net/openssl.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

namespace cenote::net {

namespace {

constexpr size_t max_shown = 200; // Characters of what a peer's certificate names.

/// An alternative name as a text that is safe for a terminal; empty if it is neither a host name nor an IP address.
std::string text_of(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    std::string out{reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                    static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))};
    for (auto& c : out)
      if (c < 0x20 || c >= 0x7f)
        c = '?';
    return out;
  }
  if (name->type != GEN_IPADD)
    return "";
  auto size = ASN1_STRING_length(name->d.iPAddress);
  char buffer[INET6_ADDRSTRLEN] = {};
  if (size == 4 || size == 16)
    inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), buffer, sizeof(buffer));
  return buffer;
}

/// The hosts that a certificate is for: `localhost, 127.0.0.1`.
std::string hosts_of(const X509* certificate) {
  std::string out;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (auto i = 0; i < sk_GENERAL_NAME_num(names); ++i)
    if (auto text = text_of(sk_GENERAL_NAME_value(names, i)); !text.empty())
      out += (out.empty() ? "" : ", ") + text;
  GENERAL_NAMES_free(names);
  if (out.size() > max_shown)
    out = out.substr(0, max_shown) + "...";
  return out.empty() ? "no host at all" : out;
}

/// Why we have refused the peer's certificate.
std::string refused_certificate(const certificate_refusal& refusal, tls_role role, const std::string& host) {
  const auto* usage = role == tls_role::node ? "clientAuth" : "serverAuth";
  auto name = common_name(refusal.certificate.get());
  auto subject = std::string{"the certificate of "} + (role == tls_role::node ? "the client" : "the node")
                 + (name.empty() ? "" : " \"" + name + "\"");
  switch (refusal.error) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    if (refusal.of_ca)
      return "a CA with which " + subject + " is signed has expired: renew it, or the clock of this machine is wrong";
    return subject + " has expired at " + date_text(X509_get0_notAfter(refusal.certificate.get()))
           + ": renew it there, or the clock of this machine is wrong";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return subject + ", or its CA, is not valid yet: check the clocks of both machines";
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    return subject + " is not signed by the CA of this side: check the CA here, and the certificate there";
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return subject + " is not for " + host + ", but for " + hosts_of(refusal.certificate.get())
           + ": connect to one of these, or make a certificate there that names " + host;
  case X509_V_ERR_INVALID_PURPOSE:
    return subject + " is not for its role: its extended key usage has to include " + usage;
  default:
    return subject + " was refused: " + X509_verify_cert_error_string(refusal.error);
  }
}

/// Why the peer has ended the connection, by an alert.
std::string peer_alert(int reason, tls_role role) {
  const auto* peer = role == tls_role::node ? "the client" : "the node";
  const auto* usage = role == tls_role::node ? "serverAuth" : "clientAuth";
  auto refused = std::string{peer} + " has refused the certificate of this side";
  switch (reason) {
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    return refused + ": it is not signed by the CA there: check the certificate here, and the CA there";
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    return refused + ": it has expired: renew it here; or the clock there is wrong";
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    return refused + ": it has been revoked: get a new one here";
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    return refused + ": it is not for this role: its extended key usage has to include " + usage;
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    return refused
           + (role == tls_role::node ? ": it is not for the host that the client connects to, or not valid yet"
                                     : ": it is not valid, or not yet: check it, and the clocks of both machines");
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    return refused + ": what is wrong with it, its log may tell";
  case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    return std::string{peer} + " demands a certificate: name certificate, key and CA here";
  case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    return std::string{peer} + " does not speak TLS 1.3: is it cenote?";
  case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
  case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
    return std::string{peer} + " shares no cipher or kind of key with this side: use keys such as EC P-256 or RSA 2048";
  default: {
    const auto* text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
    return std::string{peer} + " has ended the connection: " + (text == nullptr ? "unknown alert" : text);
  }
  }
}

} // namespace

std::string tls_problem(tls_role role, const std::string& host, const certificate_refusal& refusal) {
  const auto* peer = role == tls_role::node ? "the client" : "the node";
  auto error = ERR_peek_error(); // The first one is the cause of the others.
  auto reason = ERR_GET_REASON(error);
  auto in_ssl = ERR_GET_LIB(error) == ERR_LIB_SSL;
  if (!in_ssl)
    return std::string{"TLS has failed: "} + openssl_reason();
  auto last = ERR_peek_last_error();
  ERR_clear_error();
  if (refusal.certificate)
    return refused_certificate(refusal, role, host);
  if (reason > SSL_AD_REASON_OFFSET)
    return peer_alert(reason, role);
  switch (reason) {
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return std::string{peer} + " has shown no certificate: name certificate, key and CA there";
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_VERSION_TOO_LOW:
  case SSL_R_NO_PROTOCOLS_AVAILABLE:
    return std::string{peer} + " does not speak TLS 1.3: is it cenote?";
  case SSL_R_NO_SHARED_CIPHER:
  case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
  case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
  case SSL_R_NO_SUITABLE_KEY_SHARE:
    return std::string{peer} + " shares no cipher or kind of key with this side: use keys such as EC P-256 or RSA 2048";
  case SSL_R_HTTP_REQUEST:
  case SSL_R_HTTPS_PROXY_REQUEST:
    return std::string{peer} + " speaks HTTP: this port is for cenote's nodes and clients only";
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_WRONG_SSL_VERSION:
  case SSL_R_UNKNOWN_PROTOCOL:
  case SSL_R_RECORD_TOO_SMALL:
  case SSL_R_PACKET_LENGTH_TOO_LONG:
  case SSL_R_UNEXPECTED_MESSAGE:
  case SSL_R_BAD_RECORD_TYPE:
  case SSL_R_UNEXPECTED_RECORD:
    return std::string{peer}
           + " does not speak TLS as expected: if it is cenote, name certificate, key and CA there as well";
  default: {
    const auto* text = ERR_reason_error_string(last);
    return std::string{"TLS with "} + peer + " has failed: " + (text == nullptr ? "unknown reason" : text);
  }
  }
}

} // namespace cenote::net
