#include "simulation/model_server.hpp"

#include <algorithm>
#include <utility>

// Connects, requests one after the other, and the end of sessions. See model_server_execution.cpp for what statements
// do.

namespace cenote::simulation {

using namespace std::chrono_literals;

model_server::model_server(schedule& time, const plan& run_plan, stamps& marks, transcript& log)
    : time_{time}, plan_{run_plan}, marks_{marks}, log_{log}, random_{run_plan.seed, 2}, endpoints_(run_plan.servers) {
  // nop
}

std::string model_server::name_of(const session& target) const {
  return "server session " + std::to_string(static_cast<uint32_t>(target.id));
}

// -- clients ---------------------------------------------------------------------

std::variant<server_session_id, server_error> model_server::connect(size_t endpoint, server_client& client) {
  auto& target = endpoints_[endpoint];
  if (target.away)
    return server_error{2003, "HY000", "Can't connect to server (111)"};
  if (target.full)
    return server_error{1040, "08004", "Too many connections"};
  if (target.refuses_login)
    return server_error{1045, "28000", "Access denied for user"};
  auto& opened = *sessions_.emplace_back(std::make_unique<session>());
  opened.id = server_session_id{static_cast<uint32_t>(sessions_.size())};
  opened.endpoint = endpoint;
  opened.client = &client;
  ++open_;
  watch_idle(opened);
  return opened.id;
}

void model_server::receive(server_session_id id, server_request request) {
  auto& target = at(id);
  if (!target.open)
    return;
  target.inbox.push_back(std::move(request));
  next(target);
}

void model_server::client_closed(server_session_id id) {
  auto& target = at(id);
  if (!target.open || std::exchange(target.client_gone, true))
    return;
  if (!target.current)
    end(target, false);
}

/// Begins with the next request if nothing runs.
void model_server::next(session& target) {
  if (!target.open || target.current || target.inbox.empty())
    return;
  target.current = std::move(target.inbox.front());
  target.inbox.pop_front();
  target.step = 0;
  target.reply = {};
  auto turn = ++target.turn;
  if (target.current->type == server_request::kind::statement
      || target.current->type == server_request::kind::compound) {
    begin_step(target);
    return;
  }
  auto delay =
      (std::max(endpoints_[target.endpoint].frozen_until, time_.now()) - time_.now()) + plan_.statement_time / 4;
  time_.after(delay, [this, &target, turn] {
    if (!target.open || target.turn != turn)
      return;
    if (target.current->type == server_request::kind::ping)
      target.kill_pending = false;
    else
      reset(target);
    answer(target);
  });
}

/// The current request is done.
void model_server::answer(session& target) {
  ++target.turn;
  target.current.reset();
  target.reply.in_transaction = target.in_transaction;
  target.reply.touched = target.touched;
  if (log_.enabled())
    log_.step(name_of(target),
              target.reply.error ? "answers " + std::to_string(target.reply.error->number) : "answers");
  // It may notice only some answers later that the client has gone.
  if (target.client_gone && (target.inbox.empty() || random_.one_in(2))) {
    end(target, false);
    return;
  }
  if (!target.client_gone)
    target.client->reply(std::exchange(target.reply, {}));
  if (target.inbox.empty())
    watch_idle(target);
  else
    next(target);
}

void model_server::refuse(session& target, uint32_t number, const char* sqlstate, const char* text) {
  target.reply.error = server_error{number, sqlstate, text};
  if (!target.in_transaction)
    release_locks(target);
  answer(target);
}

/// Its open transaction is rolled back.
void model_server::end(session& target, bool notify) {
  if (!std::exchange(target.open, false))
    return;
  --open_;
  ++target.turn;
  target.current.reset();
  target.inbox.clear();
  locks_.forget_wait(target.id);
  roll_back(target);
  if (log_.enabled())
    log_.step(name_of(target), "ends");
  if (notify && !target.client_gone)
    target.client->hang_up();
}

/// Sessions that are not used end.
void model_server::watch_idle(session& target) {
  target.idle_since = time_.now();
  if (std::exchange(target.idle_watched, true))
    return;
  time_.after(plan_.wait_timeout, [this, &target] {
    target.idle_watched = false;
    if (!target.open || target.current)
      return;
    if (time_.now() - target.idle_since >= plan_.wait_timeout) {
      end(target, true);
      return;
    }
    auto since = target.idle_since;
    watch_idle(target);
    target.idle_since = since;
  });
}

// -- other sessions, and fate --------------------------------------------------------

bool model_server::can_be_stopped(const session& target) const {
  return target.current
         && (target.current->type == server_request::kind::statement
             || target.current->type == server_request::kind::compound)
         && target.current->commands[target.step].op != operation::commit;
}

/// Stops the running statement.
void model_server::abort(session& target) {
  ++target.turn;
  if (std::exchange(target.waits_for_lock, false))
    locks_.forget_wait(target.id);
  auto& command = target.current->commands[target.step];
  if (command.op == operation::note && random_.one_in(2)) {
    make_lasting({command.mark, command.op, command.row});
    target.keeps_something |= target.in_transaction;
  }
}

void model_server::kill_query(server_session_id id, bool of_pool) {
  auto& target = at(id);
  if (!target.open)
    return;
  if (log_.enabled())
    log_.step(name_of(target), "KILL QUERY");
  target.kill_is_of_pool = of_pool;
  if (!can_be_stopped(target)) {
    target.kill_pending = true;
    return;
  }
  abort(target);
  interrupt(target);
}

void model_server::interrupt(session& target) {
  if (!target.kill_is_of_pool)
    marks_[target.current->commands[target.step].mark].stopped = true;
  refuse(target, 1317, "70100", "Query execution was interrupted");
}

void model_server::evict(use_id use) {
  if (auto i = session_of_use_.find(static_cast<uint32_t>(use)); i != session_of_use_.end())
    at(i->second).evicted_by = use;
}

void model_server::kill_session(server_session_id id) {
  auto& target = at(id);
  if (!target.open)
    return;
  if (log_.enabled())
    log_.step(name_of(target), "KILL CONNECTION");
  if (can_be_stopped(target))
    abort(target);
  end(target, true);
}

void model_server::restart(size_t endpoint) {
  for (size_t i = 0; i < sessions_.size(); ++i)
    if (sessions_[i]->open && sessions_[i]->endpoint == endpoint)
      end(*sessions_[i], true);
}

server_session_id model_server::any_session() {
  if (open_ == 0)
    return {};
  auto n = random_.below(open_);
  for (auto& target : sessions_)
    if (target->open && n-- == 0)
      return target->id;
  return {};
}

duration model_server::time_for_statement(const session& target) {
  auto usual = random_.between(plan_.statement_time / 2, plan_.statement_time * 3 / 2);
  if (plan_.with.slowness) {
    if (random_.one_in(30))
      usual *= static_cast<int64_t>(random_.between(5, 60));
    if (random_.one_in(300))
      usual += random_.up_to(3s);
  }
  return (std::max(endpoints_[target.endpoint].frozen_until, time_.now()) - time_.now()) + usual;
}

} // namespace cenote::simulation
