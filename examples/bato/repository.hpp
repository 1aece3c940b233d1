#pragma once

#include "bato/messages.hpp"
#include "cenote/actors.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace bato {

/// The behaviour of the repository; spawn it with a pool, usually a retrier.
repository_actor::behavior_type repository(repository_actor::pointer self, const cenote::pool_actor& pool);

} // namespace bato
