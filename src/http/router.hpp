#pragma once

#include "http/message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::http {

/// Who may ask.
enum class access : uint8_t {
  open,      ///< Everybody.
  protect,   ///< If there is a token, who has it.
  privileged ///< Who has the token; if there is none, nobody.
};

/// Says what a request is answered: finds its route, checks its method and whether it is permitted. Knows neither
/// sockets nor threads.
class router {
public:
  using handler = std::function<response(const request&)>;

  /// @param token what `Authorization: Bearer` has to show; empty: there is no token.
  /// @param local whether only this machine reaches the server: then a request for another host is refused.
  router(std::string token, bool local) : token_{std::move(token)}, local_{local} {
    // nop
  }

  /// Adds a route. One for GET answers HEAD, too.
  /// @pre no other route has the path.
  void add(std::string method, std::string path, access who, handler answer);

  /// The answer. What a handler throws becomes status 500.
  response handle(const request& x) const noexcept;

private:
  struct route {
    std::string method;
    std::string path;
    access who;
    handler answer;
  };

  response answer(const request& x) const;
  const route* find(std::string_view path) const;
  bool shows_token(const request& x) const;

  std::string token_;
  bool local_;
  std::vector<route> routes_;
};

/// Whether both are the same. Takes a time that depends on the length of `given` alone.
bool equal_in_constant_time(std::string_view secret, std::string_view given);

/// Whether both are the same but for the case of ASCII letters.
bool same_ignoring_case(std::string_view a, std::string_view b);

/// Whether the header `Accept` names the media type: `application/json`, also with parameters.
bool accepts(const request& x, std::string_view type);

} // namespace cenote::http
