#include "app/pool_host.hpp"

#include "app/process_limits.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <caf/actor_registry.hpp>
#include <caf/send.hpp>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Longest wait for the actors to end.
constexpr auto patience = 1s;

std::atomic<bool> left_running = false;

/// The threads of CAF's scheduler.
size_t workers(const caf::settings& options) {
  return caf::get_or(options, "caf.scheduler.max-threads",
                     static_cast<size_t>(std::max(std::thread::hardware_concurrency(), 4u)));
}

} // namespace

settings for_one_connection(settings how) {
  how.pool.size = 1;
  how.pool.min_size.reset(); // More than one would be refused.
  how.pool.max_overflow = 0;
  how.pool.io_threads = 1;
  return how;
}

pool_host::pool_host(const settings& how, const caf::settings& caf_options) {
  require_resources(workers(caf_options));
  host_ = std::make_unique<hosted_pool>(how, caf_options, false);
}

pool_host::pool_host(const remote_settings& nodes, const caf::settings& caf_options) {
  require_resources(workers(caf_options));
  host_ = std::make_unique<hosted_pool>(nodes, caf_options);
}

pool_host::~pool_host() {
  caf::anon_send_exit(host_->handle(), caf::exit_reason::user_shutdown);
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (host_->system().registry().running() > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      left_running = true;
      static_cast<void>(host_.release());
      return;
    }
    std::this_thread::sleep_for(1ms);
  }
}

caf::actor_system& pool_host::system() {
  return host_->system();
}

const pool_actor& pool_host::pool() const {
  return host_->handle();
}

void pool_host::cut() const {
  caf::anon_send(host_->handle(), drain_atom_v, caf::timespan{0});
}

bool pool_host::abandoned() noexcept {
  return left_running;
}

} // namespace cenote::app
