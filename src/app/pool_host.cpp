#include "app/pool_host.hpp"

#include "app/process_limits.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

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

/// The threads of CAF's scheduler.
size_t workers(const caf::settings& options) {
  return caf::get_or(options, "caf.scheduler.max-threads",
                     static_cast<size_t>(std::max(std::thread::hardware_concurrency(), 4u)));
}

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
  require_resources(workers(caf_options));
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
