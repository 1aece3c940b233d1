#define CAF_SUITE pool.core_simulation

#include "pool/pool_core.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <sstream>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

enum class doing : uint8_t { opening, idle, pinging, busy, closing };

struct model_connection {
  doing what = doing::opening;
  request user;       ///< While busy.
  time_point free_at; ///< When it was last known to work.
};

/// A world around a pool: callers, connections and a server, all at random. It keeps books of its own and compares
/// what the pool decides with the rules.
class world {
public:
  explicit world(uint32_t seed) : rng_{seed}, rules_{random_rules()}, core_{rules_, seed} {
    // nop
  }

  /// Plays that many events, then drains. Returns what was wrong first, or an empty text.
  std::string run(size_t steps) {
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
    return problem_;
  }

  size_t grants() const { return grants_; }

private:
  uint64_t below(uint64_t n) { return std::uniform_int_distribution<uint64_t>{0, n - 1}(rng_); }
  bool one_in(uint64_t n) { return below(n) == 0; }

  pool_settings random_rules() {
    pool_settings result;
    result.size = 1 + below(5);
    result.max_overflow = below(4);
    result.max_connecting = 1 + below(4);
    result.timeout = std::chrono::milliseconds{1 + below(200)};
    result.max_waiting = one_in(2) ? 1 + below(6) : 1000;
    result.pre_ping = !one_in(4);
    result.pre_ping_idle = std::chrono::milliseconds{below(10)};
    result.keepalive = std::chrono::milliseconds{one_in(2) ? 0 : 1 + below(40)};
    result.recycle = std::chrono::milliseconds{one_in(2) ? 0 : 10 + below(200)};
    result.reconnect_delay = std::chrono::milliseconds{1 + below(5)};
    result.max_reconnect_delay = std::chrono::milliseconds{5 + below(50)};
    return result;
  }

  // -- events ----------------------------------------------------------------------

  void step(uint64_t what) {
    if (what < 8)
      pass_until_next_event();
    else
      now_ += std::chrono::microseconds{one_in(3) ? 0 : below(3000)};
    if (one_in(60))
      server_up_ = !server_up_;
    if (what < 8)
      perform(core_.tick(now_));
    else if (what < 22)
      arrive();
    else if (what < 39)
      some_connection_reports();
    else if (one_in(10))
      dispose();
  }

  void pass_until_next_event() {
    // Timers are late at times, but never early.
    if (auto next = core_.next_event(); next != time_point::max())
      now_ = std::max(now_, next) + std::chrono::microseconds{one_in(2) ? 0 : below(2000)};
  }

  void arrive() {
    request who{request_id{++last_request_}, now_, time_point::max(), one_in(10), 0};
    if (one_in(4))
      who.deadline = now_ + std::chrono::microseconds{below(20'000)};
    newest_ = who.id;
    queue_.push_back(who);
    perform(core_.acquire(who, now_));
  }

  void dispose() {
    perform(core_.dispose(now_));
    for (auto& [id, x] : connections_)
      if (x.what == doing::idle || x.what == doing::pinging)
        complain("dispose left a free connection");
  }

  void some_connection_reports() {
    if (connections_.empty())
      return;
    auto i = connections_.begin();
    std::advance(i, below(connections_.size()));
    auto id = i->first;
    auto& x = i->second;
    switch (x.what) {
    case doing::opening:
      server_up_ && !one_in(20) ? opened(id, x) : open_failed(id);
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
        perform(core_.released(id, one_in(2) ? fate::lost : fate::reusable, "late", now_));
      else
        gone(id);
      break;
    }
  }

  void opened(connection_id id, model_connection& x) {
    x.what = doing::idle;
    x.free_at = now_;
    connect_failure_.reset();
    perform(core_.opened(id, now_));
  }

  void open_failed(connection_id id) {
    connections_.erase(id);
    failure why;
    why.code = one_in(4) ? errc::login_refused : errc::connect_failed;
    connect_failure_ = why.code;
    perform(core_.open_failed(id, why, now_));
  }

  void released(connection_id id, model_connection& x) {
    x.what = doing::idle;
    x.free_at = now_;
    perform(core_.released(id, fate::reusable, {}, now_));
  }

  void lost(connection_id id, model_connection& x) {
    x.what = doing::idle; // The pool has to close it.
    must_close_ = id;
    perform(core_.released(id, one_in(3) ? fate::broken : fate::lost, "lost", now_));
  }

  void returned(connection_id id, model_connection& x) {
    auto who = x.user;
    who.id = request_id{++last_request_};
    ++who.attempts;
    x.what = doing::idle;
    must_close_ = id;
    queue_.push_front(who);
    perform(core_.returned(id, "dead", who, now_));
  }

  void gone(connection_id id) {
    connections_.erase(id);
    perform(core_.closed(id, now_));
  }

  // -- what the pool wants ----------------------------------------------------------

  void perform(const commands& todo) {
    for (auto& x : todo)
      std::visit([this](auto& y) { carry_out(y); }, x);
    newest_ = {};
    if (must_close_ != connection_id{})
      complain("a connection that is of no use was kept");
    check_state();
    if (core_.next_event() > now_)
      return;
    for (auto& x : core_.tick(now_))
      std::visit([this](auto& y) { carry_out(y); }, x);
    check_state();
    if (core_.next_event() <= now_)
      complain("a tick does not make the pool's next event later");
  }

  void carry_out(const open_connection& x) {
    if (x.id <= last_connection_)
      complain("a connection's id is used again");
    last_connection_ = x.id;
    connections_[x.id] = {};
    if (connections_.size() > rules_.size + rules_.max_overflow)
      complain("too many connections");
    if (count(doing::opening) > rules_.max_connecting)
      complain("too many connects at a time");
    if (finished_)
      complain("a connection is opened after the end");
  }

  void carry_out(const close_connection& x) {
    auto& connection = connections_.at(x.id);
    if (connection.what == doing::opening || connection.what == doing::closing)
      complain("a connection is closed that is not open");
    if (connection.what == doing::busy && now_ < drain_limit_)
      complain("a connection is closed while it is in use");
    connection.what = doing::closing;
    if (must_close_ == x.id)
      must_close_ = {};
  }

  void carry_out(const ping_connection& x) {
    auto& connection = connections_.at(x.id);
    if (connection.what != doing::idle || rules_.keepalive == 0s || now_ - connection.free_at < rules_.keepalive)
      complain("a connection is pinged that does not need it");
    connection.what = doing::pinging;
  }

  void carry_out(const grant_connection& x) {
    auto& connection = connections_.at(x.connection);
    if (connection.what != doing::idle || must_close_ == x.connection)
      complain("a connection is given away that is not free");
    if (queue_.empty() || queue_.front().id != x.request) {
      complain("a request is served out of turn");
      return;
    }
    auto who = queue_.front();
    queue_.pop_front();
    if (deadline_of(who) <= now_ && who.id != newest_)
      complain("a request is served after its time");
    if (x.waited != now_ - who.accepted)
      complain("a wait is told wrong");
    auto must_ping = now_ - connection.free_at >= rules_.pre_ping_idle;
    if ((x.check == liveness_check::none) == rules_.pre_ping
        || (rules_.pre_ping && must_ping && x.check != liveness_check::ping))
      complain("a connection is not checked as the rules say");
    connection.what = doing::busy;
    connection.user = who;
    ++grants_;
  }

  void carry_out(const fail_request& x) {
    auto i = std::ranges::find(queue_, x.request, &request::id);
    if (i == queue_.end()) {
      complain("a request fails that does not wait");
      return;
    }
    if (!may_fail(*i, x.why.code))
      complain("a request fails with " + to_string(x.why.code) + " without a reason");
    queue_.erase(i);
  }

  void carry_out(const finish&) {
    if (finished_ || !draining_)
      complain("the pool ends twice, or without being asked");
    finished_ = true;
  }

  bool may_fail(const request& who, errc why) {
    switch (why) {
    case errc::acquire_timeout:
      return deadline_of(who) <= now_;
    case errc::queue_full:
      return who.id == newest_ && queue_.size() > rules_.max_waiting;
    case errc::shutting_down:
      return draining_ && (who.id == newest_ || now_ >= drain_limit_ || finished_);
    case errc::connect_failed:
      return who.urgent && open_connections() == 0 && connect_failure_ == why;
    case errc::login_refused:
      return open_connections() == 0 && connect_failure_ == why;
    case errc::connection_lost_unsent:
      return who.attempts >= 10;
    default:
      return false;
    }
  }

  // -- what has to hold at any time ----------------------------------------------------

  void check_state() {
    if (!queue_.empty() && count(doing::idle) > 0)
      complain("somebody waits though a connection is free");
    if (count(doing::idle) > 0 && open_connections() > rules_.size)
      complain("an overflow connection is kept though nobody waits");
    if (queue_.size() > rules_.max_waiting + connections_.size())
      complain("too many requests wait");
    for (auto& who : queue_)
      if (deadline_of(who) <= now_ || core_.next_event() > deadline_of(who))
        complain("a request's time is not watched");
    auto somebody_works = connections_.size() > 0 && count(doing::idle) < connections_.size();
    auto something_to_do = finished_ ? false : draining_ ? !queue_.empty() : connections_.size() < rules_.size;
    if (something_to_do && !somebody_works && core_.next_event() == time_point::max())
      complain("the pool waits for nothing");
    auto now = core_.status();
    if (now.waiting != queue_.size() || now.connecting != count(doing::opening) || now.checked_out != count(doing::busy)
        || now.checked_in != count(doing::idle) + count(doing::pinging) || now.total_connections != open_connections()
        || now.overflow != std::max(now.total_connections, now.pool_size) - now.pool_size)
      complain("the status is wrong");
  }

  size_t count(doing what) const {
    return static_cast<size_t>(std::ranges::count_if(connections_, [what](auto& x) { return x.second.what == what; }));
  }

  size_t open_connections() const { return count(doing::idle) + count(doing::pinging) + count(doing::busy); }

  time_point deadline_of(const request& who) const { return std::min(who.deadline, who.accepted + rules_.timeout); }

  void complain(const std::string& what) {
    if (!problem_.empty())
      return;
    std::ostringstream text;
    text << what << " (size " << rules_.size << ", overflow " << rules_.max_overflow << ", last request "
         << last_request_ << ", last connection " << static_cast<uint64_t>(last_connection_) << ")";
    problem_ = text.str();
  }

  std::minstd_rand rng_;
  pool_settings rules_;
  pool_core core_;
  time_point now_{1h};

  std::map<connection_id, model_connection> connections_;
  std::deque<request> queue_;
  uint64_t last_request_ = 0;
  connection_id last_connection_{};
  request_id newest_{};        ///< The request that has just come.
  connection_id must_close_{}; ///< The connection that has just become useless.
  bool server_up_ = true;
  std::optional<errc> connect_failure_;
  bool draining_ = false;
  bool finished_ = false;
  time_point drain_limit_ = time_point::max();
  size_t grants_ = 0;
  std::string problem_;
};

} // namespace

SCENARIO("whatever happens, the pool keeps its rules and answers every request exactly once") {
  GIVEN("four hundred worlds of random rules, callers, connections and outages") {
    size_t grants = 0;
    std::vector<std::string> problems;
    WHEN("thousands of events happen in each, and the pool is drained then") {
      for (uint32_t seed = 1; seed <= 400; ++seed) {
        world x{seed};
        if (auto problem = x.run(2500); !problem.empty())
          problems.push_back("seed " + std::to_string(seed) + ": " + problem);
        grants += x.grants();
      }
      THEN("nothing was wrong in any of them, and they were not idle") {
        CHECK_EQ(problems, std::vector<std::string>{});
        CHECK_GT(grants, 100'000u);
      }
    }
  }
}
