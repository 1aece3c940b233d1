#pragma once

#include "net/openssl.hpp"

#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::net {

/// The certificates in a PEM file, at least one, in their order. Other things in it, such as a key, are skipped.
/// @param purpose for error texts: what they are to the reader.
tl::expected<std::vector<certificate_ptr>, std::string> read_certificates(const std::string& file,
                                                                          const std::string& purpose);

/// The private key in a PEM file that is not readable by everybody. Never asks for a passphrase.
tl::expected<key_ptr, std::string> read_key(const std::string& file);

} // namespace cenote::net
