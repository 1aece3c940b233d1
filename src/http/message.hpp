#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote::http {

/// A request of a client. Bodies are read and dropped: no route takes one.
struct request {
  std::string method; ///< `GET`.
  std::string path;   ///< As it was sent, without the query; nothing is decoded.
  std::string accept; ///< The header of that name; empty: none.
  std::string authorization;
  std::string argument;      ///< What stands for the `*` of its route.
  std::string host;          ///< The header of that name: `localhost:9180`. Only HTTP/1.0 has none.
  std::string origin;        ///< The header of that name: where the page that asks in a browser is from.
  std::string if_none_match; ///< The header of that name: what the client has already.
  std::vector<std::pair<std::string, std::string>> query; ///< In order; as it was sent, nothing is decoded.
};

/// The value of a key in the query; empty if it has none, nothing if there is no such key.
inline std::optional<std::string> query_value(const request& received, std::string_view key) {
  for (auto& [name, value] : received.query)
    if (name == key)
      return value;
  return std::nullopt;
}

/// The answer to a request.
struct response {
  int status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers; ///< Additional ones, or others than all answers have.
  std::string_view document = {}; ///< A body that lives as long as the program; then `body` is empty.
};

/// An answer with one line of text.
inline response line(int status, std::string text) {
  return {status, std::move(text) + "\n", "text/plain; charset=utf-8", {}};
}

} // namespace cenote::http
