#pragma once

#include "db/connection.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <tl/expected.hpp>

namespace cenote::db {

/// A function that talks to a server and may block, on a thread of its own, with one time limit for all its work. When
/// the limit has passed its socket is shut down, which ends every wait of Connector/C and OpenSSL. A call that cannot
/// be interrupted, to a name server that does not answer, is left behind: it ends some time later, and its outcome is
/// dropped.
class guarded_thread {
public:
  /// Starts the thread.
  /// @param body must not throw.
  /// @param notify called once on that thread after `body`, unless this object has gone by then; may be empty.
  guarded_thread(std::chrono::nanoseconds limit, std::function<void()> body, std::function<void()> notify);
  guarded_thread(const guarded_thread&) = delete;
  guarded_thread& operator=(const guarded_thread&) = delete;

  /// Joins the thread if it has ended, otherwise cuts it and leaves it behind.
  ~guarded_thread();

  /// Why there is no thread; nothing if there is.
  const std::optional<driver_error>& problem() const noexcept { return problem_; }

  /// Whether `body` has returned.
  bool ended() const;

  /// Shuts the socket down and forbids every further wait.
  void cut();

  /// Waits for the end. Cuts when the limit has passed, and gives up soon after that.
  void wait();

  /// How long the socket's end may take to be noticed after `cut`.
  static constexpr std::chrono::nanoseconds grace = std::chrono::milliseconds{200};

private:
  struct state;
  std::shared_ptr<state> state_;
  std::optional<driver_error> problem_;
};

/// Whether the calling thread is that of a `guarded_thread`.
bool is_guarded() noexcept;

/// The error of a call that was given up.
driver_error given_up(std::chrono::nanoseconds limit);

/// The error that stands for an exception on such a thread: there is not enough memory for one more connection.
driver_error out_of_memory(const char* detail);

/// A `guarded_thread` with an outcome.
template <class T>
class guarded_call {
public:
  using outcome = tl::expected<T, driver_error>;

  guarded_call(std::chrono::nanoseconds limit, std::function<outcome()> body, std::function<void()> notify = {})
      : limit_{limit},
        outcome_{std::make_shared<std::optional<outcome>>()},
        thread_{limit, [slot = outcome_, call = std::move(body)] { run(*slot, call); }, std::move(notify)} {
    // nop
  }

  /// Whether the outcome is there.
  bool ended() const { return thread_.problem() || thread_.ended(); }

  void cut() { thread_.cut(); }
  void wait() { thread_.wait(); }

  /// Why it could not be started; nothing if it was.
  const std::optional<driver_error>& problem() const noexcept { return thread_.problem(); }

  /// The outcome; for a call that has not ended, the error `given_up`. Only once.
  outcome take() {
    if (thread_.problem())
      return tl::unexpected{*thread_.problem()};
    if (!thread_.ended())
      return tl::unexpected{given_up(limit_)};
    return std::move(**outcome_);
  }

private:
  static void run(std::optional<outcome>& slot, const std::function<outcome()>& body) noexcept {
    try {
      slot.emplace(body());
    } catch (const std::exception& err) {
      slot.emplace(tl::unexpected{out_of_memory(err.what())});
    }
  }

  std::chrono::nanoseconds limit_;
  std::shared_ptr<std::optional<outcome>> outcome_; ///< Shared with the thread, which may outlive this object.
  guarded_thread thread_;
};

/// Runs a function on a thread of its own and waits for its outcome.
template <class T>
tl::expected<T, driver_error> call_guarded(std::chrono::nanoseconds limit,
                                           std::function<tl::expected<T, driver_error>()> body) {
  guarded_call<T> call{limit, std::move(body)};
  call.wait();
  return call.take();
}

} // namespace cenote::db
