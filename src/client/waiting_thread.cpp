#include "client/waiting_thread.hpp"

#include "runtime/event_loop.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include <pthread.h>

namespace cenote {

namespace {

/// The names that CAF 0.18 gives the threads on which actors or their timers run. Compared in full: the main thread has
/// the program's name, which may begin in the same way.
constexpr std::string_view names[] = {"caf.worker", "caf.thread", "caf.clock", "caf.io.mpx", "caf.io.prom"};

} // namespace

bool runs_actors() {
  if (event_loop::runs_any_here()) // Of its own, or as a guest.
    return true;
  char name[16] = {};
  return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0
         && std::ranges::find(names, std::string_view{name}) != std::end(names);
}

void refuse_actors() {
  // A thread that may wait once may always wait: CAF names its own threads before the first actor runs.
  thread_local bool permitted = false;
  if (permitted && !event_loop::runs_any_here())
    return;
  if (runs_actors())
    throw std::logic_error{"a cenote::database was called from inside an actor, where waiting would block a thread of "
                           "CAF's: send the request to the pool instead, and handle its answer with then()"};
  permitted = true;
}

} // namespace cenote
