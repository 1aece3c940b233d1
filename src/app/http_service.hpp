#pragma once

#include "app/jobs/texts.hpp"
#include "app/pool_host.hpp"
#include "app/pool_recorder.hpp"
#include "app/pool_watch.hpp"
#include "cenote/node_status.hpp"
#include "cenote/settings.hpp"
#include "http/router.hpp"
#include "http/server.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace cenote::app {

/// What HTTP can have the program do. From any thread.
struct service_control {
  /// Asks for its end.
  std::function<void()> drain;

  /// Reads the settings again: what has changed, or why they cannot be used.
  std::function<tl::expected<std::string, std::string>()> reload;

  /// The settings in force.
  std::function<std::shared_ptr<const settings>()> current;

  /// What is known of the pool node; null: nothing. Empty: there is none.
  std::function<std::shared_ptr<const node_status>()> node{};

  /// What is known of the jobs in the database; null: nothing, or there are none. Empty: nobody looks.
  std::function<std::shared_ptr<const jobs_overview>()> jobs{};
};

/// What `cenote serve` answers over HTTP, while it lives.
class http_service {
public:
  /// Starts it as the settings say; without HTTP it does nothing. If the port is taken and nobody has chosen it, it
  /// logs a warning and does nothing, so that a second `serve` runs on the same machine.
  /// @param watch looks at the pool of `host`.
  /// @param token that requests must show; empty: none.
  /// @param chosen whether `http.listen` is written somewhere.
  /// @throws http::server_error
  http_service(pool_host& host, const settings& how, std::shared_ptr<pool_watch> watch, std::string token, bool chosen,
               service_control control);

  ~http_service();

  /// Where it listens; zero: nowhere.
  uint16_t port() const noexcept;

private:
  void start(const std::string& token);
  http::router make_router(const std::string& token, bool local);

  pool_host& host_;
  http_settings how_;
  service_control control_;
  std::shared_ptr<pool_watch> watch_;
  std::unique_ptr<pool_recorder> recorder_;
  std::unique_ptr<http::router> router_;
  std::unique_ptr<http::server> server_;
};

/// All settings but the database's, none of which is secret, by section and name.
nlohmann::ordered_json to_json(const settings& x);

} // namespace cenote::app
