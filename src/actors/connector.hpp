#pragma once

#include "actors/connection_factory.hpp"
#include "actors/lane.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <vector>

namespace cenote {

/// Opens real connections. DNS, TLS and logins block, so each connect has a thread of its own, and a short-lived actor
/// that watches its time; then the session goes to a connection actor on one of the lanes, in turn.
class connector : public connection_factory {
public:
  /// @param lanes at least one.
  connector(caf::actor_system& sys, const server_settings& server, std::vector<lane_ptr> lanes);
  ~connector() override;

  size_t servers() const override { return targets_.size(); }
  void open(connection_id id, size_t server, const supervisor_actor& pool) override;
  std::string endpoint() const override;

private:
  struct target {
    std::shared_ptr<const server_settings> server;
    controller_actor controller;
  };

  caf::actor_system& sys_;
  std::string endpoint_;
  std::vector<target> targets_;
  std::vector<lane_ptr> lanes_;
};

} // namespace cenote
