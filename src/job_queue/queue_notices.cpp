#include "actors/messages.hpp"
#include "job_queue/notices.hpp"
#include "job_queue/queue_state.hpp"
#include "jobs/first_wait.hpp"

#include <caf/send.hpp>

#include <map>
#include <set>
#include <string_view>

// What the queues of different nodes tell each other: that there are jobs. By the pool that they share, in one process
// or through a pool node. Notices are hints: without them, jobs are found by the next look.

namespace cenote {

namespace {

/// Notices of a queue's jobs have this and its name as their channel; those about any queue only this.
constexpr std::string_view channel_of_jobs = "cenote.jobs/";

} // namespace

void notify_job_queues(const pool_actor& pool) {
  caf::anon_send(caf::actor_cast<notifying_pool_actor>(pool), notify_atom_v, std::string{channel_of_jobs},
                 caf::strong_actor_ptr{});
}

void queue_state::listen() {
  // A pool of the application's own kind may not know the message: then nobody is told, and nobody tells.
  self->request(caf::actor_cast<notifying_pool_actor>(pool), caf::infinite, listen_atom_v,
                caf::actor_cast<caf::strong_actor_ptr>(self))
      .then([this] { can_notify = true; }, [](const caf::error&) {});
}

/// @param queue empty: any of them.
void queue_state::notify_others(std::string_view queue) {
  if (can_notify)
    self->send(caf::actor_cast<notifying_pool_actor>(pool), notify_atom_v, std::string{channel_of_jobs}.append(queue),
               caf::actor_cast<caf::strong_actor_ptr>(self));
}

void queue_state::notified(std::string_view channel) {
  if (!channel.starts_with(channel_of_jobs))
    return;
  channel.remove_prefix(channel_of_jobs.size());
  for (auto& queue : queues)
    if (channel.empty() || channel == queue.settings.name)
      queue.pace.notified(now());
}

queue_state::queue_of_node* queue_state::find_queue(std::string_view queue_name) {
  auto found = std::ranges::find(
      queues, queue_name, [](auto& queue) -> auto& { return queue.settings.name; });
  return found == queues.end() ? nullptr : &*found;
}

/// Looks for them at once, or when they are due, if this node does such jobs. Others are told of those that it does not
/// do, or has no place for.
void queue_state::has_stored(const std::vector<job>& works) {
  counters.submitted += works.size();
  std::map<queue_of_node*, size_t> begun_here;
  std::set<std::string_view> for_others;
  for (auto& work : works) {
    auto queue = find_queue(work.queue);
    if (queue == nullptr || !handlers.contains(work.kind)) {
      for_others.insert(work.queue);
    } else if (work.run_at || work.delay > work.delay.zero()) {
      queue->pace.note_due(now() + jobs::wait_of(work, std::chrono::system_clock::now()));
    } else {
      queue->pace.wake();
      if (++begun_here[queue] > queue->pace.free_places(queue->occupied()))
        for_others.insert(work.queue);
    }
  }
  for (auto queue : for_others)
    notify_others(queue);
}

/// Effects of a job are stored. When the jobs among them are due is left to a look.
void queue_state::has_stored(const std::vector<statement>& effects) {
  for (auto& effect : effects) {
    auto stored = job_tables::stored_by(effect);
    if (!stored)
      continue;
    auto queue = find_queue(stored->queue);
    if (queue == nullptr || !handlers.contains(stored->kind)) {
      notify_others(stored->queue);
    } else {
      queue->pace.wake();
      queue->pace.notified(now());
    }
  }
}

/// There may be new jobs in any queue.
void queue_state::some_may_wait() {
  for (auto& queue : queues)
    queue.pace.notified(now());
  notify_others({});
}

} // namespace cenote
