#pragma once

#include "support/actor_fixture.hpp"
#include "support/server.hpp"

namespace cenote::test {

/// A pool on the shared server, to prepare tables and to look at them.
class bato_fixture : public actor_fixture {
public:
  bato_fixture() : pool{start_pool(shared_server().settings(), small())} {
    // nop
  }

  pool_actor pool;

private:
  static pool_settings small() {
    pool_settings result;
    result.size = 2;
    return result;
  }
};

} // namespace cenote::test
