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
/// @param token shown as `Authorization: Bearer`; empty: none is.
/// @pre `token` is printable ASCII without spaces.
fetched fetch(const std::string& url, const std::string& path, std::chrono::milliseconds patience,
              const std::string& token = {});

/// Whether `fetch` can use the URL.
bool is_url(const std::string& url);

} // namespace cenote::http
