#include "app/pool_host.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <latch>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include <caf/actor_registry.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Longest wait for the actors to end.
constexpr auto patience = 1s;

std::atomic<bool> left_running = false;

/// What CAF and one connection need, with some to spare.
constexpr int needed_descriptors = 10;
constexpr int needed_threads = 12;

/// CAF ends the process, or hangs, when it gets no descriptor or thread while it starts.
void require_descriptors() {
  std::vector<int> taken;
  auto problem = 0;
  while (problem == 0 && taken.size() < needed_descriptors)
    if (auto fd = open("/dev/null", O_RDONLY | O_CLOEXEC); fd != -1)
      taken.push_back(fd);
    else
      problem = errno;
  for (auto fd : taken)
    close(fd);
  if (problem != 0)
    throw std::system_error{problem, std::generic_category(),
                            "no descriptors for an actor system and a connection (see ulimit -n)"};
}

void require_threads() {
  std::latch done{1};
  std::vector<std::jthread> taken;
  try {
    while (taken.size() < needed_threads)
      taken.emplace_back([&done] {
        auto memory = std::make_unique<volatile char[]>(64); // Each thread's heap takes address space, too.
        memory[0] = 1;
        done.wait();
      });
  } catch (std::system_error& err) {
    done.count_down();
    throw std::system_error{err.code(), "no threads for an actor system and a connection (see ulimit -u and -v)"};
  }
  done.count_down();
}

class system_config : public caf::actor_system_config {
public:
  explicit system_config(const caf::settings& options) {
    load<caf::io::middleman>();
    // Stealing lets a request to a worker that then blocks wait for milliseconds; see docs/facts.md.
    set("caf.scheduler.policy", "sharing");
    // One flooded actor must not hog a worker.
    set("caf.scheduler.max-throughput", 100);
    apply("", options);
  }

private:
  void apply(const std::string& prefix, const caf::settings& options) {
    for (auto& [name, x] : options) {
      auto key = prefix + name;
      if (key == "caf.openssl")
        continue; // For programs that talk to other nodes; this one does not load that module.
      if (auto inner = caf::get_if<caf::settings>(&x))
        apply(key + ".", *inner);
      else
        set(key, x);
    }
  }
};

} // namespace

struct pool_host::impl {
  impl(const settings& how, const caf::settings& caf_options)
      : config{caf_options}, system{config}, pool{spawn_pool(system, how.server, how.pool)} {
    // nop
  }

  system_config config;
  caf::actor_system system;
  pool_actor pool;
};

pool_host::pool_host(const settings& how, const caf::settings& caf_options) {
  require_descriptors();
  require_threads();
  impl_ = std::make_unique<impl>(how, caf_options);
}

pool_host::~pool_host() {
  caf::anon_send_exit(impl_->pool, caf::exit_reason::user_shutdown);
  impl_->pool = nullptr;
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (impl_->system.registry().running() > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      left_running = true;
      static_cast<void>(impl_.release());
      return;
    }
    std::this_thread::sleep_for(1ms);
  }
}

caf::actor_system& pool_host::system() {
  return impl_->system;
}

const pool_actor& pool_host::pool() const {
  return impl_->pool;
}

void pool_host::cut() const {
  caf::anon_send(impl_->pool, drain_atom_v, caf::timespan{0});
}

bool pool_host::abandoned() noexcept {
  return left_running;
}

} // namespace cenote::app
