#pragma once

#include "simulation/dice.hpp"
#include "simulation/model_server.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <string>

namespace cenote::simulation {

/// A network connection between a client and a session of the server. Data arrives later, in order, unless it is lost.
/// Both ends see only data that has arrived.
class wire : public server_client {
public:
  wire(schedule& time, const plan& run_plan, model_server& server, stamps& marks, transcript& log, uint64_t number);

  // -- the client's end ------------------------------------------------------------

  /// Logs in, and receives data from now on.
  /// @returns why it is refused.
  std::optional<server_error> connect(size_t endpoint);
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }

  /// Whether the system accepts data now.
  bool takes_more() const noexcept { return congested_until_ <= time_.now() || lost_; }

  /// Whether the loss of the connection has been noticed.
  bool is_lost() const noexcept { return lost_; }

  void send(server_request request);

  /// A statement of a caller is going to be sent.
  void note_sent(stamp mark) { marks_[mark].first_sent = std::min(marks_[mark].first_sent, time_.now()); }

  /// Complete answers that have arrived.
  std::deque<server_reply>& arrived() noexcept { return arrived_; }

  /// Whether an answer has begun to arrive behind those.
  bool has_beginning() const noexcept { return has_beginning_; }

  /// Gives the connection up.
  void close();

  server_session_id session() const noexcept { return session_; }

  // -- the server's end ------------------------------------------------------------

  void reply(server_reply answer) override;
  void hang_up() override;

  // -- what happens to it ----------------------------------------------------------

  /// Whether it has been accepted, and both ends are there.
  bool is_up() const noexcept { return session_ != server_session_id{} && !cut_ && !closed_; }

  void cut();

  /// Nothing arrives for so long.
  /// @param dies whether it is lost then.
  void go_silent(duration length, bool dies);

  void congest(duration length);

private:
  using task = std::function<void()>;

  void deliver(time_point& last, task event);
  void arrive(bool was_cut, task event);
  void changed();

  schedule& time_;
  const plan& plan_;
  model_server& server_;
  stamps& marks_;
  transcript& log_;
  dice random_;
  std::string name_;
  std::function<void()> on_change_;
  server_session_id session_{};

  time_point last_to_server_;
  time_point last_to_client_;
  time_point silent_until_;
  time_point congested_until_;
  bool cut_ = false;
  bool drops_ = false;  ///< Data in flight when it was cut does not arrive.
  bool closed_ = false; ///< By the client.
  bool lost_ = false;   ///< The client knows.
  std::deque<server_reply> arrived_;
  bool has_beginning_ = false;
};

} // namespace cenote::simulation
