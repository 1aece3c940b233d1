#pragma once

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <string>

namespace cenote::test {

/// Lets statements wait on the server until a test goes on: `GET_LOCK('gate', 60)` does not return before it is opened.
/// Held by a session of its own, as what a single statement locks is released when that has been answered.
class gate {
public:
  explicit gate(pool_fixture& world)
      : keeper_{world.system(), world.start_full_pool(world.server.settings(), rules_for(1))},
        session_{keeper_.checkout()} {
    keeper_.must(session_, read("SELECT GET_LOCK('gate', 0)"));
  }

  void open() { keeper_.must(session_, read("SELECT RELEASE_LOCK('gate')")); }

private:
  session_user keeper_;
  session_id session_;
};

} // namespace cenote::test
