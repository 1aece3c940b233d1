#include "runtime/io_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include <future>
#include <thread>
#include <utility>

namespace cenote {

std::shared_ptr<io_thread> io_thread::start(caf::actor_system& sys, caf::telemetry::dbl_counter* cpu_time,
                                            guests visitors) {
  auto loop = std::make_shared<event_loop>(&sys, cpu_time, visitors);
  auto supervisor = loop->make_supervisor();
  auto ready = std::make_shared<std::promise<void>>();
  auto is_ready = ready->get_future();
  // A detached actor instead of a bare thread: the actor system joins it at shutdown. It holds no state, so nothing of
  // the loop outlives the loop's own thread.
  sys.spawn<caf::detached>([loop, ready](caf::event_based_actor*) mutable {
    loop->thread_id(std::this_thread::get_id());
    std::exchange(ready, nullptr)->set_value();
    loop->run();
    loop.reset();
  });
  is_ready.wait();
  return std::make_shared<io_thread>(std::move(loop), std::move(supervisor));
}

io_thread::io_thread(std::shared_ptr<event_loop> loop,
                     caf::io::network::multiplexer::supervisor_ptr supervisor) noexcept
    : loop_{std::move(loop)}, supervisor_{std::move(supervisor)} {
  // nop
}

io_thread::~io_thread() {
  // Releasing the supervisor closes the loop's pipe, on the thread that runs the loop; the loop must outlive that.
  supervisor_.reset();
}

} // namespace cenote
