#include "cenote/beside.hpp"

#include "log/log.hpp"
#include "log/log_pacer.hpp"
#include "runtime/resident.hpp"

#include <caf/actor_cast.hpp>

namespace cenote::detail {

std::shared_ptr<io_thread> io_thread_of(const pool_actor& pool) {
  return cenote::io_thread_of(pool.home_system(), caf::actor_cast<caf::strong_actor_ptr>(pool));
}

caf::execution_unit* loop_of(io_thread& thread) noexcept {
  return &thread.loop();
}

void warn_of_long_turn(const char* name, std::chrono::nanoseconds took) {
  thread_local log_pacer lines; // Of this I/O thread.
  if (auto count = lines.add(std::chrono::steady_clock::now()))
    log().warn("the actor {} beside a pool has held the pool's I/O thread for {:.1f} ms: no statement is sent and no "
               "answer received meanwhile; spawn it on CAF's scheduler, or let it do less at a time{}",
               name, std::chrono::duration<double, std::milli>{took}.count(), and_more(*count));
}

} // namespace cenote::detail
