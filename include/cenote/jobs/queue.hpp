#pragma once

#include "cenote/actors.hpp"
#include "cenote/jobs/payload.hpp"
#include "cenote/jobs/settings.hpp"
#include "cenote/jobs/type_ids.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/fwd.hpp>
#include <caf/message.hpp>
#include <caf/send.hpp>
#include <caf/timespan.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Jobs: work that is stored in the database, and done exactly once.
namespace cenote {

/// A job queue of this process. Every request is answered; errors hold a `failure`.
using job_queue_actor = caf::typed_actor<
    // Stores a job, and answers its id when it is durable. If another job holds its unique key, that one's id. If the
    // outcome is `unknown`, the same job may be submitted again: it is not stored twice. Error: `invalid_job`.
    caf::result<job_id>(submit_atom, job),

    // The same for many jobs: all or none of them are stored, in one round trip. Up to 10000.
    caf::result<std::vector<job_id>>(submit_atom, std::vector<job>),

    // The same for a batch; answers the id of its `then`.
    caf::result<job_id>(submit_atom, job_batch),

    // Answers when the job has ended, whoever does it. Error: `no_such_job`.
    caf::result<job_status>(await_atom, job_id),

    // What is stored about a job. Error: `no_such_job`.
    caf::result<job_status>(job_status_atom, job_id),

    // Cancels a job that has not ended; of a running one nothing takes effect any more, and its handler's
    // `job_context::stop` says so. Error: `no_such_job`, also if it has ended.
    caf::result<void>(cancel_atom, job_id),

    // Has a job done again that was discarded or cancelled, or that waits for its time: now, with all its attempts.
    // Error: `no_such_job`, also if it is in another state.
    caf::result<void>(rerun_atom, job_id),

    // Stores when to submit a job again and again, or replaces that. Error: `invalid_job`.
    caf::result<void>(submit_atom, periodic_job),

    // Removes a periodic job by its name; jobs that were submitted stay. Error: `no_such_job`.
    caf::result<void>(cancel_atom, std::string),

    // Pauses a queue on all nodes: no further job of it is begun. Resumes it.
    caf::result<void>(pause_atom, std::string), caf::result<void>(resume_atom, std::string),

    // How far the handler of a running job is, in per mille. Stored with the next heartbeat.
    caf::result<void>(progress_atom, job_id, uint32_t),

    // See `job_queue::on`.
    caf::result<void>(handle_atom, std::shared_ptr<const job_handler_entry>),

    // There may be new jobs: this node looks for them at once, and so do others that share the pool, in this process or
    // through a pool node.
    caf::result<void>(wake_atom),

    // What it does.
    caf::result<job_queue_status>(status_atom),

    // Claims no more jobs, waits for running ones for up to the given time, gives the rest back, answers and ends.
    caf::result<void>(drain_atom, caf::timespan)>;

/// What does the jobs of one kind. It is asked for several of them at the same time, up to the queue's `max_running`.
/// It may answer late, by a promise. If it does not answer within the job's time limit, answers with an error, or dies,
/// the attempt has failed. While a kind has no handler on a node, the node leaves its jobs to others.
template <class T>
using job_handler = caf::typed_actor<caf::result<job_answer>(T, job_context)>;

/// The same without its type. Made by `job_queue::on`.
struct job_handler_entry {
  std::string kind; ///< See `job::kind`.
  /// Makes the handler's message of a payload, or says why it cannot be read. From the queue's thread.
  std::function<bool(std::string_view json, job_context context, caf::message& out, std::string& problem)> read;
  caf::actor handler; ///< Who gets it.
};

/// A handle of a job queue, to be used like any `job_queue_actor`.
class job_queue : public job_queue_actor {
public:
  using job_queue_actor::job_queue_actor;
  /// Of a queue that is known by its typed handle.
  job_queue(job_queue_actor handle) : job_queue_actor{std::move(handle)} {} // NOLINT: as its base

  /// Has the jobs whose payload is a `T` done by this actor, from now on. `T` is a message type with an `inspect`
  /// overload. A payload that cannot be read as a `T` fails its attempt.
  template <class T>
  void on(const job_handler<T>& handler) const {
    auto entry = std::make_shared<job_handler_entry>();
    entry->kind = caf::to_string(caf::type_name_v<T>);
    entry->read = [](std::string_view json, job_context context, caf::message& out, std::string& problem) {
      T payload{};
      if (!detail::read_payload(json, payload, problem))
        return false;
      out = caf::make_message(std::move(payload), std::move(context));
      return true;
    };
    entry->handler = caf::actor_cast<caf::actor>(handler);
    caf::anon_send(static_cast<const job_queue_actor&>(*this), handle_atom_v,
                   std::shared_ptr<const job_handler_entry>{std::move(entry)});
  }
};

/// Starts a job queue: submits jobs, and does those of its `queues` for which it has handlers. It runs on CAF's
/// scheduler and never blocks. The tables must exist: `cenote jobs migrate`, or `migrate_jobs`.
///
/// It ends by `drain`, by an exit message (its jobs are then given to others after `lease`), or with the pool.
/// @param pool a pool or a retrier; a pool of another process will do.
/// @throws configuration_error if a setting is out of range; std::logic_error if `init` was not called.
job_queue spawn_job_queue(caf::actor_system& sys, pool_actor pool, const job_settings& settings = {});

} // namespace cenote
