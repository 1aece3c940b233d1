#include "simulation/simulated_connection.hpp"

#include "simulation/model_link.hpp"
#include "simulation/simulated_pool.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace cenote::simulation {

using namespace std::chrono_literals;

simulated_connection::simulated_connection(world& all, simulated_pool& pool, canceller& stops, connection_id id,
                                           size_t endpoint, wire& path)
    : all_{all},
      pool_{pool},
      stops_{stops},
      id_{id},
      endpoint_{endpoint},
      wire_{path},
      random_{all.how.seed, 2'000'000 + static_cast<uint64_t>(id)},
      from_pool_{all.time, dice{random_.next()}, all.how.mail_delay},
      to_pool_{all.time, dice{random_.next()}, all.how.mail_delay},
      core_{std::make_unique<model_link>(path, all.how.is_mariadb), all.how.connect_timeout} {
  wire_.on_change([this] {
    has_input_ = true;
    look();
  });
  look();
}

// -- messages ----------------------------------------------------------------------

void simulated_connection::post(schedule::task what) {
  from_pool_.send([this, x = std::move(what)]() mutable {
    inbox_.push_back(std::move(x));
    if (!std::exchange(turn_due_, true))
      all_.time.after(random_.up_to(all_.how.mail_delay), [this] { run_turn(); });
  });
}

/// Handles all messages that have come, and sends then what they have led to.
void simulated_connection::run_turn() {
  turn_due_ = false;
  for (auto& x : std::exchange(inbox_, {})) {
    if (ended_)
      break;
    x();
    carry_out();
  }
  if (ended_)
    return;
  core_.end_turn(all_.now());
  carry_out();
  look();
}

ticket simulated_connection::await(promise answer_to, caller_id caller) {
  auto id = ticket{++last_ticket_};
  awaited_.emplace(id, awaited_answer{answer_to, caller});
  return id;
}

void simulated_connection::begin(grant what, promise answer_to, caller_id caller) {
  post([this, x = std::move(what), answer_to, caller]() mutable {
    core_.begin(std::move(x), await(answer_to, caller), all_.now());
  });
}

void simulated_connection::execute(session_command what, promise answer_to) {
  post([this, x = std::move(what), answer_to]() mutable {
    core_.execute(std::move(x), await(answer_to, {}), all_.now());
  });
}

void simulated_connection::check_in(session_id id) {
  post([this, id] { core_.check_in(id, all_.people.has_ended(holder_), all_.now()); });
}

void simulated_connection::hand_over(session_id id, caller_id to, promise answer_to) {
  post([this, id, to, answer_to] {
    auto why = core_.hand_over(id, all_.now());
    if (!why)
      holder_ = to;
    answer(answer_to, why ? content{std::move(*why)} : content{});
  });
}

void simulated_connection::evict(session_id id, promise answer_to) {
  post([this, id, answer_to] {
    auto why = core_.evict(id, all_.now());
    answer(answer_to, why ? content{std::move(*why)} : content{});
  });
}

void simulated_connection::requeue() {
  post([this] { core_.requeue_waiting(all_.now()); });
}

void simulated_connection::ping() {
  post([this] { core_.ping(all_.now()); });
}

void simulated_connection::check_callers() {
  post([this] {
    std::vector<ticket> ended;
    for (auto& [id, x] : awaited_)
      if (all_.people.has_ended(x.caller))
        ended.push_back(id);
    core_.check_callers(ended, all_.people.has_ended(holder_), all_.now());
  });
}

void simulated_connection::close() {
  post([this] {
    core_.close(all_.now());
    carry_out();
    ended_ = true;
    wire_.close();
    for (auto& [id, x] : awaited_)
      all_.log.object("a connection has closed, but has not answered " + name_of(x.caller));
    to_pool_.send([this] { pool_.closed(id_); });
  });
}

// -- the socket --------------------------------------------------------------------

bool simulated_connection::is_readable() const {
  return has_input_ || !wire_.arrived().empty() || wire_.is_lost();
}

/// Tells the core when the socket is ready, as long as it is.
void simulated_connection::look() {
  auto ready = [this] { return (core_.wants_read() && is_readable()) || (core_.wants_write() && wire_.takes_more()); };
  if (ended_ || core_.is_gone() || look_due_ || !ready())
    return;
  look_due_ = true;
  all_.time.after(1us + random_.up_to(all_.how.mail_delay), [this, ready] {
    look_due_ = false;
    if (ended_ || core_.is_gone() || !ready())
      return;
    auto readable = core_.wants_read() && is_readable();
    auto writable = core_.wants_write() && wire_.takes_more();
    if (readable)
      has_input_ = false;
    core_.ready(readable, writable, all_.now());
    core_.end_turn(all_.now());
    carry_out();
    look();
  });
}

// -- what the core asks for ----------------------------------------------------------

void simulated_connection::carry_out() {
  for (auto todo = core_.take_commands(); !todo.empty(); todo = core_.take_commands())
    for (auto& x : todo)
      std::visit([this](auto& y) { carry_out(y); }, x);
  if (!core_.has_session())
    holder_ = {};
  set_timer();
}

std::optional<simulated_connection::awaited_answer> simulated_connection::take(ticket x) {
  auto node = awaited_.extract(x);
  if (node)
    return node.mapped();
  all_.log.object("a connection answers what nobody has asked, or was answered before");
  return std::nullopt;
}

void simulated_connection::carry_out(connection_command::answer& x) {
  auto to = take(x.to);
  if (!to)
    return;
  auto session = std::get_if<session_id>(&x.content);
  auto id = session != nullptr ? *session : session_id{};
  answer(to->to, std::move(x.content));
  if (session == nullptr)
    return;
  holder_ = to->caller;
  if (all_.people.has_ended(holder_))
    core_.check_in(id, true, all_.now());
}

void simulated_connection::carry_out(connection_command::return_grant& x) {
  step("returns a request: " + x.reason);
  if (auto to = take(x.of))
    to_pool_.send([this, what = std::move(x.work), to = *to, reason = std::move(x.reason)]() mutable {
      pool_.returned(id_, std::move(what), to.to, to.caller, reason);
    });
}

void simulated_connection::carry_out(connection_command::requeue_grant& x) {
  step("requeues a request");
  if (auto to = take(x.of))
    to_pool_.send([this, what = std::move(x.work), to = *to]() mutable {
      pool_.requeued(id_, std::move(what), to.to, to.caller);
    });
}

void simulated_connection::carry_out(connection_command::report& x) {
  if (all_.log.enabled())
    step("reports " + std::to_string(x.content.ended) + " ended, " + std::to_string(x.content.requeued)
         + " requeued, disposition " + std::to_string(static_cast<int>(x.content.disposition)) + ' '
         + x.content.reason);
  stops_reported_ += x.content.stopped;
  if (stops_reported_ > stops_asked_)
    all_.log.object("a connection reports stops that it has not asked for");
  to_pool_.send([this, what = std::move(x.content)] { pool_.released(id_, what); });
}

void simulated_connection::carry_out(connection_command::stop_statement&) {
  step("has the server stop what it runs");
  ++stops_asked_;
  stops_.stop(wire_.session(), endpoint_, [this](bool done) {
    if (ended_)
      return;
    step(done ? "is told that it was stopped" : "is told that it could not be stopped");
    done ? core_.stop_confirmed(all_.now()) : core_.stop_failed(all_.now());
    core_.end_turn(all_.now());
    carry_out();
    look();
  });
}

void simulated_connection::carry_out(connection_command::end_server_session&) {
  step("has the server end its session");
  stops_.end(wire_.session(), endpoint_);
}

void simulated_connection::carry_out(connection_command::warn_of_leak&) {
  // nop
}

void simulated_connection::carry_out(connection_command::warn_of_unclaimed&) {
  // nop
}

void simulated_connection::set_timer() {
  auto when = core_.next_event();
  if (when >= armed_for_)
    return;
  armed_for_ = when;
  all_.time.at(std::max(when, all_.now()) + random_.up_to(all_.how.mail_delay), [this, when] {
    if (armed_for_ != when || ended_)
      return;
    armed_for_ = time_point::max();
    core_.tick(all_.now());
    core_.end_turn(all_.now());
    carry_out();
    look();
  });
}

void simulated_connection::answer(promise to, content what) {
  all_.time.after(random_.up_to(all_.how.mail_delay), [this, to, x = std::move(what)] { all_.books.keep(to, x); });
}

void simulated_connection::step(const std::string& what) const {
  if (all_.log.enabled())
    all_.log.step("connection " + std::to_string(static_cast<uint64_t>(id_)), what);
}

} // namespace cenote::simulation
