#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "pool/sql_rules.hpp"
#include "remote/desk_state.hpp"
#include "runtime/guarded_behavior.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace cenote::remote {

namespace {

/// Holders of sessions, for each session that a client may have.
constexpr size_t guests_per_session = 4;

failure unknown_session() {
  return own_failure(errc::session_ended, outcome::rejected, "there is no such session of this client");
}

failure too_many_holders() {
  return own_failure(errc::queue_full, outcome::unavailable, "this client has too many holders of sessions");
}

/// The time limit of a request that has waited here; see `statement::timeout`.
void shorten(std::chrono::nanoseconds& limit, std::chrono::nanoseconds waited) {
  if (limit > limit.zero())
    limit = limit > waited ? limit - waited : std::chrono::nanoseconds{-1};
}

} // namespace

// -- asking the pool -------------------------------------------------------------------

/// Without a timeout of CAF's: a pool answers every request within its own.
template <class T, class Receiver, class... Ts>
void desk_state::ask(uint64_t number, const Receiver& receiver, Ts&&... request) {
  auto failure = [this, number](const caf::error& reason) { guard(*this, [&] { failed(number, details(reason)); }); };
  if constexpr (std::is_void_v<T>)
    self->request(receiver, caf::infinite, std::forward<Ts>(request)...)
        .then(
            [this, number] {
              guard(*this, [&] {
                nothing none;
                answer(number, none);
              });
            },
            failure);
  else
    self->request(receiver, caf::infinite, std::forward<Ts>(request)...)
        .then([this, number](T& value) { guard(*this, [&] { answer(number, value); }); }, failure);
}

template <class T>
void desk_state::answer(uint64_t number, T& value) {
  release(number);
  if (size_of_content(value) < large_content) {
    send_answer(number, encode_answer(value), true);
    return;
  }
  // An I/O thread that copies for long delays the signs of life of all clients.
  shared->count_answer(id, true);
  ++encoding;
  auto kept = std::make_shared<T>(std::move(value));
  self->system().spawn([kept, number, to = desk_actor{self}](caf::event_based_actor* worker) {
    worker->send(to, encoded_atom_v, number, encode_large_answer(*kept));
  });
}

void desk_state::failed(uint64_t number, failure reason) {
  if (auto i = requests.find(number); i != requests.end())
    add_wait(reason, i->second.waited);
  release(number);
  send_answer(number, encode_failure(reason), false);
}

void desk_state::refuse(uint64_t number, errc code, outcome effect, std::string text) {
  auto reason = own_failure(code, effect, std::move(text));
  send_answer(number, encode_failure(reason), false);
}

void desk_state::send_answer(uint64_t number, net::blob content, bool success) {
  shared->count_answer(id, success);
  link.send(net::message_kind::answer, number, std::move(content));
}

/// The request has been answered by the pool.
void desk_state::release(uint64_t number, bool begins_session) {
  if (direct.erase(number) > 0)
    return;
  auto i = requests.find(number);
  if (i == requests.end())
    return;
  shared->gate.answered(id, i->second.demand, begins_session);
  requests.erase(i);
}

// -- requests of the client ------------------------------------------------------------

void desk_state::request(const net::message& message) {
  auto number = message.id;
  if (requests.contains(number) || direct.contains(number)) {
    link.close("it has sent two requests with the same number");
    return;
  }
  request_reader in{message.content};
  uint8_t code = 0;
  auto good = in.read(code);
  auto what = static_cast<operation>(code);
  if (leaving && !is_in_session(what)) { // Sessions may come to their end.
    refuse(number, errc::shutting_down, outcome::unavailable, "the pool node is shutting down");
    return;
  }
  pending x;
  x.what = what;
  switch (what) {
  case operation::execute:
    if (statement query; good && in.read(query) && in.at_end()) {
      x.demand = pool::is_shareable(query) ? node::demand::shared : node::demand::exclusive;
      x.work = std::move(query);
      gated(number, std::move(x));
      return;
    }
    break;
  case operation::transact:
    if (transaction work; good && in.read(work) && in.at_end()) {
      x.demand = node::demand::exclusive;
      x.work = std::move(work);
      gated(number, std::move(x));
      return;
    }
    break;
  case operation::checkout:
    if (session_options terms; good && in.read(x.holder, terms) && in.at_end()) {
      x.demand = node::demand::session;
      x.work = std::move(terms);
      gated(number, std::move(x));
      return;
    }
    break;
  default:
    if (direct.size() >= shared->rules.max_waiting) {
      refuse(number, errc::queue_full, outcome::unavailable, "too many requests of this client are unanswered");
      return;
    }
    direct.insert(number);
    if (good && (command(number, what, in) || query(number, what, in)))
      return;
    direct.erase(number);
  }
  if (in.has_too_many_parts())
    refuse(number, errc::invalid_statement, outcome::rejected, too_many_parts_text());
  else
    link.close("it has sent a request that cannot be read: it is damaged, or of another version");
}

/// It waits for its turn, which may come at once.
void desk_state::gated(uint64_t number, pending x) {
  auto demand = x.demand;
  if (shared->gate.request(id, node::ticket{number}, demand) == node::fair_gate::admission::refused) {
    refuse(number, errc::queue_full, outcome::unavailable,
           "this client has as many requests waiting at the pool node as it may, node.max-waiting "
               + std::to_string(shared->rules.max_waiting));
    return;
  }
  x.arrived = now();
  auto limit = shared->pool_timeout;
  if (auto query = std::get_if<statement>(&x.work); query && query->timeout != query->timeout.zero())
    limit = std::min(limit, query->timeout);
  if (auto work = std::get_if<transaction>(&x.work); work && work->timeout != work->timeout.zero())
    limit = std::min(limit, work->timeout);
  if (auto terms = std::get_if<session_options>(&x.work);
      terms && terms->acquire_timeout != terms->acquire_timeout.zero())
    limit = std::min(limit, terms->acquire_timeout);
  x.due = later(x.arrived, limit);
  waits.emplace(x.due, number);
  requests.emplace(number, std::move(x));
}

/// Its turn has come.
void desk_state::granted(uint64_t number, node::demand kind) {
  auto i = requests.find(number);
  if (i == requests.end()) {
    shared->gate.answered(id, kind); // It was answered in the same moment.
    return;
  }
  auto& x = i->second;
  waits.erase({x.due, number});
  x.waited = now() - x.arrived;
  if (auto terms = std::get_if<session_options>(&x.work)) {
    if (has_too_many_guests(x.holder)) {
      failed(number, too_many_holders());
      return;
    }
    shorten(terms->acquire_timeout, x.waited);
    shorten(terms->time_limit, x.waited);
    check_out(number, guest(x.holder), std::move(*terms));
    return;
  }
  // For the pool, this actor is the caller. It does nothing but end when the client's own caller has ended.
  x.caller = self->system().spawn<caf::hidden + caf::lazy_init>([](caf::event_based_actor*) -> caf::behavior {
    return {[](stop_atom) {
      // nop
    }};
  });
  auto caller = caf::actor_cast<caf::strong_actor_ptr>(x.caller);
  if (auto query = std::get_if<statement>(&x.work)) {
    shorten(query->timeout, x.waited);
    ask<result>(number, pool, execute_atom_v, std::move(*query), caller);
  } else {
    auto& work = std::get<transaction>(x.work);
    shorten(work.timeout, x.waited);
    ask<std::vector<result>>(number, pool, transact_atom_v, std::move(work), caller);
  }
  x.work = std::monostate{};
}

/// Fails the requests that have waited for their turn for too long.
void desk_state::expire(time_point at) {
  while (!waits.empty() && waits.begin()->first <= at) {
    auto number = waits.begin()->second;
    waits.erase(waits.begin());
    auto i = requests.find(number);
    if (i == requests.end() || !shared->gate.withdraw(id, node::ticket{number}))
      continue; // It has just been let through.
    auto reason =
        own_failure(errc::acquire_timeout, outcome::unavailable,
                    "the pool node had other requests to do, of this client and of others, for as long as this "
                    "one could wait");
    reason.waited = at - i->second.arrived;
    requests.erase(i);
    send_answer(number, encode_failure(reason), false);
  }
}

/// Nobody waits for the answer any more; it is sent all the same.
void desk_state::cancel(uint64_t number) {
  auto i = requests.find(number);
  if (i == requests.end())
    return;
  if (shared->gate.withdraw(id, node::ticket{number})) {
    waits.erase({i->second.due, number});
    requests.erase(i);
    refuse(number, errc::acquire_timeout, outcome::unavailable, "the caller has ended");
  } else if (i->second.caller) {
    caf::anon_send_exit(i->second.caller, caf::exit_reason::user_shutdown); // The pool drops the request, or stops it.
  }
}

// -- sessions --------------------------------------------------------------------------

const guest_actor& desk_state::guest(uint64_t holder) {
  auto i = guests.find(holder);
  if (i == guests.end())
    i = guests.emplace(holder, spawn_guest(self->system(), home, pool)).first;
  return i->second;
}

/// A client tells which holders have no session any more. One that does not gets no more of them.
bool desk_state::has_too_many_guests(uint64_t holder) const {
  return guests.size() >= guests_per_session * shared->rules.max_sessions && !guests.contains(holder);
}

const guest_actor* desk_state::guest_of(session_id session) {
  auto i = sessions.find(session);
  if (i == sessions.end())
    return nullptr;
  auto holder = guests.find(i->second.holder);
  return holder == guests.end() ? nullptr : &holder->second;
}

void desk_state::check_out(uint64_t number, const guest_actor& holder, session_options terms) {
  auto failure = [this, number](const caf::error& reason) { guard(*this, [&] { failed(number, details(reason)); }); };
  self->request(holder, caf::infinite, checkout_atom_v, std::move(terms))
      .then(
          [this, number](session_id session) {
            guard(*this, [&] {
              auto i = requests.find(number);
              if (i == requests.end())
                return;
              sessions.emplace(session, held_session{i->second.holder, shared->looks});
              release(number, true);
              send_answer(number, encode_answer(session), true);
            });
          },
          failure);
}

/// A request for a session, in the name of its holder.
template <class T, class... Ts>
void desk_state::ask_in_session(uint64_t number, session_id session, Ts&&... request) {
  auto holder = guest_of(session);
  if (holder == nullptr) {
    failed(number, unknown_session());
    return;
  }
  auto done = [this, number](auto&... value) {
    guard(*this, [&] {
      if constexpr (sizeof...(value) == 0) {
        nothing none;
        answer(number, none);
      } else {
        (answer(number, value), ...);
      }
    });
  };
  auto failure = [this, number, session](const caf::error& error) {
    guard(*this, [&] {
      auto reason = details(error);
      if (reason.code == errc::session_ended)
        session_over(session);
      failed(number, std::move(reason));
    });
  };
  if constexpr (std::is_void_v<T>)
    self->request(*holder, caf::infinite, std::forward<Ts>(request)...).then([done] { done(); }, failure);
  else
    self->request(*holder, caf::infinite, std::forward<Ts>(request)...)
        .then([done](T& value) { done(value); }, failure);
}

/// @returns whether it is a request for a session, and could be read.
bool desk_state::command(uint64_t number, operation what, request_reader& in) {
  session_id session{};
  statement query;
  transaction_options how;
  std::string savepoint;
  uint64_t to = 0;
  auto read = [&in](auto&... parts) { return in.read(parts...) && in.at_end(); };
  switch (what) {
  case operation::session_execute:
    if (!read(session, query))
      return false;
    ask_in_session<result>(number, session, execute_atom_v, session, std::move(query));
    return true;
  case operation::begin:
    if (!read(session, how))
      return false;
    ask_in_session<void>(number, session, begin_atom_v, session, how);
    return true;
  case operation::commit:
    if (!read(session))
      return false;
    ask_in_session<void>(number, session, commit_atom_v, session);
    return true;
  case operation::rollback:
    if (!read(session))
      return false;
    ask_in_session<void>(number, session, rollback_atom_v, session);
    return true;
  case operation::savepoint:
    if (!read(session, savepoint))
      return false;
    ask_in_session<void>(number, session, savepoint_atom_v, session, std::move(savepoint));
    return true;
  case operation::rollback_to:
    if (!read(session, savepoint))
      return false;
    ask_in_session<void>(number, session, rollback_atom_v, session, std::move(savepoint));
    return true;
  case operation::evict:
    if (!read(session))
      return false;
    ask_in_session<void>(number, session, evict_atom_v, session);
    return true;
  case operation::checkin:
    if (!read(session))
      return false;
    check_in(number, session);
    return true;
  case operation::handover:
    if (!read(session, to))
      return false;
    handover(number, session, to);
    return true;
  default:
    return false;
  }
}

/// A session that has ended already is none to return.
void desk_state::check_in(uint64_t number, session_id session) {
  auto holder = guest_of(session);
  if (holder == nullptr) {
    nothing none;
    answer(number, none);
    return;
  }
  auto over = [this, number, session] {
    guard(*this, [&] {
      session_over(session);
      nothing none;
      answer(number, none);
    });
  };
  self->request(*holder, caf::infinite, checkin_atom_v, session).then(over, [over](const caf::error&) { over(); });
}

void desk_state::handover(uint64_t number, session_id session, uint64_t to) {
  auto holder = guest_of(session);
  if (holder == nullptr) {
    failed(number, unknown_session());
    return;
  }
  if (has_too_many_guests(to)) {
    failed(number, too_many_holders());
    return;
  }
  auto from = *holder; // The map of guests may grow.
  self->request(from, caf::infinite, handover_atom_v, session, caf::actor_cast<caf::strong_actor_ptr>(guest(to)))
      .then(
          [this, number, session, to] {
            guard(*this, [&] {
              if (auto i = sessions.find(session); i != sessions.end())
                i->second.holder = to;
              nothing none;
              answer(number, none);
            });
          },
          [this, number](const caf::error& error) { guard(*this, [&] { failed(number, details(error)); }); });
}

/// A holder has no session any more: its guest ends when it has answered all. Or it has ended itself: then the pool
/// takes its sessions back, and stops what they run, when it notices the end of the guest.
void desk_state::gone(const net::message& message) {
  auto holder = message.id;
  auto has_ended = false;
  if (!decode(message.content, has_ended)) {
    link.close("it has sent a message that cannot be read");
    return;
  }
  auto i = guests.find(holder);
  if (i == guests.end())
    return;
  if (has_ended)
    caf::anon_send_exit(i->second, caf::exit_reason::user_shutdown);
  else
    caf::anon_send(i->second, close_atom_v);
  guests.erase(i);
  std::vector<session_id> ended;
  for (auto& [session, held] : sessions)
    if (held.holder == holder)
      ended.push_back(session);
  for (auto session : ended)
    session_over(session);
}

void desk_state::session_over(session_id session) {
  if (sessions.erase(session) > 0)
    shared->gate.session_ended(id);
}

/// Sessions also end by themselves, say at their time limit.
void desk_state::sessions_alive(const std::vector<session_id>& alive, uint64_t look) {
  std::vector<session_id> ended;
  for (auto& [session, held] : sessions)
    if (held.since < look && !std::ranges::binary_search(alive, session))
      ended.push_back(session);
  for (auto session : ended)
    session_over(session);
}

// -- questions and orders --------------------------------------------------------------

/// @returns whether it is one, and could be read.
bool desk_state::query(uint64_t number, operation what, request_reader& in) {
  session_id session{};
  std::string channel;
  if ((what == operation::kill && !in.read(session)) || (what == operation::notify && !in.read(channel))
      || !in.at_end())
    return false;
  auto for_admins = [&](auto... request) {
    if (admin)
      ask<void>(number, pool, request...);
    else
      failed(number, own_failure(errc::invalid_statement, outcome::rejected,
                                 "this client may not do that: it needs the token of node.admin-token-file of the pool "
                                 "node"));
  };
  switch (what) {
  case operation::verify:
    ask<verification>(number, pool, verify_atom_v);
    return true;
  case operation::status:
    ask<pool_status>(number, pool, status_atom_v);
    return true;
  case operation::details:
    ask<pool_details>(number, pool, details_atom_v);
    return true;
  case operation::statements:
    ask<std::vector<statement_summary>>(number, pool, statements_atom_v);
    return true;
  case operation::settings:
    ask<effective_settings>(number, pool, settings_atom_v);
    return true;
  case operation::subscribe:
    ask<void>(number, pool, subscribe_atom_v);
    return true;
  case operation::unsubscribe:
    ask<void>(number, pool, unsubscribe_atom_v);
    return true;
  case operation::listen:
    ask<void>(number, caf::actor_cast<notifying_pool_actor>(pool), listen_atom_v,
              caf::actor_cast<caf::strong_actor_ptr>(self));
    return true;
  case operation::notify:
    ask<void>(number, caf::actor_cast<notifying_pool_actor>(pool), notify_atom_v, std::move(channel),
              caf::actor_cast<caf::strong_actor_ptr>(self));
    return true;
  case operation::kill:
    for_admins(kill_atom_v, session);
    return true;
  case operation::dispose:
    for_admins(dispose_atom_v);
    return true;
  case operation::pause:
    for_admins(pause_atom_v);
    return true;
  case operation::resume:
    for_admins(resume_atom_v);
    return true;
  default:
    return false;
  }
}

} // namespace cenote::remote
