#pragma once

#include <cstddef>

namespace cenote::app {

/// Lets all threads share one heap if the process has a limit of its address space (`ulimit -v`): each heap of the C
/// library's reserves 64 MiB of it. Call it before the first thread is started.
void share_heap_if_limited();

/// Checks that an actor system and one connection can be started: CAF ends the process, or hangs, when it gets no
/// descriptor, thread or memory while it starts.
/// @param workers threads of CAF's scheduler.
/// @throws std::system_error that names the limit.
void require_resources(size_t workers);

} // namespace cenote::app
