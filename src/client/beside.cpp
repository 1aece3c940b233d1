#include "cenote/beside.hpp"

#include "log/log.hpp"
#include "log/log_pacer.hpp"
#include "runtime/resident.hpp"

#include <caf/actor_cast.hpp>

#include <cstdint>
#include <map>
#include <mutex>

namespace cenote::detail {

std::shared_ptr<io_thread> io_thread_of(const pool_actor& pool) {
  return cenote::io_thread_of(pool.home_system(), caf::actor_cast<caf::strong_actor_ptr>(pool));
}

caf::execution_unit* loop_of(io_thread& thread) noexcept {
  return &thread.loop();
}

void warn_of_long_turn(const caf::execution_unit* loop, const char* name, std::chrono::nanoseconds took) {
  static std::mutex mutex;
  static std::map<uint64_t, log_pacer> lines; // Grows by one entry for each loop that ever complained.
  auto known = dynamic_cast<const event_loop*>(loop);
  std::unique_lock guard{mutex};
  auto count = lines[known != nullptr ? known->number() : 0].add(std::chrono::steady_clock::now());
  guard.unlock();
  if (count)
    log().warn("the actor {} beside a pool has held the pool's I/O thread for {:.1f} ms: no statement is sent and no "
               "answer received meanwhile; spawn it on CAF's scheduler, or let it do less at a time{}",
               name, std::chrono::duration<double, std::milli>{took}.count(), and_more(*count));
}

} // namespace cenote::detail
