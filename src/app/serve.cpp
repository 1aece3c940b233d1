#include "app/advice.hpp"
#include "app/commands.hpp"
#include "app/health.hpp"
#include "app/http_access.hpp"
#include "app/http_service.hpp"
#include "app/logging.hpp"
#include "app/reloading.hpp"
#include "config/setting.hpp"
#include "config/token_file.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <caf/disposable.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// What the program needs beside the work that it finishes, when it ends.
constexpr auto time_to_end = 10s;

/// Watches over the pool until it has ended. Sends the exit code to `owner` at the end.
struct server_state {
  static inline const char* name = "cenote.app.server";

  server_state(caf::event_based_actor* ptr, pool_actor served, const job& what, caf::actor reports_to,
               std::shared_ptr<current_settings> in_force, std::shared_ptr<pool_watch> looks_at_pool)
      : self{ptr},
        pool{std::move(served)},
        current{std::move(in_force)},
        watch{std::move(looks_at_pool)},
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
    self->set_down_handler([this](caf::down_msg&) {
      if (draining)
        return; // The answer to the drain says more.
      spdlog::critical("the pool has ended unexpectedly");
      finish(failed);
    });
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
    for (auto key : {"log.format", "http.listen", "http.token-file", "http.probe-interval"})
      if (auto fixed = config::find_setting(key); config::format(*fixed, *before) != config::format(*fixed, after)) {
        not_applied(std::string{key} + " cannot change while the program runs: restart it");
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

  void drain(const std::string& reason) {
    draining = true;
    report_timer.dispose();
    auto drain_timeout = current->get()->pool.drain_timeout;
    auto limit = std::chrono::duration<double>(drain_timeout).count();
    spdlog::info("{}: finishing the work that was accepted, {} s at most; another signal cuts it", reason, limit);
    notifier.stopping(std::chrono::duration_cast<std::chrono::microseconds>(drain_timeout) + time_to_end);
    notifier.status(reason + ": finishing the work that was accepted");
    self->request(pool, caf::infinite, drain_atom_v, drain_timeout)
        .then(
            // The pool has logged what it finished and what it cut.
            [this](const drain_report&) { finish(success); },
            [this](caf::error& err) {
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
  std::shared_ptr<current_settings> current;
  std::shared_ptr<pool_watch> watch;
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
};

using server_actor = caf::stateful_actor<server_state>;

} // namespace

namespace {

/// Answers the signals that do not ask for the end, while it lives.
class notice_scope {
public:
  notice_scope(signal_watch& signals, const caf::actor& server) : signals_{signals} {
    signals_.on_notice([server](int number) {
      if (number == SIGUSR1)
        caf::anon_send(server, status_atom_v);
      else if (number == SIGHUP)
        caf::anon_send(server, reconfigure_atom_v);
      else
        spdlog::info("{} has no meaning here", signal_name(number));
    });
  }

  notice_scope(const notice_scope&) = delete;

  ~notice_scope() { signals_.on_notice(nullptr); }

private:
  signal_watch& signals_;
};

} // namespace

namespace {

/// Longest time that reading the settings may take.
constexpr auto max_reload_time = 5s;

tl::expected<std::string, std::string> ask_to_reload(pool_host& host, const caf::actor& server) {
  tl::expected<std::string, std::string> came;
  caf::scoped_actor self{host.system()};
  self->request(server, max_reload_time, reconfigure_atom_v)
      .receive([&came](std::string& x) { came = std::move(x); },
               [&came](const caf::error& err) { came = tl::unexpected{details(err).text}; });
  return came;
}

std::unique_ptr<http_service> start_http(pool_host& host, const job& x, std::shared_ptr<pool_watch> watch,
                                         std::string token, const caf::actor& server,
                                         const std::shared_ptr<current_settings>& current) {
  service_control control{[server] { caf::anon_send(server, drain_atom_v); },
                          [&host, server] { return ask_to_reload(host, server); },
                          [current] { return current->get(); }};
  try {
    return std::make_unique<http_service>(host, x.how, std::move(watch), std::move(token), x.listen_is_chosen,
                                          std::move(control));
  } catch (http::server_error&) {
    // The pool ends next, which it must not take for a defect.
    caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
    throw;
  }
}

} // namespace

answer serve(const job& x) try {
  auto token = x.how.http.enabled() ? config::read_token("http.token-file", x.how.http.token_file) : std::string{};
  pool_host host{x.how, x.caf_options};
  spdlog::info("cenote {} serves pool {} at {}: {} connections, {} more when needed", CENOTE_VERSION, x.how.pool.name,
               x.how.server.endpoint(), x.how.pool.size, x.how.pool.max_overflow);
  caf::scoped_actor self{host.system()};
  auto current = std::make_shared<current_settings>(x.how);
  auto watch = std::make_shared<pool_watch>(host.system(), host.pool(), x.how.http.probe_interval);
  auto server = self->spawn<server_actor>(host.pool(), x, caf::actor_cast<caf::actor>(self), current, watch);
  std::stop_callback on_first{x.signals.first(),
                              [&] { caf::anon_send(server, static_cast<int32_t>(x.signals.received())); }};
  std::stop_callback on_second{x.signals.second(), [&] { host.cut(); }};
  notice_scope notices{x.signals, server};
  auto http = start_http(host, x, watch, std::move(token), server, current);
  answer out;
  self->receive([&out](int32_t code) { out.code = code; });
  return out;
} catch (http::server_error& err) {
  spdlog::critical("{}", err.what());
  return {failed, {}};
}

} // namespace cenote::app
