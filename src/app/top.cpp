// The command `cenote top`.

#include "app/commands.hpp"
#include "app/http_access.hpp"
#include "app/standard_streams.hpp"
#include "app/terminal.hpp"
#include "app/top_screen.hpp"
#include "app/top_source.hpp"
#include "app/top_view.hpp"
#include "config/token_file.hpp"
#include "http/client.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
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

  void abandon() {
    {
      std::unique_lock lock{guard_};
      abandoned_ = true;
    }
    changed_.notify_all();
  }

  /// Waits until that time, or until nobody wants a view any more.
  /// @returns whether somebody does.
  bool wait_until(std::chrono::steady_clock::time_point time) {
    std::unique_lock lock{guard_};
    return !changed_.wait_until(lock, time, [this] { return abandoned_; });
  }

private:
  std::mutex guard_;
  std::condition_variable changed_;
  std::optional<top_view> view_;
  notice arrived_;
  bool abandoned_ = false;
};

/// Asks again and again on a thread of its own, which is left alone at the end if it may hang.
class asker {
public:
  explicit asker(std::shared_ptr<top_source> source)
      : newest_{std::make_shared<newest_view>()}, source_{std::move(source)}, thread_{[to = newest_, from = source_] {
          std::optional<double> gone_since;
          for (auto next = std::chrono::steady_clock::now(); to->wait_until(next);) {
            auto view = from->look();
            gone_since = view.problem.empty() ? std::nullopt : std::optional{gone_since.value_or(view.at)};
            if (gone_since)
              view.state_since = gone_since;
            to->put(std::move(view));
            next = std::max(next + pace, std::chrono::steady_clock::now());
          }
        }} {
    // nop
  }
  asker(const asker&) = delete;

  ~asker() {
    newest_->abandon();
    if (source_->interrupt())
      thread_.join();
    else
      thread_.detach();
  }

  newest_view& newest() { return *newest_; }

private:
  std::shared_ptr<newest_view> newest_;
  std::shared_ptr<top_source> source_;
  std::thread thread_;
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
int show_screen(const std::shared_ptr<top_source>& source, const notice& end, bool colours) {
  terminal screen{colours, end.fd()};
  asker from{source}; // Its thread blocks what the terminal has blocked: it must not take a SIGTSTP by itself.
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
int print_lines(const std::shared_ptr<top_source>& source, const notice& end, uint64_t count) {
  asker from{source};
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

/// Null: the command line names none that can be used, which is logged.
std::shared_ptr<top_source> make_source(const invocation& given) {
  if (given.opts.through_node)
    return make_node_source(given.how.remote, given.caf_options);
  auto url = url_to_ask(given, "top");
  if (!url)
    return nullptr;
  if (url->ends_with('/'))
    url->pop_back();
  if (!http::is_url(*url)) {
    spdlog::critical("{} is not a URL of the form http://host:port", *url);
    return nullptr;
  }
  return make_http_source(*url, config::read_token("http.token-file", given.how.http.token_file));
}

} // namespace

answer top(const invocation& given) {
  auto source = make_source(given);
  if (!source)
    return {wrong_use, {}};
  notice end;
  std::stop_callback on_end{given.signals.first(), [&end] { end.set(); }};
  auto lines = given.opts.count > 0 || !terminal::is_usable();
  auto colours = !given.opts.no_colour && !forbids_colours();
  return {lines ? print_lines(source, end, given.opts.count) : show_screen(source, end, colours), {}};
}

} // namespace cenote::app
