#include "runtime/scheduler.hpp"

#include "runtime/run_queue.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/config_value.hpp>
#include <caf/defaults.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/policy/work_stealing.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <iostream>

namespace cenote {

namespace {

/// What CAF's scheduler asks of a policy.
class sharing : public caf::policy::unprofiled {
public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {
      // nop
    }

    run_queue queue;
  };

  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {
      // nop
    }

    visitor thread;
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    d(self).queue.add(job);
  }

  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }

  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }

  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }

  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    return d(self->parent()).queue.take(d(self).thread);
  }

  template <class Worker, class F>
  void foreach_resumable(Worker*, F) {
    // nop
  }

  template <class Coordinator, class F>
  void foreach_central_resumable(Coordinator* self, F f) {
    while (auto job = d(self).queue.try_take())
      f(job);
  }
};

} // namespace

caf::actor_system::module* make_scheduler(caf::actor_system& sys) {
  auto policy = caf::get_or(sys.config(), "caf.scheduler.policy", caf::defaults::scheduler::policy);
  if (policy == "sharing")
    return new caf::scheduler::coordinator<sharing>{sys};
  if (policy == "testing")
    return new caf::scheduler::test_coordinator{sys};
  if (policy != "stealing") // As CAF does.
    std::cerr << "[WARNING] caf.scheduler.policy: there is no policy " << policy << "; 'stealing' is used" << std::endl;
  return new caf::scheduler::coordinator<caf::policy::work_stealing>{sys};
}

} // namespace cenote
