#pragma once

#include "integration/app_program.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cenote::test {

/// A connection to a program on this machine, which may send anything.
class http_connection {
public:
  /// @param host an IP address in numbers.
  explicit http_connection(uint16_t port, const std::string& host = "127.0.0.1");
  http_connection(const http_connection&) = delete;
  ~http_connection();

  bool is_open() const noexcept { return open_; }

  /// Whether the system has taken all of it.
  bool send(std::string_view text) const;

  /// All that comes until the other side ends; 15 seconds of silence end it, too.
  std::string rest() const;

private:
  int fd_;
  bool open_ = false;
};

struct http_answer {
  int status = 0; ///< Zero: none.
  std::string head;
  std::string body;
};

/// The first answer in a text.
http_answer parse_answer(const std::string& text);

/// Asks.
/// @param request `GET /livez`.
/// @param headers each with its line end.
http_answer ask(uint16_t port, const std::string& request, const std::string& headers = "",
                const std::string& host = "127.0.0.1");

/// Where the program says that it answers HTTP; zero if it does not say it.
uint16_t port_of(program& serve, const std::string& host = "127.0.0.1");

/// Waits until it holds; false if it takes longer.
bool within(std::chrono::seconds limit, const std::function<bool()>& condition);

/// For a `cenote serve` at any free port of the loopback interface.
environment serve_environment(const std::string& uri);

/// How many statements a server has been sent that were not sent by this function.
class statement_count {
public:
  explicit statement_count(std::string uri);

  /// Since the last call, or the construction.
  int take();

private:
  int questions() const;

  std::string uri_;
  int own_ = 0; ///< What looking costs.
  int last_ = 0;
};

} // namespace cenote::test
