#include "support/core_world.hpp"

#include <algorithm>

namespace cenote::test {

using namespace pool;
using namespace std::chrono_literals;

core_world::core_world(uint32_t seed)
    : rng_{seed},
      rules_{random_rules()},
      budget_{rules_.budget.connections > 0 ? 1 : SIZE_MAX},
      servers_(1 + below(3)),
      core_{rules_, seed, servers_.size()},
      limit_{most()} {
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
    object("the drain did not end");
  if (!queue_.empty())
    object("a request was never answered");
  if (core_.report() != drained_)
    object("the drain reports " + std::to_string(core_.report().finished) + " and " + std::to_string(core_.report().cut)
           + " and not " + std::to_string(drained_.finished) + " and " + std::to_string(drained_.cut));
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
  result.budget.connections = one_in(2) ? 0 : 9;
  return result;
}

// -- events ------------------------------------------------------------------------

void core_world::step(uint64_t event) {
  if (!to_requeue_.empty() && one_in(2)) {
    auto id = to_requeue_.back();
    to_requeue_.pop_back();
    requeue(id);
  }
  if (event < 8)
    pass_until_next_event();
  else
    now_ += std::chrono::microseconds{one_in(3) ? 0 : below(3000)};
  if (one_in(60))
    change_a_server();
  if (event < 8)
    perform(core_.tick(now_));
  else if (event < 22)
    arrive();
  else if (event < 39)
    some_connection_reports();
  else if (one_in(10))
    dispose();
  else if (one_in(2) && rules_.budget.connections > 0)
    share_changes();
}

void core_world::pass_until_next_event() {
  // Timers are late at times, but never early.
  if (auto next = core_.next_event(); next != time_point::max())
    now_ = std::max(now_, next) + std::chrono::microseconds{one_in(2) ? 0 : below(2000)};
}

void core_world::change_a_server() {
  auto& changed = servers_[below(servers_.size())];
  changed.state = changed.state != health::up || one_in(3) ? health::up : static_cast<health>(1 + below(4));
}

void core_world::arrive() {
  request added{request_id{++last_request_}, now_, time_point::max(), one_in(10), 0, !one_in(4)};
  if (one_in(4))
    added.deadline = now_ + std::chrono::microseconds{below(20'000)};
  newest_ = added.id;
  if (one_in(50)) {
    added.shareable = false;
    added.priority = true;
    came_back_.insert(added.id);
    queue_.push_front(added);
    ++done_.first;
  } else {
    queue_.push_back(added);
  }
  perform(core_.acquire(added, now_));
}

/// The connections that there are too many are of no further use: those that are not in use go first.
void core_world::share_changes() {
  budget_ = 1 + below(5);
  limit_ = limit_until_ == time_point::max() ? most() : std::min(limit_, most());
  std::vector<std::pair<doing, connection*>> current;
  for (auto& [id, candidate] : connections_)
    if (candidate.state != doing::closing && candidate.generation == generation_)
      current.emplace_back(candidate.state, &candidate);
  std::ranges::stable_sort(current, {}, [](auto& entry) { return entry.first; });
  for (size_t i = 0; i + most() < current.size(); ++i, ++done_.retired)
    current[i].second->generation = UINT64_MAX;
  perform(core_.set_budget(budget_, now_));
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
  auto& chosen = i->second;
  switch (chosen.state) {
  case doing::opening:
    connect_ends(id, chosen);
    break;
  case doing::idle:
    if (one_in(15))
      one_in(2) ? lost(id, chosen) : gone(id);
    break;
  case doing::pinging:
    one_in(8) ? lost(id, chosen) : released(id, chosen);
    break;
  case doing::busy:
    if (one_in(12) && !ghosts_.contains(chosen.users.back().id)) // That one is elsewhere already.
      returned(id, chosen);
    else if (one_in(12))
      one_in(3) ? gone(id) : lost(id, chosen);
    else
      released(id, chosen);
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

void core_world::connect_ends(connection_id id, connection& target) {
  if (one_in(30)) {
    gone(id);
    return;
  }
  switch (servers_[target.server].state) {
  case health::up:
    one_in(20) ? open_failed(id, errc::connect_failed) : opened(id, target);
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

void core_world::opened(connection_id id, connection& target) {
  target.state = doing::idle;
  target.free_at = now_;
  target.used_at = now_;
  if (target.generation == generation_) {
    servers_[target.server].proven = true;
    servers_[target.server].cause.reset();
    servers_[target.server].failures = 0;
    servers_[target.server].has_refused = false;
  }
  perform(core_.opened(id, now_));
}

void core_world::open_failed(connection_id id, errc code) {
  auto& target = servers_[connections_.at(id).server];
  connections_.erase(id);
  if (code == errc::server_full && open_connections() > 0) {
    target.proven = false;
    limit_ = open_connections();
    limit_until_ = now_ + rules_.max_reconnect_delay;
    ++done_.limits;
  } else {
    server_failed(target, code);
  }
  failure reason;
  reason.code = code;
  perform(core_.open_failed(id, reason, now_));
}

void core_world::released(connection_id id, connection& target) {
  // A ping, or the first users.
  auto count = target.users.empty() ? 0 : 1 + below(target.users.size());
  if (target.state == doing::busy)
    target.used_at = now_;
  pool::ends left;
  for (auto rest = count; rest > 0; --rest, target.users.pop_front())
    ++(ghosts_.erase(target.users.front().id) > 0 ? left.requeued : left.ended);
  if (draining_)
    drained_.finished += left.ended;
  if (target.users.empty())
    target.state = doing::idle;
  if (left.requeued == 0 || left.ended > 0) {
    target.free_at = now_;
    target.since = now_;
    target.watched_at = now_;
  }
  perform(core_.released(id, disposition::reusable, left, {}, now_));
}

/// What waits on a connection behind a slow request comes back, last first. It may run there as well.
void core_world::requeue(connection_id id) {
  auto i = connections_.find(id);
  if (i == connections_.end() || i->second.state != doing::busy)
    return;
  auto behind = i->second.users;
  for (; behind.size() > 1; behind.pop_back()) {
    auto moved = behind.back();
    if (!came_back_.insert(moved.id).second)
      continue;
    ghosts_.insert(moved.id);
    moved.id = request_id{++last_request_};
    came_back_.insert(moved.id);
    queue_.push_front(moved);
    queue_.front().shareable = false;
    newest_ = moved.id;
    ++done_.requeued;
    served_ -= !moved.fail_fast;
    perform(core_.requeued(id, moved, now_));
  }
}

void core_world::lost(connection_id id, connection& target) {
  auto kind = one_in(3) ? disposition::broken : disposition::lost;
  if (target.state == doing::busy && kind == disposition::lost) {
    if (one_in(4))
      kind = disposition::demoted;
    if (kind == disposition::demoted && target.generation == generation_)
      server_failed(servers_[target.server], errc::read_only_server);
    lost_in_use(target);
  }
  target.state = doing::idle; // The pool has to close it.
  must_close_ = id;
  auto left = target.users.size();
  target.users.clear();
  perform(core_.released(id, kind, left, "lost", now_));
}

void core_world::returned(connection_id id, connection& target) {
  auto moved = target.users.back(); // The others had been sent.
  moved.id = request_id{++last_request_};
  came_back_.insert(moved.id);
  ++moved.attempts;
  lost_in_use(target);
  target.state = doing::idle;
  target.users.clear();
  must_close_ = id;
  served_ -= !moved.fail_fast;
  queue_.push_front(moved);
  perform(core_.returned(id, "dead", moved, now_));
}

void core_world::gone(connection_id id) {
  connections_.erase(id);
  perform(core_.closed(id, now_));
}

void core_world::server_failed(server& failing, errc code) {
  if (!failing.cause)
    failing.failing_since = now_;
  failing.cause = code;
  failing.proven = false;
  ++failing.failures;
  failing.has_refused |= code == errc::login_refused;
  last_failure_ = code;
}

void core_world::lost_in_use(const connection& target) {
  if (target.generation != generation_)
    return;
  ++generation_;
  ++done_.generations;
  servers_[target.server].proven = false;
  rebuilding_ = true;
}

// -- what the pool wants -------------------------------------------------------------

void core_world::perform(const commands& todo) {
  carry_out_all(todo);
  newest_ = {};
  if (must_close_ != connection_id{})
    object("a connection that is of no use was kept");
  // A gap between two connects may be zero.
  for (auto i = 0; i < 3 && core_.next_event() <= now_; ++i)
    carry_out_all(core_.tick(now_));
  if (core_.next_event() <= now_)
    object("a tick does not make the pool's next event later");
  check_state();
}

void core_world::carry_out_all(const commands& todo) {
  for (auto& command : todo)
    std::visit([this](auto& each) { carry_out(each); }, command);
  limit_ = limit_until_ <= now_ ? most() : std::min(std::max(limit_, open_connections()), most());
  if (limit_until_ <= now_)
    limit_until_ = time_point::max();
  rebuilding_ &= serving() < kept();
  auto connects =
      std::ranges::count_if(todo, [](auto& command) { return std::holds_alternative<open_connection>(command); });
  if (rebuilding_ && connects > 1)
    object("a pool that is rebuilt opens several connections at a time");
}

void core_world::carry_out(const open_connection& command) {
  if (command.id <= last_connection_)
    object("a connection's id is used again");
  last_connection_ = command.id;
  auto is_tried = [&command](auto& entry) {
    return entry.second.state == doing::opening && entry.second.server == command.server;
  };
  if (!servers_.at(command.server).proven && std::ranges::any_of(connections_, is_tried))
    object("a server that is in question is tried twice at a time");
  if (connections_.size() >= least() && queue_.empty() && count(doing::busy) == 0)
    object("a connection is opened that nobody needs");
  connections_[command.id] = {doing::opening, command.server, generation_, {}, {}, {}, {}, {}};
  auto limit = limit_until_ <= now_ ? most() : limit_;
  if (connections_.size() > limit)
    object("too many connections");
  if (count(doing::opening) > rules_.max_connecting)
    object("too many connects at a time");
  if (finished_)
    object("a connection is opened after the end");
  done_.connects_elsewhere += command.server > 0;
}

void core_world::carry_out(const close_connection& command) {
  auto& it = connections_.at(command.id);
  if (it.state == doing::opening || it.state == doing::closing)
    object("a connection is closed that is not open");
  if (it.state == doing::busy && now_ < drain_limit_)
    object("a connection is closed while it is in use");
  it.state = doing::closing;
  if (must_close_ == command.id)
    must_close_ = {};
}

void core_world::carry_out(const ping_connection& command) {
  auto& it = connections_.at(command.id);
  if (it.state != doing::idle || rules_.keepalive == 0s || now_ - it.free_at < rules_.keepalive)
    object("a connection is pinged that does not need it");
  it.state = doing::pinging;
}

void core_world::carry_out(const check_caller& command) {
  auto& it = connections_.at(command.id);
  if (it.state != doing::busy || now_ - it.watched_at < 1s)
    object("a connection's caller is checked too early");
  it.watched_at = now_;
  ++done_.looks;
}

void core_world::carry_out(const pool::requeue& command) {
  auto& it = connections_.at(command.id);
  if (it.state != doing::busy || it.users.size() < 2 || now_ - it.since < 5ms)
    object("requests are requeued though nothing holds them up");
  to_requeue_.push_back(command.id);
}

void core_world::carry_out(const grant_connection& command) {
  auto& it = connections_.at(command.connection);
  auto i = std::ranges::find(queue_, command.request, &request::id);
  if (i == queue_.end() || !may_be_next(*i, it)) {
    object("a request is served out of turn");
    return;
  }
  auto granted = *i;
  done_.passed += i != queue_.begin();
  queue_.erase(i);
  auto joins = it.state == doing::busy;
  auto may_join =
      granted.shareable && !it.users.empty() && it.users.front().shareable && it.users.size() < rules_.pipeline_depth;
  if ((it.state != doing::idle && !(joins && may_join)) || must_close_ == command.connection
      || it.generation != generation_)
    object("a connection is given away that is not free");
  if (deadline_of(granted) <= now_ && granted.id != newest_)
    object("a request is served after its time");
  if (command.waited != now_ - granted.accepted)
    object("a wait is told wrong");
  if (command.waited <= rules_.shed_target)
    in_time_at_ = now_;
  auto must_ping = now_ - it.free_at >= rules_.pre_ping_idle;
  if (joins ? command.check != liveness_check::none
            : (command.check == liveness_check::none) == rules_.pre_ping
                  || (rules_.pre_ping && must_ping && command.check != liveness_check::ping))
    object("a connection is not checked as the rules say");
  if (!joins) {
    it.state = doing::busy;
    it.users.clear();
    it.watched_at = now_;
    it.since = now_;
  }
  it.users.push_back(granted);
  served_ += !granted.fail_fast;
  ++done_.grants;
  done_.shared += joins;
}

void core_world::carry_out(const fail_request& command) {
  auto i = std::ranges::find(queue_, command.request, &request::id);
  if (i == queue_.end()) {
    object("a request fails that does not wait");
    return;
  }
  if (!may_fail(*i, command.failure))
    object("a request fails with " + to_string(command.failure.code) + " without a reason");
  ++done_.failures[command.failure.code];
  timed_out_ += !i->fail_fast && command.failure.code == errc::acquire_timeout;
  shed_ += !i->fail_fast && command.failure.code == errc::overloaded;
  auto waited = i->id != newest_ || (came_back_.contains(i->id) && !i->priority);
  drained_.cut += command.failure.code == errc::shutting_down && waited && !finished_;
  queue_.erase(i);
}

void core_world::carry_out(const finish&) {
  if (finished_ || !draining_)
    object("the pool ends twice, or without being asked");
  for (auto& [id, target] : connections_)
    if (target.state == doing::closing)
      drained_.cut += static_cast<uint64_t>(
          std::ranges::count_if(target.users, [this](auto& user) { return !ghosts_.contains(user.id); }));
  finished_ = true;
}

} // namespace cenote::test
