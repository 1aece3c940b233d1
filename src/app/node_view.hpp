#pragma once

#include "app/event_log.hpp"
#include "app/pool_state.hpp"
#include "app/top_view.hpp"
#include "cenote/details.hpp"
#include "cenote/effective_settings.hpp"
#include "cenote/failure.hpp"
#include "cenote/status.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::app {

/// What a pool has answered in messages.
struct pool_answers {
  template <class T>
  using part = tl::expected<T, failure>;

  part<pool_status> status;
  part<pool_details> details;
  part<std::vector<statement_summary>> statements;
  std::optional<effective_settings> settings; ///< Empty: not told.
  std::vector<logged_event> events;           ///< Oldest first.
};

/// Makes what `cenote top` shows from what a pool tells in messages, again and again. Pure. There are no quantiles and
/// no retries: a pool tells them in its metrics only, which do not leave its process.
class node_observer {
public:
  using time_point = std::chrono::system_clock::time_point;

  /// Rates and errors are those since a moment between this time and twice as long ago, or since the start.
  static constexpr auto span = std::chrono::seconds{5};

  top_view update(const pool_answers& told, time_point now);

private:
  struct sample {
    time_point at;
    pool_status status;
    uint64_t failed_statements = 0;
  };

  top_history compare(const pool_answers& told, time_point now);

  state_tracker tracker_;
  std::deque<sample> samples_; ///< The oldest first; never empty after the first update.
};

} // namespace cenote::app
