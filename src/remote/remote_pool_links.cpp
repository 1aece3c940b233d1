#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "remote/remote_pool_state.hpp"
#include "remote/request_limits.hpp"
#include "runtime/guarded_behavior.hpp"
#include "types/printable.hpp"
#include "types/time.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace cenote::remote {

namespace {

/// Longest wait for a name server. The attempt ends earlier, but not the call.
constexpr auto look_up_limit = std::chrono::seconds{10};

/// Large requests that are on their way to a node at a time: so a node needs memory for one.
constexpr size_t max_parallel = 1;

/// The time limit of a request that has waited here; see `statement::timeout`.
void fit(std::chrono::nanoseconds& limit, remote_pool_state::time_point deadline, remote_pool_state::time_point now) {
  if (limit <= limit.zero() || deadline == remote_pool_state::time_point::max())
    return;
  auto left = time_left(deadline, now);
  limit = left > left.zero() ? std::min(limit, left) : std::chrono::nanoseconds{-1};
}

/// Calls `f` with the parts of which the content of a request consists.
template <class F>
auto with_parts(remote_pool_state::waiting& x, F f) {
  auto what = static_cast<uint8_t>(x.what);
  if (auto query = std::get_if<statement>(&x.content))
    return f(what, *query);
  if (auto work = std::get_if<transaction>(&x.content))
    return f(what, *work);
  if (auto terms = std::get_if<remote_pool_state::checkout_terms>(&x.content))
    return f(what, terms->holder, terms->options);
  if (auto id = std::get_if<session_id>(&x.content))
    return f(what, *id);
  auto of = std::get_if<remote_pool_state::session_request>(&x.content);
  if (of == nullptr)
    return f(what);
  return std::visit(
      [&](auto& argument) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(argument)>, std::monostate>)
          return f(what, of->session);
        else
          return f(what, of->session, argument);
      },
      of->argument);
}

/// The elements of its lists.
template <class T>
size_t parts_in(const T& x) {
  if constexpr (requires { parts_of(x); })
    return parts_of(x);
  else
    return 0;
}

} // namespace

// -- making a connection -----------------------------------------------------------------

void remote_pool_state::carry_out(const node::connect_to& x) {
  auto& to = connections[x.link];
  to.node = x.node;
  auto& where = endpoints.at(x.node);
  if (auto address = net::numeric_address(where)) {
    to.others = {*address};
    try_next_address(x.link, to, {});
    return;
  }
  auto notify = [me = caf::actor_cast<caf::weak_actor_ptr>(self->ctrl()), link = static_cast<uint64_t>(x.link)] {
    if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(me))
      caf::anon_send(caf::actor_cast<caf::actor>(strong), resolved_atom_v, link);
  };
  auto look_up = [where]() -> tl::expected<std::vector<net::socket_address>, db::driver_error> {
    auto found = net::resolve(where);
    if (found)
      return std::move(*found);
    db::driver_error problem;
    problem.text = std::move(found.error());
    return tl::unexpected{std::move(problem)};
  };
  to.look_up.emplace(look_up_limit, look_up, notify);
  if (to.look_up->problem())
    resolved(x.link);
}

void remote_pool_state::resolved(node::link_id id) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.look_up)
    return;
  auto& to = i->second;
  auto found = to.look_up->take();
  to.look_up.reset();
  if (found) {
    to.others = std::move(*found);
    std::ranges::reverse(to.others);
  }
  try_next_address(id, to, found ? std::string{} : found.error().text);
}

/// @param reason why the one before could not be used.
void remote_pool_state::try_next_address(node::link_id id, connection& to, std::string reason) {
  to.link.reset();
  while (!to.others.empty()) {
    auto address = to.others.back();
    to.others.pop_back();
    auto stream =
        net::stream::connect(address, endpoints.at(to.node).host, rules.identity ? &*rules.identity : nullptr);
    descriptor watched{stream ? stream->descriptor() : -1};
    if (!stream || !watched.valid()) {
      reason = stream ? watched.problem() : stream.error();
      continue;
    }
    to.watch = caf::make_counted<socket_watch>(
        home->loop(), std::move(watched), self,
        [number = static_cast<uint64_t>(id)](bool, bool) { return caf::make_message(ready_atom_v, number); });
    to.link.emplace(std::move(*stream), rules.heartbeat, max_parallel, net::frame_reader::limits{}, now());
    hello greeting;
    greeting.version = CENOTE_VERSION;
    greeting.name = rules.name;
    greeting.token = rules.token;
    to.link->send(net::message_kind::hello, 0, encode(greeting));
    to.link->advance(now());
    to.watch->want(to.link->wants_read(), to.link->wants_write());
    return;
  }
  link_lost(id, reason);
}

// -- a connection --------------------------------------------------------------------------

void remote_pool_state::advance(node::link_id id) {
  settle(id);
  end_turn();
}

/// Writes what has been added since; reads, too, if the link asks for it.
void remote_pool_state::flush(node::link_id id) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.link)
    return;
  auto& to = i->second;
  if (to.link->lost() || to.link->next_event() <= now()) {
    settle(id);
    return;
  }
  to.link->flush(now());
  for (auto number : to.link->take_completed())
    core.written(node::call_id{number});
  if (to.link->lost())
    settle(id);
  else
    to.watch->want(to.link->wants_read(), to.link->wants_write());
}

/// Reads, handles and writes what there is.
void remote_pool_state::settle(node::link_id id) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.link)
    return;
  auto& to = i->second;
  to.link->advance(now());
  for (auto number : to.link->take_completed())
    core.written(node::call_id{number});
  if (to.link->take_progress())
    core.heard(id, now());
  for (auto& message : to.link->take_messages()) {
    take(id, to, message);
    if (!connections.contains(id))
      return;
  }
  if (!to.link->lost()) {
    to.watch->want(to.link->wants_read(), to.link->wants_write());
    return;
  }
  to.watch->stop();
  // The end of the connection is often read together with the refusal, and is not the reason.
  auto reason = to.refusal.empty() ? *to.link->lost() : to.refusal;
  if (!to.greeted && !to.refused && !to.others.empty()) {
    try_next_address(id, to, reason);
    return;
  }
  link_lost(id, reason);
}

void remote_pool_state::link_lost(node::link_id id, const std::string& reason) {
  auto i = connections.find(id);
  auto address = address_of(i->second);
  auto was_refused = i->second.refused;
  connections.erase(i);
  auto was_current = core.current() == id;
  is_not_followed(id);
  if (was_current) {
    log().warn("the pool node {} is lost: {}", address, reason);
  } else if (auto more = failed_links.add(now())) {
    log().warn("no connection to the pool node {}: {}{}", address, reason, and_more(*more));
  }
  perform(core.lost(id, reason, was_refused, now()));
}

/// If this was the current node: another one has to be asked for events and notices.
void remote_pool_state::is_not_followed(node::link_id node) {
  if (core.current() != node)
    return;
  subscribed = false;
  listens = false;
}

void remote_pool_state::carry_out(const node::drop_link& x) {
  auto i = connections.find(x.link);
  if (i == connections.end())
    return;
  auto& to = i->second;
  if (to.watch)
    to.watch->stop();
  if (to.link) {
    to.link->send(net::message_kind::goodbye, 0, {}); // The node may have taken the greeting by now.
    to.link->advance(now());
    to.link->close("not needed");
  }
  connections.erase(i);
}

void remote_pool_state::carry_out(const node::give_up_link& x) {
  auto i = connections.find(x.link);
  if (i == connections.end() || !i->second.link)
    return;
  i->second.link->close(x.reason);
  settle(x.link);
}

void remote_pool_state::take(node::link_id id, connection& from, net::message& message) {
  using net::message_kind;
  if (!from.greeted) {
    welcome accepted;
    refusal refused;
    if (message.kind == message_kind::welcome && decode(message.content, accepted)) {
      from.greeted = true;
      log().info("connected to the pool node {} ({}, cenote {})", address_of(from), printable(accepted.node),
                 printable(accepted.version));
      perform(core.opened(id, now()));
      follow_events();
      follow_notices();
    } else if (message.kind == message_kind::refusal && decode(message.content, refused)) {
      from.refused = refused.permanent;
      from.others.clear();
      from.refusal = "the node has refused this client: " + printable(refused.text);
      from.link->close(from.refusal);
    } else {
      from.link->close("it does not answer the greeting in cenote's protocol");
    }
    return;
  }
  switch (message.kind) {
  case message_kind::answer:
    take_answer(id, from, message);
    return;
  case message_kind::events: {
    pool_events events;
    if (!decode(message.content, events)) {
      from.link->close("it has sent events that cannot be read");
      return;
    }
    for (auto& each : events.events)
      feed.forward(std::move(each));
    return;
  }
  case message_kind::notice: {
    std::string channel;
    if (decode(message.content, channel))
      notices.notify(channel, {});
    else
      from.link->close("it has sent a notice that cannot be read");
    return;
  }
  case message_kind::goodbye:
    log().info("the pool node {} is shutting down", address_of(from));
    is_not_followed(id);
    from.link->send(message_kind::goodbye, 0, {}); // Behind the last request.
    perform(core.leaving(id, now()));
    return;
  default:
    from.link->close("it has sent a message that only a client may send");
  }
}

// -- requests --------------------------------------------------------------------------------

void remote_pool_state::carry_out(const node::send_call& x) {
  auto number = static_cast<uint64_t>(x.call);
  auto& request = requests.at(number);
  // Those for a session are carried out in the order in which they arrive.
  auto of = std::get_if<session_request>(&request.content);
  connections.at(x.link).link->send(net::message_kind::request, number, encode_request(request),
                                    of != nullptr ? static_cast<uint64_t>(of->session) : 0);
}

net::blob remote_pool_state::encode_request(waiting& x) {
  x.sent = now();
  if (auto query = std::get_if<statement>(&x.content))
    fit(query->timeout, x.deadline, x.sent);
  else if (auto work = std::get_if<transaction>(&x.content))
    fit(work->timeout, x.deadline, x.sent);
  else if (auto terms = std::get_if<checkout_terms>(&x.content))
    fit(terms->options.acquire_timeout, x.deadline, x.sent);
  return with_parts(x, [](auto&... parts) { return encode(parts...); });
}

/// What a node would refuse; nothing if it can be sent.
std::optional<failure> remote_pool_state::find_excess(waiting& x) {
  auto count = with_parts(x, [](auto&... parts) { return (size_t{0} + ... + parts_in(parts)); });
  if (count > max_parts)
    return own_failure(errc::invalid_statement, outcome::rejected, too_many_parts_text());
  if (with_parts(x, [](auto&... parts) { return encoded_size(parts...); }) > max_request)
    return own_failure(errc::invalid_statement, outcome::rejected, too_large_text());
  return std::nullopt;
}

void remote_pool_state::carry_out(const node::withdraw_call& x) {
  auto number = static_cast<uint64_t>(x.call);
  auto i = connections.find(x.link);
  auto request = requests.find(number);
  taken_back = i != connections.end() && i->second.link && i->second.link->withdraw(number);
  if (taken_back || i == connections.end() || !i->second.link || i->second.link->lost())
    return;
  i->second.link->send(net::message_kind::cancel, number, {});
  if (request != requests.end() && request->second.what == operation::checkout)
    withdrawn_checkouts.insert(number);
}

void remote_pool_state::take_answer(node::link_id id, connection& from, net::message& message) {
  auto number = message.id;
  content_reader in{message.content};
  auto success = false;
  if (!in.read(success)) {
    from.link->close("it has sent an answer that cannot be read");
    return;
  }
  auto entry = requests.extract(number);
  if (entry.empty()) {
    if (withdrawn_checkouts.erase(number) > 0 && success)
      take_late_answer(from, number, in);
    return;
  }
  auto& request = entry.mapped();
  if (!core.is_on(node::call_id{number}, id)) {
    requests.insert(std::move(entry));
    from.link->close("it has answered a request that it was not sent");
    return;
  }
  if (!success) {
    failure reason;
    if (!in.read(reason) || !in.at_end()) {
      requests.insert(std::move(entry));
      from.link->close("it has sent a failure that cannot be read");
      return;
    }
    if (reason.code == errc::shutting_down && reason.outcome == outcome::unavailable
        && request.what <= operation::checkout) {
      // It was not begun there: another node may do it.
      requests.insert(std::move(entry));
      is_not_followed(id);
      perform(core.turned_away(node::call_id{number}, now()));
      return;
    }
    failed_at_node(id, number, request, std::move(reason));
    return;
  }
  if (!deliver(id, number, request, message, in)) {
    requests.insert(std::move(entry)); // It fails with the link.
    from.link->close("it has sent an answer that cannot be read");
    return;
  }
  perform(core.answered(node::call_id{number}, now()));
}

void remote_pool_state::failed_at_node(node::link_id, uint64_t number, waiting& request, failure reason) {
  add_wait(reason, request.sent - request.accepted);
  session_answered(request, false);
  if (reason.code == errc::session_ended)
    if (auto of = std::get_if<session_request>(&request.content))
      session_ends(of->session, reason);
  request.promise.deliver(make_error(std::move(reason)));
  perform(core.answered(node::call_id{number}, now()));
}

/// @returns whether the answer could be read.
bool remote_pool_state::deliver(node::link_id id, uint64_t number, waiting& request, net::message& message,
                                content_reader& in) {
  switch (request.what) {
  case operation::execute:
  case operation::session_execute:
    if (message.content.size() > large_content) {
      session_answered(request, true);
      decode_elsewhere<result>(id, number, request, message);
      return true;
    }
    if (!deliver_as<result>(request, in))
      return false;
    session_answered(request, true);
    return true;
  case operation::transact:
    if (message.content.size() <= large_content)
      return deliver_as<std::vector<result>>(request, in);
    decode_elsewhere<std::vector<result>>(id, number, request, message);
    return true;
  case operation::checkout: {
    session_id session{};
    if (!in.read(session) || !in.at_end() || sessions.contains(session))
      return false;
    session_begins(session, id, request.caller);
    session_answered(request, true);
    request.promise.deliver(session);
    return true;
  }
  case operation::checkin: {
    auto session = std::get<session_request>(request.content).session;
    session_answered(request, true);
    session_ends(session, session_has_ended(session, outcome::rejected, "it was checked in"));
    request.promise.deliver();
    return true;
  }
  case operation::verify:
    return deliver_as<verification>(request, in);
  case operation::status:
    return deliver_as<pool_status>(request, in);
  case operation::details:
    return deliver_as<pool_details>(request, in);
  case operation::statements:
    return deliver_as<std::vector<statement_summary>>(request, in);
  case operation::settings:
    return deliver_as<effective_settings>(request, in);
  default:
    session_answered(request, true);
    request.promise.deliver();
    return true;
  }
}

template <class T>
bool remote_pool_state::deliver_as(waiting& request, content_reader& in) {
  T value;
  if (!in.read(value) || !in.at_end())
    return false;
  request.promise.deliver(std::move(value));
  return true;
}

/// Large answers: an I/O thread that copies for long would delay signs of life, and small answers.
template <class T>
void remote_pool_state::decode_elsewhere(node::link_id id, uint64_t number, waiting& request, net::message& message) {
  decoding.emplace(number, undecoded{id, std::move(request)});
  request.promise = {};
  auto kept = std::make_shared<std::vector<std::byte>>(std::move(message.content));
  self->system().spawn([kept, number, to = internal_remote_pool{self}](caf::event_based_actor* worker) {
    auto success = false;
    T value;
    try {
      if (decode(*kept, success, value))
        worker->send(to, decoded_atom_v, number, std::move(value));
      else
        worker->send(to, decoded_atom_v, number);
    } catch (const std::exception& problem) { // Most likely for lack of memory.
      worker->send(
          to, decoded_atom_v, number,
          own_failure(errc::result_too_large, outcome::unknown,
                      std::string{"it was carried out, but its result cannot be kept here: "} + problem.what()));
    }
  });
}

template <class T>
void remote_pool_state::decoded(uint64_t number, T& value) {
  if (auto entry = decoding.extract(number))
    entry.mapped().request.promise.deliver(std::move(value));
}

template void remote_pool_state::decoded(uint64_t, result&);
template void remote_pool_state::decoded(uint64_t, std::vector<result>&);

/// Such a node is not used any longer, as with a small answer.
void remote_pool_state::not_decoded(uint64_t number) {
  auto entry = decoding.extract(number);
  if (entry.empty())
    return;
  const std::string reason = "it has sent an answer that cannot be read";
  entry.mapped().request.promise.deliver(
      make_error(own_failure(errc::pool_gone, outcome::unknown, "the pool node was given up: " + reason)));
  auto i = connections.find(entry.mapped().link);
  if (i == connections.end() || !i->second.link)
    return;
  i->second.link->close(reason);
  settle(entry.mapped().link);
}

/// The node is not to blame.
void remote_pool_state::not_kept(uint64_t number, failure reason) {
  if (auto entry = decoding.extract(number))
    entry.mapped().request.promise.deliver(make_error(std::move(reason)));
}

/// A session that nobody waits for any more goes back at once.
void remote_pool_state::take_late_answer(connection& from, uint64_t, content_reader& in) {
  session_id session{};
  if (!in.read(session) || !in.at_end())
    return;
  auto what = static_cast<uint8_t>(operation::checkin);
  from.link->send(net::message_kind::request, ++last_request, encode(what, session));
}

} // namespace cenote::remote
