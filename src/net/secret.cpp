#include "net/secret.hpp"

#include <openssl/crypto.h>

namespace cenote::net {

bool same_secret(std::string_view expected, std::string_view shown) {
  return expected.size() == shown.size() && CRYPTO_memcmp(expected.data(), shown.data(), expected.size()) == 0;
}

} // namespace cenote::net
