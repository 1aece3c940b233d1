#pragma once

#include "cenote/settings.hpp"
#include "pool/commands.hpp"
#include "pool/load_shedder.hpp"
#include "pool/refusals.hpp"
#include "pool/server_list.hpp"
#include "pool/service_record.hpp"
#include "pool/slot_table.hpp"
#include "pool/waiting_line.hpp"

#include <string>

namespace cenote::pool {

/// What a pool does with requests.
enum class phase : uint8_t {
  running,
  paused,   ///< No request gets a connection.
  draining, ///< New requests are refused; those accepted before are served.
  stopped,  ///< Every request is refused.
};

/// Decides which requests may wait, for how long, and which are refused with what error. Owns the phase of the pool and
/// its measure of overload.
class admission {
public:
  admission(const pool_settings& rules, const slot_table& slots, waiting_line& queue, service_record& record);

  /// Applies new rules, also to the requests that wait: a shorter timeout counts from their arrival.
  void apply(const pool_settings& rules);

  // -- phases ----------------------------------------------------------------------

  bool is(phase expected) const noexcept { return phase_ == expected; }

  /// Only while running. Fail-fast requests are refused.
  void pause(commands& out, time_point now);

  /// Only after `pause`.
  void resume();

  /// Not during a pause. Does nothing if the drain has begun.
  void drain();

  /// Only while draining, and once no request waits any more.
  void stop();

  // -- requests arrive -------------------------------------------------------------

  /// Whether a new request may get a connection or wait. If not, it is refused.
  bool accepts(const request& request, commands& out, time_point now);

  /// Puts a new request that was accepted into the queue, or refuses it.
  void enqueue(const request& request, commands& out, time_point now);

  /// Whether a request comes back from too many dead connections in turn. If so, it is refused.
  /// @param reason why the last one died.
  bool gives_up(const request& request, const std::string& reason, commands& out, time_point now);

  /// Whether a request that comes back from a connection may get another one, or wait. If not, it is refused.
  bool accepts_again(const request& request, commands& out, time_point now);

  /// When a request has waited for long enough.
  time_point deadline_of(const request& request) const;

  // -- requests leave --------------------------------------------------------------

  /// A request has been given a connection.
  void granted(const request& request, time_point now);

  /// A connection is free, and no request waits for it.
  void queue_is_empty(time_point now);

  /// Fails the requests whose deadline has passed.
  void expire(commands& out, time_point now);

  /// Under overload, gives up the requests that have waited longest.
  void shed(commands& out, time_point now);

  /// While no connection is open that could serve a request and connects fail, fails the requests that are fail-fast;
  /// and all requests if the breaker is open.
  void fail_hopeless(const server_list& servers, commands& out, time_point now);

  /// Fails all requests that wait: the pool ends.
  void refuse_all(commands& out, time_point now);

  /// When `expire` or `shed` has something to do.
  time_point next_event();

  /// Asserts what must hold between two events.
  void check_invariants() const;

private:
  bool sheds_load() const;
  circumstances circumstances_of(const request& request, time_point now) const;
  void refuse(const request& request, failure error, commands& out);

  pool_settings rules_;
  const slot_table& slots_;
  waiting_line& queue_;
  service_record& record_;
  load_shedder shedder_;
  phase phase_ = phase::running;
};

} // namespace cenote::pool
