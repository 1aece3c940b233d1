#pragma once

#include "http/message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::http {

/// The permission that a route requires.
enum class access : uint8_t {
  open,      ///< None.
  protect,   ///< The token, if one is set.
  privileged ///< The token; without one the route is closed.
};

/// Answers requests: finds the route, and checks method and permission. Knows neither sockets nor threads.
class router {
public:
  using handler = std::function<response(const request&)>;

  /// @param token the token that `Authorization: Bearer` has to show; empty: there is none.
  /// @param local whether only this machine reaches the server: then a request for another host is refused.
  router(std::string token, bool local) : token_{std::move(token)}, local_{local} {
    // nop
  }

  /// Adds a route. One for GET answers HEAD, too.
  /// @param path may end in `/*`, which stands for one more segment: `request::argument`.
  /// @pre no other route has the path.
  void add(std::string method, std::string path, access level, handler answer);

  /// The answer to a request. An exception of a handler becomes status 500.
  response handle(const request& received) const noexcept;

private:
  struct route {
    std::string method;
    std::string path;
    access level;
    handler answer;
  };

  response answer(const request& received) const;
  const route* find(std::string_view path) const;
  bool shows_token(const request& received) const;

  std::string token_;
  bool local_;
  std::vector<route> routes_;
};

/// Whether both are the same. Takes a time that depends on the length of `given` alone.
bool equal_in_constant_time(std::string_view secret, std::string_view given);

/// Whether both are the same but for the case of ASCII letters.
bool same_ignoring_case(std::string_view a, std::string_view b);

/// Whether the header `Accept` names the media type: `application/json`, also with parameters.
bool accepts(const request& received, std::string_view type);

} // namespace cenote::http
