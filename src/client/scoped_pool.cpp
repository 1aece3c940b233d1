#include "cenote/scoped_pool.hpp"

#include "cenote/error.hpp"
#include "cenote/pool.hpp"
#include "client/waiting_thread.hpp"
#include "log/log.hpp"
#include "runtime/logger_guard.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <exception>
#include <utility>

namespace cenote {

scoped_pool::scoped_pool(caf::actor_system& sys, const settings& config)
    : scoped_pool{sys, config.server, config.pool} {
  front_ = spawn_retrier(
      sys, pool_,
      config.retry); // If this throws, the destructor closes the pool: the delegated constructor has finished.
}

scoped_pool::scoped_pool(caf::actor_system& sys, const server_settings& server, const pool_settings& rules)
    : sys_{&sys}, pool_{spawn_pool(sys, server, rules)}, drain_timeout_{rules.drain_timeout} {
  // nop
}

scoped_pool::scoped_pool(scoped_pool&& from) noexcept
    : sys_{from.sys_},
      pool_{std::exchange(from.pool_, nullptr)},
      front_{std::exchange(from.front_, nullptr)},
      drain_timeout_{from.drain_timeout_} {
  // nop
}

scoped_pool& scoped_pool::operator=(scoped_pool&& from) noexcept {
  if (this != &from) {
    close();
    sys_ = from.sys_;
    pool_ = std::exchange(from.pool_, nullptr);
    front_ = std::exchange(from.front_, nullptr);
    drain_timeout_ = from.drain_timeout_;
  }
  return *this;
}

scoped_pool::~scoped_pool() {
  close();
}

drain_report scoped_pool::close() noexcept try {
  drain_report out;
  front_ = nullptr;
  auto pool = std::exchange(pool_, nullptr);
  if (!pool)
    return out;
  if (runs_actors()) {
    caf::anon_send(pool, drain_atom_v, drain_timeout_);
    return out;
  }
  logger_guard logger;
  caf::scoped_actor self{*sys_};
  // No timeout of CAF's: a pool ends the remaining work when its time is up. It may also have ended already.
  self->request(pool, caf::infinite, drain_atom_v, drain_timeout_)
      .receive([&out](const drain_report& report) { out = report; }, [](const caf::error&) {});
  return out;
} catch (const std::exception& err) {
  // Nothing here throws except for lack of memory.
  log().error("a pool could not be closed: {}", err.what());
  return {};
}

} // namespace cenote
