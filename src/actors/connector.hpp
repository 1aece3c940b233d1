#pragma once

#include "actors/connection_factory.hpp"
#include "cenote/settings.hpp"
#include "runtime/io_thread.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <vector>

namespace cenote {

/// Opens real connections. DNS, TLS and logins block, so each connect has a thread of its own, and a short-lived actor
/// that watches its time; then the session goes to a connection actor on one of the I/O threads, in turn.
class connector : public connection_factory {
public:
  /// @param io_threads at least one.
  /// @param max_prepared see `keep_prepared`.
  connector(caf::actor_system& sys, const server_settings& server, const std::vector<io_thread_ptr>& io_threads,
            size_t max_prepared);
  ~connector() override;

  size_t servers() const override { return targets_.size(); }
  void open(connection_id id, size_t server, const internal_pool_actor& pool,
            const metrics::operation_metrics_ptr& measured) override;
  bool leads_to(const server_settings& settings) const override;
  bool reconfigure(const server_settings& settings) override;
  bool keep_prepared(size_t max) override;
  std::string endpoint() const override;
  std::string endpoint(size_t server) const override;

private:
  struct target {
    std::shared_ptr<const server_settings> server;
    canceller_actor canceller;
  };

  caf::actor_system& sys_;
  server_settings server_;
  std::vector<target> targets_;
  size_t max_prepared_;
  std::vector<io_thread_ptr> io_threads_; ///< For connections alone.
};

} // namespace cenote
