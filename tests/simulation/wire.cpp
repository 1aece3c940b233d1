#include "simulation/wire.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

wire::wire(schedule& time, const plan& run_plan, model_server& server, stamps& marks, transcript& log, uint64_t number)
    : time_{time},
      plan_{run_plan},
      server_{server},
      marks_{marks},
      log_{log},
      random_{run_plan.seed, 1000 + number},
      name_{"wire " + std::to_string(number)} {
  // nop
}

// -- the client's end --------------------------------------------------------------

std::optional<server_error> wire::connect(size_t endpoint) {
  auto outcome = server_.connect(endpoint, *this);
  if (auto error = std::get_if<server_error>(&outcome))
    return std::move(*error);
  session_ = std::get<server_session_id>(outcome);
  return std::nullopt;
}

void wire::send(server_request request) {
  if (plan_.with.congestion && random_.one_in(200))
    congest(random_.up_to(20ms));
  deliver(last_to_server_,
          [this, request = std::move(request)]() mutable { server_.receive(session_, std::move(request)); });
}

void wire::close() {
  if (std::exchange(closed_, true))
    return;
  on_change_ = nullptr;
  deliver(last_to_server_, [this] { server_.client_closed(session_); });
}

// -- the server's end --------------------------------------------------------------

void wire::reply(server_reply answer) {
  if (random_.one_in(8))
    deliver(last_to_client_, [this] {
      has_beginning_ = true;
      changed();
    });
  deliver(last_to_client_, [this, answer = std::move(answer)]() mutable {
    has_beginning_ = false;
    arrived_.push_back(std::move(answer));
    changed();
  });
}

void wire::hang_up() {
  deliver(last_to_client_, [this] {
    lost_ = true;
    changed();
  });
}

// -- what happens to it ------------------------------------------------------------

void wire::cut() {
  if (std::exchange(cut_, true))
    return;
  log_.step(name_, "is cut");
  drops_ = random_.one_in(2);
  auto server_sees = !random_.one_in(4);
  time_.after(random_.up_to(2 * plan_.network_delay), [this] {
    lost_ = true;
    changed();
  });
  if (server_sees)
    time_.after(random_.up_to(2 * plan_.network_delay), [this] { server_.client_closed(session_); });
}

void wire::go_silent(duration length, bool dies) {
  log_.step(name_, "is silent");
  silent_until_ = std::max(silent_until_, time_.now() + length);
  if (dies)
    time_.at(silent_until_, [this] { cut(); });
}

void wire::congest(duration length) {
  congested_until_ = std::max(congested_until_, time_.now() + length);
  time_.at(congested_until_, [this] { changed(); });
}

/// Sends something on its way; behind what was sent before.
void wire::deliver(time_point& last, task event) {
  auto delay = random_.between(plan_.network_delay / 2, plan_.network_delay * 3 / 2);
  last = std::max({last, time_.now() + delay, silent_until_ + 1us});
  time_.at(last, [this, was_cut = cut_, event = std::move(event)]() mutable { arrive(was_cut, std::move(event)); });
}

void wire::arrive(bool was_cut, task event) {
  if (was_cut || (cut_ && drops_))
    return;
  if (time_.now() < silent_until_)
    time_.at(silent_until_, [this, event = std::move(event)]() mutable { arrive(false, std::move(event)); });
  else
    event();
}

void wire::changed() {
  if (on_change_)
    on_change_();
}

} // namespace cenote::simulation
