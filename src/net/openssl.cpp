#include "net/openssl.hpp"

#include <algorithm>
#include <ctime>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace cenote::net {

namespace {

constexpr size_t max_name = 64; // ub-common-name of RFC 5280.

} // namespace

bool is_for(X509* certificate, tls_role role) {
  auto usage = X509_get_extended_key_usage(certificate); // All bits if there is none.
  return usage != UINT32_MAX && (usage & (role == tls_role::node ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) != 0;
}

std::string common_name(const X509* certificate) {
  const auto* subject = X509_get_subject_name(certificate);
  auto index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0)
    return "";
  unsigned char* text = nullptr;
  auto size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0)
    return "";
  std::string out{reinterpret_cast<const char*>(text), std::min(static_cast<size_t>(size), max_name)};
  OPENSSL_free(text);
  for (auto& c : out)
    if (c < 0x20 || c >= 0x7f)
      c = '?';
  return out;
}

std::string date_text(const ASN1_TIME* time) {
  std::tm parts{};
  char buffer[32] = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1 || std::strftime(buffer, sizeof(buffer), "%F %T UTC", &parts) == 0)
    return "an unknown date";
  return buffer;
}

std::string openssl_reason() {
  auto code = ERR_peek_last_error();
  const auto* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

} // namespace cenote::net
