#pragma once

#include "connection/connection_core.hpp"
#include "simulation/canceller.hpp"
#include "simulation/channel.hpp"
#include "simulation/world.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace cenote::simulation {

class simulated_pool;

/// The counterpart of the connection actor: delivers events to a `connection_core`, and carries out its commands.
class simulated_connection {
public:
  simulated_connection(world& world, simulated_pool& pool, canceller& stops, connection_id id, size_t endpoint,
                       wire& path);

  // -- messages, which take their time ---------------------------------------------

  void begin(grant granted, promise answer_to, caller_id caller);
  void execute(session_command command, promise answer_to);
  void check_in(session_id id);
  void hand_over(session_id id, caller_id new_holder, promise answer_to);
  void evict(session_id id, promise answer_to);
  void requeue();
  void ping();
  void check_callers();
  void close();

private:
  struct awaited_answer {
    promise answer_to;
    caller_id caller;
  };

  void post(schedule::task message);
  void run_turn();
  ticket await(promise answer_to, caller_id caller);
  void look();
  bool is_readable() const;
  void carry_out();
  void carry_out(connection_command::answer& command);
  void carry_out(connection_command::return_grant& command);
  void carry_out(connection_command::requeue_grant& command);
  void carry_out(connection_command::report& command);
  void carry_out(connection_command::stop_statement&);
  void carry_out(connection_command::end_server_session&);
  void carry_out(connection_command::warn_of_leak&);
  void carry_out(connection_command::warn_of_unclaimed&);
  void set_timer();
  void answer(promise answer_to, content reply);
  std::optional<awaited_answer> take(ticket id);
  void step(const std::string& event) const;

  world& world_;
  simulated_pool& pool_;
  canceller& stops_;
  connection_id id_;
  size_t endpoint_;
  wire& wire_;
  dice random_;
  channel from_pool_;
  channel to_pool_;
  connection_core core_;

  std::vector<schedule::task> inbox_;
  bool turn_due_ = false;
  bool look_due_ = false;
  bool has_input_ = false;
  bool ended_ = false;
  std::map<ticket, awaited_answer> awaited_;
  uint64_t last_ticket_ = 0;
  caller_id holder_{};
  size_t stops_asked_ = 0;
  size_t stops_reported_ = 0;
  time_point armed_for_ = time_point::max();
};

} // namespace cenote::simulation
