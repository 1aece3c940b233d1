#include "runtime/resident.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>

namespace cenote {

namespace detail {

resident_base::resident_base(std::shared_ptr<io_thread> home) noexcept
    : own_{std::move(home)}, known_{own_}, loop_{&own_->loop()} {
  // nop
}

resident_base::~resident_base() = default;

} // namespace detail

io_thread_ptr io_thread_of(const caf::actor_system& sys, const caf::strong_actor_ptr& actor) {
  if (!actor || actor->home_system != &sys)
    return nullptr;
  auto found = dynamic_cast<const detail::resident_base*>(actor->get());
  return found != nullptr ? found->home() : nullptr;
}

} // namespace cenote
