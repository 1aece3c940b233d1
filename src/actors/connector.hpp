#pragma once

#include "actors/connection_factory.hpp"
#include "actors/lane.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <vector>

namespace cenote {

/// Opens real connections. DNS, TLS and logins block, so each is done by a short-lived actor with a thread of its own;
/// then the session goes to a connection actor on one of the lanes, in turn.
class connector : public connection_factory {
public:
  /// @param lanes at least one.
  connector(caf::actor_system& sys, server_settings server, std::vector<lane_ptr> lanes);

  void open(connection_id id, const supervisor_actor& pool) override;
  std::string endpoint() const override;

private:
  caf::actor_system& sys_;
  std::shared_ptr<const server_settings> server_;
  std::vector<lane_ptr> lanes_;
  size_t next_lane_ = 0;
};

/// Tells the server to end a session that cenote has given up, in the background. Errors are only logged.
void end_server_session(caf::actor_system& sys, std::shared_ptr<const server_settings> server, uint64_t id);

} // namespace cenote
