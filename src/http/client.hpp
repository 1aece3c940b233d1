#pragma once

#include <chrono>
#include <string>

namespace cenote::http {

/// A server's answer, or why there is none.
struct fetched {
  int status = 0; ///< Zero: no answer.
  std::string body;
  std::string problem; ///< Empty: none.
};

/// Asks for a small document and waits for it.
/// @param url `http://host:port/path`; the path may be missing.
/// @param path replaces a path that is missing or `/`.
/// @param patience longest time for the whole exchange, except for the resolution of a name.
fetched fetch(const std::string& url, const std::string& path, std::chrono::milliseconds patience);

} // namespace cenote::http
