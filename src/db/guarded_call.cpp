#include "db/guarded_call.hpp"

#include "db/io_limit.hpp"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <string>
#include <sys/mman.h>
#include <thread>

namespace cenote::db {

namespace {

/// Number of threads that were given up and have not ended. Most of them wait for a name server.
std::atomic<size_t> left_behind{0};

constexpr size_t max_left_behind = 64;

/// Address space that a new connection must leave to those that exist: an allocation that fails within CAF ends the
/// process.
constexpr size_t spare_memory = 32u << 20;

bool has_spare_memory() {
  auto block = mmap(nullptr, spare_memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return block != MAP_FAILED && munmap(block, spare_memory) == 0;
}

driver_error cannot_start(std::string reason) {
  return {error_source::process_limit, phase::connecting, 0, "", std::move(reason)};
}

} // namespace

struct guarded_thread::state {
  explicit state(std::chrono::nanoseconds limit) : time{limit} {
    // nop
  }

  io_limit time;
  std::function<void()> body; ///< Used by the thread only.
  std::thread thread;         ///< Used by the owner only.

  std::mutex mutex; ///< Guards what follows.
  std::condition_variable changed;
  std::function<void()> notify;
  bool ended = false;
  bool abandoned = false;

  static void run(const std::shared_ptr<state>& self) {
    {
      io_limit::scope mine{self->time};
      std::exchange(self->body, nullptr)();
    }
    std::lock_guard guard{self->mutex};
    self->ended = true;
    if (self->abandoned)
      --left_behind;
    try {
      if (self->notify)
        self->notify();
    } catch (const std::exception&) {
      // No memory for a message: the outcome is found when the time limit is checked.
    }
    self->notify = nullptr;
    self->changed.notify_all();
  }
};

guarded_thread::guarded_thread(std::chrono::nanoseconds limit, std::function<void()> body, std::function<void()> notify)
    : state_{std::make_shared<state>(limit)} {
  state_->body = std::move(body);
  state_->notify = std::move(notify);
  if (left_behind >= max_left_behind) {
    problem_ = cannot_start(std::to_string(max_left_behind)
                            + " earlier connects still hang, in the resolution of the host's name in most cases: "
                              "check the name servers of this machine");
    return;
  }
  if (!has_spare_memory()) {
    problem_ =
        cannot_start("too little memory is left for another connection: raise the limit of memory (ulimit -v), or "
                     "make the pool smaller");
    return;
  }
  try {
    state_->thread = std::thread{[self = state_] { state::run(self); }};
  } catch (const std::exception& err) { // No thread, or no memory for one.
    problem_ = cannot_start(std::string{"cannot start a thread to connect: "} + err.what()
                            + ": raise the limits of threads and memory, or make the pool smaller");
  }
}

guarded_thread::~guarded_thread() {
  auto& self = *state_;
  if (!self.thread.joinable())
    return;
  auto has_ended = false;
  {
    std::lock_guard guard{self.mutex};
    has_ended = self.ended;
    self.notify = nullptr;
    if (!has_ended) {
      self.abandoned = true;
      ++left_behind;
    }
  }
  if (has_ended) {
    self.thread.join();
  } else {
    self.time.cut();
    self.thread.detach();
  }
}

bool guarded_thread::ended() const {
  std::lock_guard guard{state_->mutex};
  return state_->ended;
}

void guarded_thread::cut() {
  state_->time.cut();
}

void guarded_thread::wait() {
  auto& self = *state_;
  if (!self.thread.joinable())
    return;
  auto has_ended = [&self] { return self.ended; };
  std::unique_lock guard{self.mutex};
  if (self.changed.wait_until(guard, self.time.deadline(), has_ended))
    return;
  guard.unlock();
  self.time.cut();
  guard.lock();
  self.changed.wait_for(guard, grace, has_ended);
}

bool is_guarded() noexcept {
  return io_limit::current() != nullptr;
}

driver_error given_up(std::chrono::nanoseconds limit) {
  return {error_source::process_limit, phase::connecting, 0, "",
          "gave up after connect-timeout, " + seconds(limit)
              + ", without an answer of the system: most likely a name server does not answer"};
}

driver_error out_of_memory(const char* detail) {
  return {error_source::process_limit, phase::connecting, 0, "",
          std::string{"not enough memory for a connection: "} + detail};
}

} // namespace cenote::db
