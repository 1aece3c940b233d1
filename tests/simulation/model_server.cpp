#include "simulation/model_server.hpp"

#include <algorithm>
#include <utility>

// Connects, requests one after the other, and the end of sessions. See model_server_execution.cpp for what statements
// do.

namespace cenote::simulation {

using namespace std::chrono_literals;

model_server::model_server(schedule& time, const plan& how, stamps& marks, transcript& log)
    : time_{time}, plan_{how}, marks_{marks}, log_{log}, random_{how.seed, 2}, endpoints_(how.servers) {
  // nop
}

std::string model_server::name_of(const session& x) const {
  return "server session " + std::to_string(static_cast<uint32_t>(x.id));
}

// -- clients ---------------------------------------------------------------------

std::variant<server_session_id, server_error> model_server::connect(size_t endpoint, server_client& client) {
  auto& where = endpoints_[endpoint];
  if (where.away)
    return server_error{2003, "HY000", "Can't connect to server (111)"};
  if (where.full)
    return server_error{1040, "08004", "Too many connections"};
  if (where.refuses_login)
    return server_error{1045, "28000", "Access denied for user"};
  auto& x = *sessions_.emplace_back(std::make_unique<session>());
  x.id = server_session_id{static_cast<uint32_t>(sessions_.size())};
  x.endpoint = endpoint;
  x.client = &client;
  ++open_;
  watch_idle(x);
  return x.id;
}

void model_server::receive(server_session_id id, server_request what) {
  auto& x = at(id);
  if (!x.open)
    return;
  x.inbox.push_back(std::move(what));
  next(x);
}

void model_server::client_closed(server_session_id id) {
  auto& x = at(id);
  if (!x.open || std::exchange(x.client_gone, true))
    return;
  if (!x.current)
    end(x, false);
}

/// Begins with the next request if nothing runs.
void model_server::next(session& x) {
  if (!x.open || x.current || x.inbox.empty())
    return;
  x.current = std::move(x.inbox.front());
  x.inbox.pop_front();
  x.step = 0;
  x.reply = {};
  auto turn = ++x.turn;
  if (x.current->what == server_request::kind::statement || x.current->what == server_request::kind::compound) {
    begin_step(x);
    return;
  }
  auto delay = (std::max(endpoints_[x.endpoint].frozen_until, time_.now()) - time_.now()) + plan_.statement_time / 4;
  time_.after(delay, [this, &x, turn] {
    if (!x.open || x.turn != turn)
      return;
    if (x.current->what == server_request::kind::ping)
      x.kill_pending = false;
    else
      reset(x);
    answer(x);
  });
}

/// The current request is done.
void model_server::answer(session& x) {
  ++x.turn;
  x.current.reset();
  x.reply.in_transaction = x.in_transaction;
  x.reply.touched = x.touched;
  if (log_.enabled())
    log_.step(name_of(x), x.reply.error ? "answers " + std::to_string(x.reply.error->number) : "answers");
  // It may not notice before some further answers that nobody gets them.
  if (x.client_gone && (x.inbox.empty() || random_.one_in(2))) {
    end(x, false);
    return;
  }
  if (!x.client_gone)
    x.client->reply(std::exchange(x.reply, {}));
  if (x.inbox.empty())
    watch_idle(x);
  else
    next(x);
}

void model_server::refuse(session& x, uint32_t number, const char* sqlstate, const char* text) {
  x.reply.error = server_error{number, sqlstate, text};
  if (!x.in_transaction)
    release_locks(x);
  answer(x);
}

/// What it has left open is rolled back.
void model_server::end(session& x, bool tell) {
  if (!std::exchange(x.open, false))
    return;
  --open_;
  ++x.turn;
  x.current.reset();
  x.inbox.clear();
  locks_.forget_wait(x.id);
  roll_back(x);
  if (log_.enabled())
    log_.step(name_of(x), "ends");
  if (tell && !x.client_gone)
    x.client->hang_up();
}

/// Sessions that are not used end.
void model_server::watch_idle(session& x) {
  x.idle_since = time_.now();
  if (std::exchange(x.idle_watched, true))
    return;
  time_.after(plan_.wait_timeout, [this, &x] {
    x.idle_watched = false;
    if (!x.open || x.current)
      return;
    if (time_.now() - x.idle_since >= plan_.wait_timeout) {
      end(x, true);
      return;
    }
    auto since = x.idle_since;
    watch_idle(x);
    x.idle_since = since;
  });
}

// -- other sessions, and fate --------------------------------------------------------

bool model_server::can_be_stopped(const session& x) const {
  return x.current
         && (x.current->what == server_request::kind::statement || x.current->what == server_request::kind::compound)
         && x.current->commands[x.step].what != operation::commit;
}

/// The statement that runs comes to no end.
void model_server::abort(session& x) {
  ++x.turn;
  if (std::exchange(x.waits_for_lock, false))
    locks_.forget_wait(x.id);
  auto& what = x.current->commands[x.step];
  if (what.what == operation::note && random_.one_in(2)) {
    make_lasting({what.mark, what.what, what.row});
    x.keeps_something |= x.in_transaction;
  }
}

void model_server::kill_query(server_session_id id, bool of_pool) {
  auto& x = at(id);
  if (!x.open)
    return;
  if (log_.enabled())
    log_.step(name_of(x), "KILL QUERY");
  x.kill_is_of_pool = of_pool;
  if (!can_be_stopped(x)) {
    x.kill_pending = true;
    return;
  }
  abort(x);
  interrupt(x);
}

void model_server::interrupt(session& x) {
  if (!x.kill_is_of_pool)
    marks_[x.current->commands[x.step].mark].stopped = true;
  refuse(x, 1317, "70100", "Query execution was interrupted");
}

void model_server::evict(use_id x) {
  if (auto i = session_of_use_.find(static_cast<uint32_t>(x)); i != session_of_use_.end())
    at(i->second).evicted_by = x;
}

void model_server::kill_session(server_session_id id) {
  auto& x = at(id);
  if (!x.open)
    return;
  if (log_.enabled())
    log_.step(name_of(x), "KILL CONNECTION");
  if (can_be_stopped(x))
    abort(x);
  end(x, true);
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
  for (auto& x : sessions_)
    if (x->open && n-- == 0)
      return x->id;
  return {};
}

duration model_server::time_for_statement(const session& x) {
  auto usual = random_.between(plan_.statement_time / 2, plan_.statement_time * 3 / 2);
  if (plan_.with.slowness) {
    if (random_.one_in(30))
      usual *= static_cast<int64_t>(random_.between(5, 60));
    if (random_.one_in(300))
      usual += random_.up_to(3s);
  }
  return (std::max(endpoints_[x.endpoint].frozen_until, time_.now()) - time_.now()) + usual;
}

} // namespace cenote::simulation
