#include "client/notice.hpp"

#include "actors/messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <utility>

namespace cenote {

void send_notice(const pool_actor& pool, std::string channel) {
  caf::anon_send(caf::actor_cast<notifying_pool_actor>(pool), notify_atom_v, std::move(channel),
                 caf::strong_actor_ptr{});
}

} // namespace cenote
