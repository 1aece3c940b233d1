#include "support/core_world.hpp"

#include <algorithm>

namespace cenote::test {

using namespace pool;
using namespace std::chrono_literals;

core_world::core_world(uint32_t seed)
    : rng_{seed}, rules_{random_rules()}, servers_(1 + below(3)), core_{rules_, seed, servers_.size()}, limit_{most()} {
  // nop
}

std::string core_world::run(size_t steps) {
  perform(core_.start(now_));
  for (size_t i = 0; i < steps && problem_.empty(); ++i)
    step(below(40));
  drain_limit_ = now_ + std::chrono::milliseconds{below(100)};
  draining_ = true;
  perform(core_.drain(drain_limit_, now_));
  for (size_t i = 0; i < 20'000 && problem_.empty() && !(finished_ && connections_.empty()); ++i)
    step(below(40));
  if (!finished_ || !connections_.empty())
    complain("the drain did not end");
  if (!queue_.empty())
    complain("a request was never answered");
  if (core_.report() != drained_)
    complain("the drain reports " + std::to_string(core_.report().finished) + " and "
             + std::to_string(core_.report().cut) + " and not " + std::to_string(drained_.finished) + " and "
             + std::to_string(drained_.cut));
  return problem_;
}

pool_settings core_world::random_rules() {
  pool_settings result;
  result.size = 1 + below(5);
  result.max_overflow = below(4);
  if (one_in(2))
    result.min_size = below(result.size + 1);
  result.idle_timeout = std::chrono::milliseconds{one_in(2) ? 0 : 1 + below(100)};
  result.pipeline_depth = one_in(2) ? 1 : 2 + below(4);
  result.max_connecting = 1 + below(4);
  result.timeout = std::chrono::milliseconds{1 + below(200)};
  result.max_waiting = one_in(2) ? 1 + below(6) : 1000;
  result.pre_ping = !one_in(4);
  result.pre_ping_idle = std::chrono::milliseconds{below(10)};
  result.keepalive = std::chrono::milliseconds{one_in(2) ? 0 : 1 + below(40)};
  result.recycle = std::chrono::milliseconds{one_in(2) ? 0 : 10 + below(200)};
  result.reconnect_delay = std::chrono::milliseconds{1 + below(5)};
  result.max_reconnect_delay = std::chrono::milliseconds{5 + below(50)};
  result.breaker_after = std::chrono::milliseconds{one_in(4) ? 0 : 1 + below(100)};
  result.shed_target = std::chrono::milliseconds{one_in(2) ? 0 : 1 + below(10)};
  result.shed_interval = std::chrono::milliseconds{1 + below(30)};
  return result;
}

// -- events ------------------------------------------------------------------------

void core_world::step(uint64_t what) {
  if (!to_requeue_.empty() && one_in(2)) {
    auto id = to_requeue_.back();
    to_requeue_.pop_back();
    requeue(id);
  }
  if (what < 8)
    pass_until_next_event();
  else
    now_ += std::chrono::microseconds{one_in(3) ? 0 : below(3000)};
  if (one_in(60))
    change_a_server();
  if (what < 8)
    perform(core_.tick(now_));
  else if (what < 22)
    arrive();
  else if (what < 39)
    some_connection_reports();
  else if (one_in(10))
    dispose();
}

void core_world::pass_until_next_event() {
  // Timers are late at times, but never early.
  if (auto next = core_.next_event(); next != time_point::max())
    now_ = std::max(now_, next) + std::chrono::microseconds{one_in(2) ? 0 : below(2000)};
}

void core_world::change_a_server() {
  auto& x = servers_[below(servers_.size())];
  x.is = x.is != health::up || one_in(3) ? health::up : static_cast<health>(1 + below(4));
}

void core_world::arrive() {
  request who{request_id{++last_request_}, now_, time_point::max(), one_in(10), 0, !one_in(4)};
  if (one_in(4))
    who.deadline = now_ + std::chrono::microseconds{below(20'000)};
  newest_ = who.id;
  queue_.push_back(who);
  perform(core_.acquire(who, now_));
}

void core_world::dispose() {
  ++generation_;
  perform(core_.dispose(now_));
}

void core_world::some_connection_reports() {
  if (connections_.empty())
    return;
  auto i = connections_.begin();
  std::advance(i, below(connections_.size()));
  auto id = i->first;
  auto& x = i->second;
  switch (x.what) {
  case doing::opening:
    connect_ends(id, x);
    break;
  case doing::idle:
    if (one_in(15))
      one_in(2) ? lost(id, x) : gone(id);
    break;
  case doing::pinging:
    one_in(8) ? lost(id, x) : released(id, x);
    break;
  case doing::busy:
    if (one_in(12))
      returned(id, x);
    else if (one_in(12))
      one_in(3) ? gone(id) : lost(id, x);
    else
      released(id, x);
    break;
  case doing::closing:
    // What it has to say while it closes does not matter.
    if (one_in(4))
      perform(core_.released(id, one_in(2) ? disposition::lost : disposition::reusable, 1, "late", now_));
    else
      gone(id);
    break;
  }
}

void core_world::connect_ends(connection_id id, connection& x) {
  if (one_in(30)) {
    gone(id);
    return;
  }
  switch (servers_[x.server].is) {
  case health::up:
    one_in(20) ? open_failed(id, errc::connect_failed) : opened(id, x);
    break;
  case health::down:
    open_failed(id, errc::connect_failed);
    break;
  case health::full:
    open_failed(id, errc::server_full);
    break;
  case health::refusing:
    open_failed(id, errc::login_refused);
    break;
  case health::read_only:
    open_failed(id, errc::read_only_server);
    break;
  }
}

void core_world::opened(connection_id id, connection& x) {
  x.what = doing::idle;
  x.free_at = now_;
  x.used_at = now_;
  if (x.generation == generation_) {
    servers_[x.server].proven = true;
    servers_[x.server].cause.reset();
    servers_[x.server].failures = 0;
    servers_[x.server].has_refused = false;
  }
  perform(core_.opened(id, now_));
}

void core_world::open_failed(connection_id id, errc code) {
  auto& where = servers_[connections_.at(id).server];
  connections_.erase(id);
  if (code == errc::server_full && open_connections() > 0) {
    where.proven = false;
    limit_ = open_connections();
    limit_until_ = now_ + rules_.max_reconnect_delay;
    ++done_.limits;
  } else {
    server_failed(where, code);
  }
  failure why;
  why.code = code;
  perform(core_.open_failed(id, why, now_));
}

void core_world::released(connection_id id, connection& x) {
  // A ping, or the first users.
  auto count = x.users.empty() ? 0 : 1 + below(x.users.size());
  if (x.what == doing::busy)
    x.used_at = now_;
  pool::ends left;
  for (auto n = count; n > 0; --n, x.users.pop_front())
    ++(ghosts_.erase(x.users.front().id) > 0 ? left.requeued : left.ended);
  if (draining_)
    drained_.finished += left.ended;
  if (x.users.empty())
    x.what = doing::idle;
  if (left.requeued == 0 || left.ended > 0) {
    x.free_at = now_;
    x.since = now_;
    x.watched_at = now_;
  }
  perform(core_.released(id, disposition::reusable, left, {}, now_));
}

/// What waits on a connection behind a slow request comes back, last first. It may run there as well.
void core_world::requeue(connection_id id) {
  auto i = connections_.find(id);
  if (i == connections_.end() || i->second.what != doing::busy)
    return;
  auto behind = i->second.users;
  for (; behind.size() > 1; behind.pop_back()) {
    auto who = behind.back();
    if (!came_back_.insert(who.id).second)
      continue;
    ghosts_.insert(who.id);
    who.id = request_id{++last_request_};
    came_back_.insert(who.id);
    queue_.push_front(who);
    queue_.front().shareable = false;
    newest_ = who.id;
    ++done_.requeued;
    served_ -= !who.fail_fast;
    perform(core_.requeued(id, who, now_));
  }
}

void core_world::lost(connection_id id, connection& x) {
  auto what = one_in(3) ? disposition::broken : disposition::lost;
  if (x.what == doing::busy && what == disposition::lost) {
    if (one_in(4))
      what = disposition::demoted;
    if (what == disposition::demoted && x.generation == generation_)
      server_failed(servers_[x.server], errc::read_only_server);
    lost_in_use(x);
  }
  x.what = doing::idle; // The pool has to close it.
  must_close_ = id;
  auto left = x.users.size();
  x.users.clear();
  perform(core_.released(id, what, left, "lost", now_));
}

void core_world::returned(connection_id id, connection& x) {
  auto who = x.users.back(); // The others had been sent.
  who.id = request_id{++last_request_};
  came_back_.insert(who.id);
  ++who.attempts;
  lost_in_use(x);
  x.what = doing::idle;
  x.users.clear();
  must_close_ = id;
  served_ -= !who.fail_fast;
  queue_.push_front(who);
  perform(core_.returned(id, "dead", who, now_));
}

void core_world::gone(connection_id id) {
  connections_.erase(id);
  perform(core_.closed(id, now_));
}

void core_world::server_failed(server& x, errc code) {
  if (!x.cause)
    x.failing_since = now_;
  x.cause = code;
  x.proven = false;
  ++x.failures;
  x.has_refused |= code == errc::login_refused;
  last_failure_ = code;
}

void core_world::lost_in_use(const connection& x) {
  if (x.generation != generation_)
    return;
  ++generation_;
  ++done_.generations;
  servers_[x.server].proven = false;
  rebuilding_ = true;
}

// -- what the pool wants -------------------------------------------------------------

void core_world::perform(const commands& todo) {
  carry_out_all(todo);
  newest_ = {};
  if (must_close_ != connection_id{})
    complain("a connection that is of no use was kept");
  // A gap between two connects may be zero.
  for (auto i = 0; i < 3 && core_.next_event() <= now_; ++i)
    carry_out_all(core_.tick(now_));
  if (core_.next_event() <= now_)
    complain("a tick does not make the pool's next event later");
  check_state();
}

void core_world::carry_out_all(const commands& todo) {
  for (auto& x : todo)
    std::visit([this](auto& y) { carry_out(y); }, x);
  limit_ = limit_until_ <= now_ ? most() : std::max(limit_, open_connections());
  if (limit_ == most())
    limit_until_ = time_point::max();
  rebuilding_ &= serving() < rules_.kept();
  auto connects = std::ranges::count_if(todo, [](auto& x) { return std::holds_alternative<open_connection>(x); });
  if (rebuilding_ && connects > 1)
    complain("a pool that is rebuilt opens several connections at a time");
}

void core_world::carry_out(const open_connection& x) {
  if (x.id <= last_connection_)
    complain("a connection's id is used again");
  last_connection_ = x.id;
  auto is_tried = [&x](auto& y) { return y.second.what == doing::opening && y.second.server == x.server; };
  if (!servers_.at(x.server).proven && std::ranges::any_of(connections_, is_tried))
    complain("a server that is in question is tried twice at a time");
  if (connections_.size() >= least() && queue_.empty() && count(doing::busy) == 0)
    complain("a connection is opened that nobody needs");
  connections_[x.id] = {doing::opening, x.server, generation_, {}, {}, {}, {}, {}};
  auto limit = limit_until_ <= now_ ? most() : limit_;
  if (connections_.size() > limit)
    complain("too many connections");
  if (count(doing::opening) > rules_.max_connecting)
    complain("too many connects at a time");
  if (finished_)
    complain("a connection is opened after the end");
  done_.connects_elsewhere += x.server > 0;
}

void core_world::carry_out(const close_connection& x) {
  auto& it = connections_.at(x.id);
  if (it.what == doing::opening || it.what == doing::closing)
    complain("a connection is closed that is not open");
  if (it.what == doing::busy && now_ < drain_limit_)
    complain("a connection is closed while it is in use");
  it.what = doing::closing;
  if (must_close_ == x.id)
    must_close_ = {};
}

void core_world::carry_out(const ping_connection& x) {
  auto& it = connections_.at(x.id);
  if (it.what != doing::idle || rules_.keepalive == 0s || now_ - it.free_at < rules_.keepalive)
    complain("a connection is pinged that does not need it");
  it.what = doing::pinging;
}

void core_world::carry_out(const check_caller& x) {
  auto& it = connections_.at(x.id);
  if (it.what != doing::busy || now_ - it.watched_at < 1s)
    complain("a connection's caller is checked too early");
  it.watched_at = now_;
  ++done_.looks;
}

void core_world::carry_out(const pool::requeue& x) {
  auto& it = connections_.at(x.id);
  if (it.what != doing::busy || it.users.size() < 2 || now_ - it.since < 5ms)
    complain("requests are requeued though nothing holds them up");
  to_requeue_.push_back(x.id);
}

void core_world::carry_out(const grant_connection& x) {
  auto& it = connections_.at(x.connection);
  auto i = std::ranges::find(queue_, x.request, &request::id);
  if (i == queue_.end() || !may_be_next(*i, it)) {
    complain("a request is served out of turn");
    return;
  }
  auto who = *i;
  done_.passed += i != queue_.begin();
  queue_.erase(i);
  auto joins = it.what == doing::busy;
  auto may_join =
      who.shareable && !it.users.empty() && it.users.front().shareable && it.users.size() < rules_.pipeline_depth;
  if ((it.what != doing::idle && !(joins && may_join)) || must_close_ == x.connection || it.generation != generation_)
    complain("a connection is given away that is not free");
  if (deadline_of(who) <= now_ && who.id != newest_)
    complain("a request is served after its time");
  if (x.waited != now_ - who.accepted)
    complain("a wait is told wrong");
  if (x.waited <= rules_.shed_target)
    in_time_at_ = now_;
  auto must_ping = now_ - it.free_at >= rules_.pre_ping_idle;
  if (joins ? x.check != liveness_check::none
            : (x.check == liveness_check::none) == rules_.pre_ping
                  || (rules_.pre_ping && must_ping && x.check != liveness_check::ping))
    complain("a connection is not checked as the rules say");
  if (!joins) {
    it.what = doing::busy;
    it.users.clear();
    it.watched_at = now_;
    it.since = now_;
  }
  it.users.push_back(who);
  served_ += !who.fail_fast;
  ++done_.grants;
  done_.shared += joins;
}

void core_world::carry_out(const fail_request& x) {
  auto i = std::ranges::find(queue_, x.request, &request::id);
  if (i == queue_.end()) {
    complain("a request fails that does not wait");
    return;
  }
  if (!may_fail(*i, x.failure))
    complain("a request fails with " + to_string(x.failure.code) + " without a reason");
  ++done_.failures[x.failure.code];
  timed_out_ += !i->fail_fast && x.failure.code == errc::acquire_timeout;
  shed_ += !i->fail_fast && x.failure.code == errc::overloaded;
  auto waited = i->id != newest_ || came_back_.contains(i->id);
  drained_.cut += x.failure.code == errc::shutting_down && waited && !finished_;
  queue_.erase(i);
}

void core_world::carry_out(const finish&) {
  if (finished_ || !draining_)
    complain("the pool ends twice, or without being asked");
  for (auto& [id, x] : connections_)
    if (x.what == doing::closing)
      drained_.cut += static_cast<uint64_t>(
          std::ranges::count_if(x.users, [this](auto& who) { return !ghosts_.contains(who.id); }));
  finished_ = true;
}

} // namespace cenote::test
