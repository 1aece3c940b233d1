#include "runtime/pending_reply.hpp"

#include <caf/detail/profiled_send.hpp>
#include <caf/error.hpp>
#include <caf/local_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/no_stages.hpp>
#include <caf/sec.hpp>

namespace cenote {

pending_reply::pending_reply(caf::local_actor& self) {
  auto request = self.current_mailbox_element();
  if (request == nullptr || request->mid.is_answered() || request->mid.is_response())
    return;
  self_ = self.ctrl();
  source_ = std::move(request->sender);
  stages_ = std::move(request->stages);
  id_ = request->mid;
  request->mid.mark_as_answered();
}

pending_reply& pending_reply::operator=(pending_reply other) noexcept {
  self_.swap(other.self_);
  source_.swap(other.source_);
  stages_.swap(other.stages_);
  std::swap(id_, other.id_);
  return *this;
}

void pending_reply::break_promise() {
  if (source_)
    source_->enqueue(caf::make_mailbox_element(self_.lock(), id_.response_id(), caf::no_stages,
                                               make_error(caf::sec::broken_promise)),
                     nullptr);
}

/// Only the actor itself answers, so it still exists.
caf::local_actor& pending_reply::take_self() noexcept {
  auto self = static_cast<caf::local_actor*>(self_->get());
  self_ = nullptr;
  return *self;
}

void pending_reply::answer(caf::message content) {
  auto& self = take_self();
  if (content.empty() && id_.is_async())
    return;
  if (!stages_.empty()) {
    auto next = std::move(stages_.back());
    stages_.pop_back();
    caf::detail::profiled_send(&self, std::move(source_), next, id_, std::move(stages_), self.context(),
                               std::move(content));
  } else if (source_) {
    caf::detail::profiled_send(&self, self.ctrl(), source_, id_.response_id(), caf::no_stages, self.context(),
                               std::move(content));
  }
}

void pending_reply::forward(caf::abstract_actor* to, caf::message content) {
  auto& self = take_self();
  caf::detail::profiled_send(&self, std::move(source_), to, id_, std::move(stages_), self.context(),
                             std::move(content));
}

} // namespace cenote
