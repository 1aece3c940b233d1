#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cenote::http {

/// A request of a client. Bodies are read and dropped: no route takes one.
struct request {
  std::string method; ///< `GET`.
  std::string path;   ///< As it was sent, without the query; nothing is decoded.
  std::string accept; ///< The header of that name; empty: none.
  std::string authorization;
  std::string argument;    ///< What stands for the `*` of its route.
  bool has_origin = false; ///< Whether there is a header `Origin`: a page in a browser has sent it.
  bool verbose = false;    ///< Whether the query has `verbose`.
};

/// The answer to a request.
struct response {
  int status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers; ///< Additional ones.
};

/// An answer with one line of text.
inline response line(int status, std::string text) {
  return {status, std::move(text) + "\n", "text/plain; charset=utf-8", {}};
}

} // namespace cenote::http
