#include "support/callers.hpp"

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <future>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace cenote::test {

struct callers::shared {
  pool_actor pool;
  maker next;
  uint64_t each;
  std::atomic<uint64_t> last_number = 0;
  std::atomic<uint64_t> succeeded = 0;
  std::atomic<bool> stopping = false;
  std::atomic<size_t> active;
  std::promise<void> done;

  std::mutex mutex;
  std::vector<record> records; ///< Guarded by `mutex`.

  void add(record finished) {
    succeeded += !finished.error;
    std::lock_guard guard{mutex};
    records.push_back(std::move(finished));
  }
};

namespace {

/// Whether further requests are useless: the pool ends, or is gone.
bool is_final(const std::optional<failure>& reason) {
  return reason && (reason->code == errc::shutting_down || reason->code == errc::pool_gone);
}

template <class Shared>
void next_request(caf::event_based_actor* self, const std::shared_ptr<Shared>& common, uint64_t left) {
  if (left == 0 || common->stopping) {
    if (--common->active == 0)
      common->done.set_value();
    return;
  }
  auto number = ++common->last_number;
  auto answered = [self, common, number, left](std::optional<failure> reason) {
    auto more = is_final(reason) ? 0 : left - 1;
    common->add({number, std::move(reason)});
    next_request(self, common, more);
  };
  self->request(common->pool, caf::infinite, execute_atom_v, common->next(number))
      .then([answered](const result&) { answered(std::nullopt); },
            [answered](const caf::error& error) { answered(details(error)); });
}

} // namespace

callers::callers(caf::actor_system& sys, const pool_actor& pool, size_t count, maker next, uint64_t each)
    : shared_{std::make_shared<shared>()} {
  shared_->pool = pool;
  shared_->next = std::move(next);
  shared_->each = each;
  shared_->active = count;
  for (size_t i = 0; i < count; ++i)
    sys.spawn([common = shared_](caf::event_based_actor* self) { next_request(self, common, common->each); });
}

callers::~callers() {
  if (shared_)
    shared_->stopping = true;
}

uint64_t callers::answered() const {
  std::lock_guard guard{shared_->mutex};
  return shared_->records.size();
}

uint64_t callers::succeeded() const {
  return shared_->succeeded;
}

std::vector<callers::record> callers::finish() {
  if (shared_->done.get_future().wait_for(patience) != std::future_status::ready)
    throw std::runtime_error{"of the callers' requests " + std::to_string(shared_->last_number - answered())
                             + " were not answered"};
  std::lock_guard guard{shared_->mutex};
  return std::move(shared_->records);
}

std::vector<callers::record> callers::stop() {
  shared_->stopping = true;
  return finish();
}

} // namespace cenote::test
