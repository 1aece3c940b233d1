#include "simulation/wire.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

wire::wire(schedule& time, const plan& how, model_server& server, stamps& marks, transcript& log, uint64_t number)
    : time_{time},
      plan_{how},
      server_{server},
      marks_{marks},
      log_{log},
      random_{how.seed, 1000 + number},
      name_{"wire " + std::to_string(number)} {
  // nop
}

// -- the client's end --------------------------------------------------------------

std::optional<server_error> wire::connect(size_t endpoint) {
  auto came = server_.connect(endpoint, *this);
  if (auto why = std::get_if<server_error>(&came))
    return std::move(*why);
  session_ = std::get<server_session_id>(came);
  return std::nullopt;
}

void wire::send(server_request x) {
  if (plan_.with.congestion && random_.one_in(200))
    congest(random_.up_to(20ms));
  deliver(last_to_server_, [this, x = std::move(x)]() mutable { server_.receive(session_, std::move(x)); });
}

void wire::close() {
  if (std::exchange(closed_, true))
    return;
  on_change_ = nullptr;
  deliver(last_to_server_, [this] { server_.client_closed(session_); });
}

// -- the server's end --------------------------------------------------------------

void wire::reply(server_reply x) {
  if (random_.one_in(8))
    deliver(last_to_client_, [this] {
      has_beginning_ = true;
      changed();
    });
  deliver(last_to_client_, [this, x = std::move(x)]() mutable {
    has_beginning_ = false;
    arrived_.push_back(std::move(x));
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

void wire::go_silent(duration how_long, bool dies) {
  log_.step(name_, "is silent");
  silent_until_ = std::max(silent_until_, time_.now() + how_long);
  if (dies)
    time_.at(silent_until_, [this] { cut(); });
}

void wire::congest(duration how_long) {
  congested_until_ = std::max(congested_until_, time_.now() + how_long);
  time_.at(congested_until_, [this] { changed(); });
}

/// Sends something on its way; behind what was sent before.
void wire::deliver(time_point& last, task what) {
  auto delay = random_.between(plan_.network_delay / 2, plan_.network_delay * 3 / 2);
  last = std::max({last, time_.now() + delay, silent_until_ + 1us});
  time_.at(last, [this, was_cut = cut_, x = std::move(what)]() mutable { arrive(was_cut, std::move(x)); });
}

void wire::arrive(bool was_cut, task what) {
  if (was_cut || (cut_ && drops_))
    return;
  if (time_.now() < silent_until_)
    time_.at(silent_until_, [this, x = std::move(what)]() mutable { arrive(false, std::move(x)); });
  else
    what();
}

void wire::changed() {
  if (on_change_)
    on_change_();
}

} // namespace cenote::simulation
