#include "app/server_actor.hpp"

#include "app/advice.hpp"
#include "app/health.hpp"
#include "app/logging.hpp"
#include "config/setting.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <caf/disposable.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// What the program needs beside the work that it finishes, when it ends.
constexpr auto time_to_end = 10s;

/// What the pool node may take beyond the time that it was given, before the pool drains all the same.
constexpr auto patience = 1s;

/// Whether a setting cannot change while the program runs.
bool is_fixed(const std::string& key) {
  return key == "log.format" || key.starts_with("http.") || key.starts_with("node.");
}

/// Watches over the pool until it has ended. Sends the exit code to `owner` at the end.
struct server_state {
  static inline const char* name = "cenote.app.server";

  server_state(caf::event_based_actor* ptr, served_pool served, const invocation& what, caf::actor reports_to)
      : self{ptr},
        pool{std::move(served.pool)},
        node{std::move(served.node)},
        watch{std::move(served.watch)},
        current{std::move(served.current)},
        jobs{std::move(served.jobs)},
        notifier{what.notifier},
        reload{what.reload},
        reader{std::make_shared<settings_reader>(ptr->address())},
        owner{std::move(reports_to)} {
    // nop
  }

  ~server_state() {
    report_timer.dispose();
    watchdog_timer.dispose();
    reader->forget();
  }

  caf::behavior make_behavior() {
    self->monitor(pool);
    if (node)
      self->monitor(node);
    self->set_down_handler([this](caf::down_msg& x) { x.source == pool.address() ? pool_ended() : node_ended(); });
    verify();
    schedule_report();
    if (notifier.watchdog() > 0us)
      check_actors();
    return {
        // A signal has arrived that asks for the end.
        [this](int32_t signal) { drain("signal " + std::to_string(signal) + " (" + signal_name(signal) + ")"); },
        // Somebody asks for the end over HTTP.
        [this](drain_atom) {
          if (!draining)
            drain("POST /admin/drain");
        },
        // The status is asked for.
        [this](status_atom) { report(); },
        // The settings are to be read again.
        [this](reconfigure_atom) -> caf::result<std::string> {
          auto promise = self->make_response_promise<std::string>();
          readers.push_back(promise);
          read_settings();
          return promise;
        },
        // They have been read, or why not.
        [this](const settings_update& x) { apply(x); },
        [this](const std::string& problem) { not_applied(problem); },
        // Time to look whether the server is there by now.
        [this](caf::tick_atom) { verify(); },
    };
  }

  // -- until the server has answered once ------------------------------------------

  void verify() {
    verifying = true;
    self->request(pool, caf::infinite, verify_atom_v)
        .then([this](const verification& x) { ready(x); }, [this](caf::error& err) { not_ready(details(err)); });
  }

  void ready(const verification& x) {
    verifying = false;
    is_ready = true;
    auto text = "ready: " + x.server_version + " at " + current->get()->server.endpoint();
    spdlog::info("{}", text);
    notifier.ready();
    notifier.status(text);
    self->send(jobs, caf::tick_atom_v);
  }

  void not_ready(const failure& why) {
    verifying = false;
    if (draining)
      return; // Everything is refused by now.
    if (why.code == errc::login_refused) {
      log({to_string(why.code)}).critical("{}", explain_no_connection(why));
      finish(failed);
      return;
    }
    auto text = explain_no_connection(why);
    if (!std::exchange(warned, true))
      log({to_string(why.code)}).warn("{}; trying again until it works", text);
    notifier.status(text);
    self->delayed_send(self, 1s, caf::tick_atom_v);
  }

  // -- while it runs ---------------------------------------------------------------

  void schedule_report() {
    auto interval = current->get()->log.status_interval;
    if (interval > 0ns)
      report_timer = self->run_delayed(interval, [this] {
        report();
        schedule_report();
      });
  }

  void report() {
    self->request(pool, caf::infinite, status_atom_v)
        .then([this](const pool_status& x) { tell_status(to_string(x)); },
              [](caf::error& err) { spdlog::warn("the pool does not tell its status: {}", describe(err)); });
  }

  void tell_status(const std::string& text) {
    spdlog::info("{}", text);
    if (is_ready && !draining)
      notifier.status(text);
  }

  /// The service manager restarts a program whose actors do not answer.
  void check_actors() {
    auto works = passed(liveness(watch->look()));
    if (works)
      notifier.alive();
    watchdog_timer = self->run_delayed(next_watchdog_check(notifier.watchdog(), works), [this] { check_actors(); });
  }

  // -- settings that change while it runs --------------------------------------------

  /// On a thread of its own, which ends with the process at the latest: a file may be a pipe that nobody writes to.
  void read_settings() {
    if (is_ready && !draining)
      notifier.reloading();
    std::thread{[load = reload, to = reader] {
      try {
        to->tell(settings_update{load()});
      } catch (const std::exception& err) {
        to->tell(std::string{err.what()});
      }
    }}.detach();
  }

  /// The service manager waits for this after each `reloading`.
  void end_reload() {
    if (is_ready && !draining)
      notifier.ready();
  }

  void apply(const settings_update& x) {
    auto before = current->get();
    auto& after = x.content();
    for (auto& definition : config::table())
      if (is_fixed(definition.key) && config::format(definition, *before) != config::format(definition, after)) {
        not_applied(definition.key + " cannot change while the program runs: restart it");
        return;
      }
    self->request(pool, caf::infinite, reconfigure_atom_v, x)
        .then([this, x] { applied(x.content()); }, [this](caf::error& err) { not_applied(details(err).text); });
  }

  void applied(const settings& after) {
    auto changes = differences(*current->get(), after);
    auto text = "the settings were read again; " + (changes.empty() ? "none has changed" : changes);
    spdlog::info("{}", text);
    end_reload();
    for (auto& x : std::exchange(readers, {}))
      x.deliver(text);
    current->set(after);
    change_log_level(after.log.level);
    report_timer.dispose();
    schedule_report();
  }

  void not_applied(const std::string& problem) {
    failure refused;
    refused.code = errc::invalid_setting;
    refused.outcome = outcome::rejected;
    refused.text = "the settings stay as they are, because those that were read cannot be used: " + problem;
    spdlog::error("{}", refused.text);
    end_reload();
    for (auto& x : std::exchange(readers, {}))
      x.deliver(make_error(refused));
  }

  // -- the end ---------------------------------------------------------------------

  void pool_ended() {
    if (pool_drains)
      return; // The answer to the drain says more.
    if (draining) {
      // Cut by another signal while the node drained. The pool has logged what it cut.
      finish(success);
      return;
    }
    spdlog::critical("the pool has ended unexpectedly");
    finish(failed);
  }

  void node_ended() {
    if (draining)
      return;
    spdlog::critical("the pool node has ended unexpectedly");
    finish(failed);
  }

  /// The node first: its clients go to other nodes, and what it has accepted finds a pool that serves it.
  void drain(const std::string& reason) {
    draining = true;
    watch->note_drain();
    report_timer.dispose();
    auto drain_timeout = current->get()->pool.drain_timeout;
    auto limit = std::chrono::duration<double>(drain_timeout).count();
    spdlog::info("{}: finishing the work that was accepted, {} s at most; another signal cuts it", reason, limit);
    notifier.stopping(std::chrono::duration_cast<std::chrono::microseconds>(drain_timeout) + time_to_end);
    notifier.status(reason + ": finishing the work that was accepted");
    drain_jobs(clock::now() + drain_timeout);
  }

  /// Jobs are looked after by others, or not at all, until this program runs again.
  void drain_jobs(clock::time_point deadline) {
    auto limit = std::min<caf::timespan>(patience, current->get()->pool.drain_timeout);
    self->request(jobs, limit + patience, drain_atom_v, limit)
        .then([this, deadline] { drain_node(deadline); },
              [this, deadline](caf::error&) {
                self->send_exit(jobs, caf::exit_reason::user_shutdown);
                drain_node(deadline);
              });
  }

  void drain_node(clock::time_point deadline) {
    if (!node) {
      drain_pool(deadline);
      return;
    }
    auto drain_timeout = std::max<caf::timespan>(deadline - clock::now(), 0s);
    self->request(node, drain_timeout + patience, drain_atom_v, drain_timeout)
        .then([this, deadline] { drain_pool(deadline); },
              [this, deadline](caf::error& err) {
                spdlog::warn("the pool node could not be drained: {}", describe(err));
                drain_pool(deadline);
              });
  }

  void drain_pool(clock::time_point deadline) {
    pool_drains = true;
    auto left = std::max(deadline - clock::now(), clock::duration::zero());
    self->request(pool, caf::infinite, drain_atom_v, caf::timespan{left})
        .then(
            // The pool has logged what it finished and what it cut.
            [this](const drain_report&) { finish(success); },
            [this](caf::error& err) {
              if (details(err).code == errc::shutting_down) {
                finish(success); // It had ended before: cut by another signal while the node drained.
                return;
              }
              spdlog::error("the pool could not be drained: {}", describe(err));
              finish(failed);
            });
    await_idleness();
  }

  /// A connect that hangs, say in DNS, cannot be stopped: it must not delay the end once all work is done.
  void await_idleness() {
    self->run_delayed(100ms, [this] {
      self->request(pool, caf::infinite, status_atom_v)
          .then([this](const pool_status& x) { is_idle(x) ? stop_waiting() : await_idleness(); },
                [](caf::error&) {
                  // The pool has ended; the answer to the drain is on its way.
                });
    });
  }

  bool is_idle(const pool_status& x) const {
    // What only we wait for does not count.
    return x.waiting + x.checked_out <= (verifying ? 1u : 0u);
  }

  void stop_waiting() {
    spdlog::info("stopped; a connect that is still under way is left alone");
    finish(success);
  }

  void finish(exit_code code) {
    self->send(owner, static_cast<int32_t>(code));
    self->quit();
  }

  caf::event_based_actor* self;
  pool_actor pool;
  node_actor node; ///< Null: the pool is not published.
  std::shared_ptr<pool_watch> watch;
  std::shared_ptr<current_settings> current;
  caf::actor jobs;
  service_notifier& notifier;
  std::function<settings()> reload;
  std::shared_ptr<settings_reader> reader;
  std::vector<caf::typed_response_promise<std::string>> readers; ///< Who waits for what comes of it.
  caf::actor owner;
  caf::disposable report_timer;
  caf::disposable watchdog_timer;
  bool is_ready = false; ///< The server has answered once.
  bool verifying = false;
  bool warned = false;
  bool draining = false;
  bool pool_drains = false; ///< It has been told to.
};

} // namespace

caf::actor spawn_server_actor(caf::actor_system& system, served_pool served, const invocation& what, caf::actor owner) {
  return system.spawn<caf::stateful_actor<server_state>>(std::move(served), what, std::move(owner));
}

} // namespace cenote::app
