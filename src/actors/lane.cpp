#include "actors/lane.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include <future>
#include <utility>

namespace cenote {

std::shared_ptr<lane> lane::start(caf::actor_system& sys) {
  auto loop = std::make_shared<event_loop>(&sys);
  auto keep = loop->make_supervisor();
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
  return std::make_shared<lane>(std::move(loop), std::move(keep));
}

lane::lane(std::shared_ptr<event_loop> loop, caf::io::network::multiplexer::supervisor_ptr keep) noexcept
    : loop_{std::move(loop)}, keep_{std::move(keep)} {
  // nop
}

lane::~lane() {
  // Releasing the supervisor closes the loop's pipe, on the loop's own thread; the loop itself must outlive that.
  keep_.reset();
}

} // namespace cenote
