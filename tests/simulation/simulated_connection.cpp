#include "simulation/simulated_connection.hpp"

#include "simulation/model_link.hpp"
#include "simulation/simulated_pool.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace cenote::simulation {

using namespace std::chrono_literals;

simulated_connection::simulated_connection(world& world, simulated_pool& pool, canceller& stops, connection_id id,
                                           size_t endpoint, wire& path)
    : world_{world},
      pool_{pool},
      stops_{stops},
      id_{id},
      endpoint_{endpoint},
      wire_{path},
      random_{world.run_plan.seed, 2'000'000 + static_cast<uint64_t>(id)},
      from_pool_{world.time, dice{random_.next()}, world.run_plan.mail_delay},
      to_pool_{world.time, dice{random_.next()}, world.run_plan.mail_delay},
      core_{std::make_unique<model_link>(path, world.run_plan.is_mariadb), world.run_plan.connect_timeout} {
  wire_.on_change([this] {
    has_input_ = true;
    look();
  });
  look();
}

// -- messages ----------------------------------------------------------------------

void simulated_connection::post(schedule::task message) {
  from_pool_.send([this, message = std::move(message)]() mutable {
    inbox_.push_back(std::move(message));
    if (!std::exchange(turn_due_, true))
      world_.time.after(random_.up_to(world_.run_plan.mail_delay), [this] { run_turn(); });
  });
}

/// Handles all messages that have arrived, then sends the resulting statements.
void simulated_connection::run_turn() {
  turn_due_ = false;
  for (auto& message : std::exchange(inbox_, {})) {
    if (ended_)
      break;
    message();
    carry_out();
  }
  if (ended_)
    return;
  core_.end_turn(world_.now());
  carry_out();
  look();
}

ticket simulated_connection::await(promise answer_to, caller_id caller) {
  auto id = ticket{++last_ticket_};
  awaited_.emplace(id, awaited_answer{answer_to, caller});
  return id;
}

void simulated_connection::begin(grant granted, promise answer_to, caller_id caller) {
  post([this, granted = std::move(granted), answer_to, caller]() mutable {
    core_.begin(std::move(granted), await(answer_to, caller), world_.now());
  });
}

void simulated_connection::execute(session_command command, promise answer_to) {
  post([this, command = std::move(command), answer_to]() mutable {
    core_.execute(std::move(command), await(answer_to, {}), world_.now());
  });
}

void simulated_connection::check_in(session_id id) {
  post([this, id] { core_.check_in(id, world_.people.has_ended(holder_), world_.now()); });
}

void simulated_connection::hand_over(session_id id, caller_id new_holder, promise answer_to) {
  post([this, id, new_holder, answer_to] {
    auto reason = core_.hand_over(id, world_.now());
    if (!reason)
      holder_ = new_holder;
    answer(answer_to, reason ? content{std::move(*reason)} : content{});
  });
}

void simulated_connection::evict(session_id id, promise answer_to) {
  post([this, id, answer_to] {
    auto reason = core_.evict(id, world_.now());
    answer(answer_to, reason ? content{std::move(*reason)} : content{});
  });
}

void simulated_connection::requeue() {
  post([this] { core_.requeue_waiting(world_.now()); });
}

void simulated_connection::ping() {
  post([this] { core_.ping(world_.now()); });
}

void simulated_connection::check_callers() {
  post([this] {
    std::vector<ticket> ended;
    for (auto& [id, request] : awaited_)
      if (world_.people.has_ended(request.caller))
        ended.push_back(id);
    core_.check_callers(ended, world_.people.has_ended(holder_), world_.now());
  });
}

void simulated_connection::close() {
  post([this] {
    core_.close(world_.now());
    carry_out();
    ended_ = true;
    wire_.close();
    for (auto& [id, request] : awaited_)
      world_.log.object("a connection has closed, but has not answered " + name_of(request.caller));
    to_pool_.send([this] { pool_.closed(id_); });
  });
}

// -- the socket --------------------------------------------------------------------

bool simulated_connection::is_readable() const {
  return has_input_ || !wire_.arrived().empty() || wire_.is_lost();
}

/// Reports to the core that the socket is ready, for as long as it is.
void simulated_connection::look() {
  auto ready = [this] { return (core_.wants_read() && is_readable()) || (core_.wants_write() && wire_.takes_more()); };
  if (ended_ || core_.is_gone() || look_due_ || !ready())
    return;
  look_due_ = true;
  world_.time.after(1us + random_.up_to(world_.run_plan.mail_delay), [this, ready] {
    look_due_ = false;
    if (ended_ || core_.is_gone() || !ready())
      return;
    auto readable = core_.wants_read() && is_readable();
    auto writable = core_.wants_write() && wire_.takes_more();
    if (readable)
      has_input_ = false;
    core_.ready(readable, writable, world_.now());
    core_.end_turn(world_.now());
    carry_out();
    look();
  });
}

// -- what the core asks for ----------------------------------------------------------

void simulated_connection::carry_out() {
  for (auto todo = core_.take_commands(); !todo.empty(); todo = core_.take_commands())
    for (auto& command : todo)
      std::visit([this](auto& each) { carry_out(each); }, command);
  if (!core_.has_session())
    holder_ = {};
  set_timer();
}

std::optional<simulated_connection::awaited_answer> simulated_connection::take(ticket id) {
  auto node = awaited_.extract(id);
  if (node)
    return node.mapped();
  world_.log.object("a connection answers what nobody has asked, or was answered before");
  return std::nullopt;
}

void simulated_connection::carry_out(connection_command::answer& command) {
  auto asker = take(command.to);
  if (!asker)
    return;
  auto session = std::get_if<session_id>(&command.content);
  auto id = session != nullptr ? *session : session_id{};
  answer(asker->answer_to, std::move(command.content));
  if (session == nullptr)
    return;
  holder_ = asker->caller;
  if (world_.people.has_ended(holder_))
    core_.check_in(id, true, world_.now());
}

void simulated_connection::carry_out(connection_command::return_grant& command) {
  step("returns a request: " + command.reason);
  if (auto asker = take(command.of))
    to_pool_.send(
        [this, granted = std::move(command.work), asker = *asker, reason = std::move(command.reason)]() mutable {
          pool_.returned(id_, std::move(granted), asker.answer_to, asker.caller, reason);
        });
}

void simulated_connection::carry_out(connection_command::requeue_grant& command) {
  step("requeues a request");
  if (auto asker = take(command.of))
    to_pool_.send([this, granted = std::move(command.work), asker = *asker]() mutable {
      pool_.requeued(id_, std::move(granted), asker.answer_to, asker.caller);
    });
}

void simulated_connection::carry_out(connection_command::report& command) {
  if (world_.log.enabled())
    step("reports " + std::to_string(command.content.ended) + " ended, " + std::to_string(command.content.requeued)
         + " requeued, disposition " + std::to_string(static_cast<int>(command.content.disposition)) + ' '
         + command.content.reason);
  stops_reported_ += command.content.stopped;
  if (stops_reported_ > stops_asked_)
    world_.log.object("a connection reports stops that it has not asked for");
  to_pool_.send([this, report = std::move(command.content)] { pool_.released(id_, report); });
}

void simulated_connection::carry_out(connection_command::stop_statement&) {
  step("has the server stop what it runs");
  ++stops_asked_;
  stops_.stop(wire_.session(), endpoint_, [this](bool done) {
    if (ended_)
      return;
    step(done ? "is told that it was stopped" : "is told that it could not be stopped");
    done ? core_.stop_confirmed(world_.now()) : core_.stop_failed(world_.now());
    core_.end_turn(world_.now());
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
  auto due = core_.next_event();
  if (due >= armed_for_)
    return;
  armed_for_ = due;
  world_.time.at(std::max(due, world_.now()) + random_.up_to(world_.run_plan.mail_delay), [this, due] {
    if (armed_for_ != due || ended_)
      return;
    armed_for_ = time_point::max();
    core_.tick(world_.now());
    core_.end_turn(world_.now());
    carry_out();
    look();
  });
}

void simulated_connection::answer(promise answer_to, content reply) {
  world_.time.after(random_.up_to(world_.run_plan.mail_delay),
                    [this, answer_to, reply = std::move(reply)] { world_.books.keep(answer_to, reply); });
}

void simulated_connection::step(const std::string& event) const {
  if (world_.log.enabled())
    world_.log.step("connection " + std::to_string(static_cast<uint64_t>(id_)), event);
}

} // namespace cenote::simulation
