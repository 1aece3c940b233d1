#pragma once

#include "cenote/pool.hpp"
#include "support/scripted_pool.hpp"

namespace cenote::test {

/// A retrier in front of a scripted pool.
class retried_pool : public virtual_time {
public:
  explicit retried_pool(const retry_settings& rules = {})
      : pool{*this}, retrier{own(spawn_retrier(sys, pool.handle(), rules))} {
    settle();
  }

  auto execute(statement query) { return ask<result>(retrier, execute_atom_v, std::move(query)); }

  scripted_pool pool;
  pool_actor retrier;
};

} // namespace cenote::test
