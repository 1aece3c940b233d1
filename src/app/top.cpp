// The command `cenote top`.

#include "app/commands.hpp"
#include "app/http_access.hpp"
#include "app/standard_streams.hpp"
#include "app/terminal.hpp"
#include "app/top_screen.hpp"
#include "app/top_view.hpp"
#include "config/token_file.hpp"
#include "http/client.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// How often the program is asked.
constexpr auto pace = 1s;
/// How long one answer may take.
constexpr auto patience = 2s;

/// A descriptor that is readable from when it is set until it is cleared.
class notice {
public:
  notice() : fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (fd_ < 0)
      throw std::system_error{errno, std::generic_category(), "cannot wait for several things"};
  }
  notice(const notice&) = delete;
  ~notice() { close(fd_); }

  int fd() const noexcept { return fd_; }
  void set() const noexcept { eventfd_write(fd_, 1); }

  void clear() const noexcept {
    eventfd_t ignored = 0;
    eventfd_read(fd_, &ignored);
  }

private:
  int fd_;
};

/// Who is asked.
struct service_address {
  std::string url;
  std::string token; ///< Empty: none is shown.
};

/// Asks for everything. Who does not answer once is not asked for the rest.
top_answers ask_all(const service_address& address) {
  auto gone = false;
  auto ask = [&](const char* path) {
    auto out = gone ? http::fetched{0, {}, "not asked for, because the answer before was missing"}
                    : http::fetch(address.url + path, path, patience, address.token);
    gone = gone || out.status == 0;
    return out;
  };
  top_answers out;
  out.status = ask("/status");
  gone = gone || out.status.status != 200;
  out.history = ask("/status/history?samples=2");
  out.sessions = ask("/status/sessions");
  out.connections = ask("/status/connections");
  out.statements = ask("/status/statements");
  out.events = ask("/status/events");
  return out;
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// What is to be shown now. Bears answers that are too large to be understood.
top_view look(const service_address& address) {
  top_view out;
  try {
    out = read_answers(ask_all(address));
  } catch (const std::exception& err) {
    out.problem = std::string{"answers, but not in a way that can be understood: "} + err.what();
    out.state = "unreachable";
    out.state_reasons = {out.problem};
  }
  out.at = unix_time();
  out.url = address.url;
  return out;
}

/// What the asking thread has found out last.
class newest_view {
public:
  void put(top_view view) {
    {
      std::unique_lock lock{guard_};
      view_ = std::move(view);
    }
    arrived_.set();
  }

  /// Empty if there is none that has not been taken.
  std::optional<top_view> take() {
    arrived_.clear();
    std::unique_lock lock{guard_};
    return std::exchange(view_, std::nullopt);
  }

  /// Readable when there is one.
  int fd() const noexcept { return arrived_.fd(); }

  void abandon() noexcept { abandoned_ = true; }
  bool is_abandoned() const noexcept { return abandoned_; }

private:
  std::mutex guard_;
  std::optional<top_view> view_;
  notice arrived_;
  std::atomic<bool> abandoned_ = false;
};

/// Asks again and again on a thread of its own, which is left alone at the end: it may hang in a name's resolution.
class asker {
public:
  explicit asker(const service_address& address) : newest_{std::make_shared<newest_view>()} {
    std::thread{[to = newest_, address] {
      std::optional<double> gone_since;
      for (auto next = std::chrono::steady_clock::now(); !to->is_abandoned(); std::this_thread::sleep_until(next)) {
        auto view = look(address);
        gone_since = view.problem.empty() ? std::nullopt : std::optional{gone_since.value_or(view.at)};
        if (gone_since)
          view.state_since = gone_since;
        to->put(std::move(view));
        next = std::max(next + pace, std::chrono::steady_clock::now());
      }
    }}.detach();
  }
  asker(const asker&) = delete;
  ~asker() { newest_->abandon(); }

  newest_view& newest() { return *newest_; }

private:
  std::shared_ptr<newest_view> newest_;
};

/// @returns whether something other than the end has come.
bool wait_for(std::initializer_list<int> descriptors, const notice& end) {
  std::vector<pollfd> ready{{end.fd(), POLLIN, 0}};
  for (auto fd : descriptors)
    ready.push_back({fd, POLLIN, 0});
  while (poll(ready.data(), ready.size(), -1) < 0 && errno == EINTR) {
    // Once more.
  }
  return ready.front().revents == 0;
}

/// Draws the screen until a key or a signal ends it.
int show_screen(const service_address& address, const notice& end, bool colours) {
  terminal screen{colours, end.fd()};
  asker from{address}; // Its thread blocks what the terminal has blocked: it must not take a SIGTSTP by itself.
  std::optional<top_view> view;
  while (wait_for({from.newest().fd(), screen.keys(), screen.signals()}, end)) {
    auto event = screen.take_event();
    if (event == terminal::event::quit || event == terminal::event::gone)
      return success;
    if (event == terminal::event::interrupt)
      return by_signal + SIGINT;
    if (auto newer = from.newest().take()) {
      view = std::move(newer);
      event = terminal::event::redraw;
    }
    if (view && event == terminal::event::redraw)
      screen.draw(draw_screen(*view, screen.size()));
  }
  return failed; // By a signal.
}

/// Prints a line for each answer.
/// @param count zero: no end.
int print_lines(const service_address& address, const notice& end, uint64_t count) {
  asker from{address};
  auto out = success;
  for (uint64_t n = 0; count == 0 || n < count;) {
    if (!wait_for({from.newest().fd()}, end))
      return failed;
    auto view = from.newest().take();
    if (!view)
      continue;
    if (!print_unless(draw_line(*view), end.fd()))
      return failed;
    out = view->problem.empty() ? success : failed;
    ++n;
  }
  return out;
}

} // namespace

answer top(const job& given) {
  auto url = url_to_ask(given, "top");
  if (!url)
    return {wrong_use, {}};
  if (url->ends_with('/'))
    url->pop_back();
  if (!http::is_url(*url)) {
    spdlog::critical("{} is not a URL of the form http://host:port", *url);
    return {wrong_use, {}};
  }
  service_address address{*url, config::read_token("http.token-file", given.how.http.token_file)};
  notice end;
  std::stop_callback on_end{given.signals.first(), [&end] { end.set(); }};
  auto lines = given.opts.count > 0 || !terminal::is_usable();
  auto colours = !given.opts.no_colour && !forbids_colours();
  return {lines ? print_lines(address, end, given.opts.count) : show_screen(address, end, colours), {}};
}

} // namespace cenote::app
