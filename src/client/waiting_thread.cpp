#include "client/waiting_thread.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include <pthread.h>

namespace cenote {

namespace {

/// How CAF 0.18 names the threads on which actors or their messages' timers run. Not by prefix: the main thread has the
/// program's name.
constexpr std::string_view names[] = {"caf.worker", "caf.thread", "caf.clock", "caf.io.mpx", "caf.io.prom"};

} // namespace

bool runs_actors() {
  char name[16] = {};
  return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0
         && std::ranges::find(names, std::string_view{name}) != std::end(names);
}

void refuse_actors() {
  // A thread that may wait once may wait for ever: CAF names its own before the first actor runs.
  thread_local bool permitted = false;
  if (permitted)
    return;
  if (runs_actors())
    throw std::logic_error{"a cenote::database was called from inside an actor, where waiting would block a thread of "
                           "CAF's: send the request to the pool instead, and handle its answer with then()"};
  permitted = true;
}

} // namespace cenote
