#include "cenote/actor_system_config.hpp"

#include "cenote/type_ids.hpp"
#include "runtime/scheduler.hpp"

#include <caf/detail/meta_object.hpp>
#include <caf/io/middleman.hpp>

#include <stdexcept>

namespace cenote {

actor_system_config::actor_system_config() {
  if (caf::detail::global_meta_object(caf::type_id_v<statement>) == nullptr)
    throw std::logic_error{"call cenote::init() at the start of main, before the actor system and its configuration"};
  load<caf::io::middleman>();
  module_factories.emplace_back(make_scheduler);
  set("caf.scheduler.policy", "sharing");
  set("caf.scheduler.max-throughput", 100);
}

} // namespace cenote
