// A client of pool nodes in a random world: nodes come and go, refuse, say goodbye, freeze and answer late; links are
// lost at any time. Whatever happens, the rules of `remote_core` have to hold.

#define CAF_SUITE node.remote_core_world

#include "node/remote_core.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::node;
using namespace std::chrono_literals;

namespace {

const time_point start{1h};

/// How long a node that does not answer is waited for.
constexpr auto give_up = 5s;

using type = call::type;

class world {
public:
  explicit world(uint32_t seed) : rng_{seed} {
    rules_.max_in_flight = 1 + below(5);
    rules_.timeout = 1s + 1ms * below(15'000);
    rules_.grace = 1ms * below(2000);
    rules_.silence = rules_.grace + 1ms * below(2000);
    std::vector<std::string> names;
    for (auto n = 1 + below(3); n > 0; --n) {
      names.push_back("node" + std::to_string(n));
      nodes_.emplace_back();
    }
    core_.emplace(names, rules_, seed);
  }

  /// @returns the first rule that was broken; empty if none was.
  std::string play() {
    end_ = now_ + 3s + 1ms * below(12'000);
    busy_ = 40 + below(300);
    for (size_t i = 0; i < nodes_.size(); ++i)
      change_mood(i);
    perform(core_->start(now_));
    submit();
    if (below(2) == 0)
      at(1ms * below(16'000), [this] { drain(); });
    while (problem_.empty() && step()) {
      // nop
    }
    if (problem_.empty())
      check_end();
    return problem_;
  }

private:
  enum class mood : uint8_t { up, down, refusing, frozen, flapping };

  struct node_state {
    mood is = mood::down;
    time_point since{};
    bool leaving = false;
    std::vector<time_point> attempts;
  };

  struct link_state {
    size_t node = 0;
    bool open = false;
    bool leaving = false;
    time_point opened_at{};
  };

  struct call_state {
    call request;
    std::optional<link_id> link; ///< Handed over to.
    bool staged = false;         ///< It can no longer be withdrawn.
    bool written = false;
    bool withdrawn = false;
    bool cancelled = false;
    bool finished = false;
    size_t runs = 0;
    std::optional<failure> failed;
    time_point waits_since{};
    uint64_t handed = 0; ///< How often.
  };

  // -- time ------------------------------------------------------------------------

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>{0, n - 1}(rng_); }

  void at(duration later, std::function<void()> what) { events_.emplace(now_ + later, std::move(what)); }

  void broken(std::string rule) {
    if (problem_.empty())
      problem_ = std::move(rule) + ", at " + std::to_string((now_ - start) / 1ms) + " ms";
  }

  bool step() {
    if (++steps_ > 20'000) {
      broken("it does not come to an end");
      return false;
    }
    auto tick = core_->next_event();
    auto event = events_.empty() ? time_point::max() : events_.begin()->first;
    if (tick == time_point::max() && event == time_point::max())
      return false;
    if (now_ >= end_ && all_finished())
      return false;
    if (tick <= event) {
      auto before = now_;
      now_ = std::max(now_, tick);
      auto given_up = given_up_;
      perform(core_->tick(now_));
      // What comes back from a link that was given up in it may be late already.
      if (core_->next_event() <= now_ && given_up_ == given_up)
        broken("after a tick, the next one is due at once");
      if (now_ > before && now_ > start)
        check();
      return true;
    }
    now_ = event;
    auto what = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    what();
    // The shell ticks when it is time, and not otherwise.
    if (core_->next_event() <= now_)
      perform(core_->tick(now_));
    check();
    return true;
  }

  bool all_finished() const { return unfinished_.empty(); }

  // -- callers -----------------------------------------------------------------------

  void submit() {
    if (now_ >= end_)
      return;
    at(1ms * (1 + below(busy_)), [this] { submit(); });
    call x;
    x.id = call_id{++last_call_};
    x.accepted = now_;
    auto dice = below(10);
    x.kind = dice < 5 ? type::work : dice < 7 ? type::harmless : dice < 8 ? type::query : type::bound;
    if (x.kind == type::bound) {
      std::vector<link_id> alive;
      for (auto& [id, each] : links_)
        if (each.open)
          alive.push_back(id);
      if (alive.empty())
        return;
      x.link = alive[below(alive.size())];
      x.if_lost = below(2) == 0 ? outcome::unknown : outcome::rolled_back;
      x.if_unsent = below(2) == 0 ? outcome::not_sent : outcome::rolled_back;
    }
    if (below(3) > 0)
      x.deadline = now_ + 1ms * below(5000) - 10ms;
    auto& state = calls_[x.id];
    state.request = x;
    state.waits_since = now_;
    unfinished_.insert(x.id);
    queries_.push_back(x.kind == type::query ? now_ : time_point::min());
    perform(core_->submit(x, now_));
    if (below(12) == 0)
      at(1ms * below(3000), [this, id = x.id] { cancel(id); });
  }

  void cancel(call_id id) {
    auto& x = calls_.at(id);
    if (x.finished)
      return;
    x.cancelled = true;
    perform(core_->cancel(id, now_));
    if (!x.finished)
      broken("a request whose caller has ended goes on");
  }

  void drain() {
    cut_ = now_ + 1ms * below(8000);
    draining_ = true;
    perform(core_->drain(cut_, now_));
  }

  // -- nodes -------------------------------------------------------------------------

  void change_mood(size_t n) {
    auto& x = nodes_[n];
    // In the end, there is good weather.
    auto next = now_ >= end_ || below(2) == 0 ? mood::up : static_cast<mood>(below(5));
    if (x.is == mood::up && next == mood::down && below(2) == 0) {
      say_goodbye(n);
      at(1ms * below(3000), [this, n] { change_mood(n); });
      return;
    }
    x.is = next;
    x.since = now_;
    x.leaving = false;
    if (next == mood::down || next == mood::refusing)
      for (auto& [id, each] : links_)
        if (each.node == n)
          at(1ms * below(10), [this, id = id] { lose(id, "it is down", false); });
    if (next == mood::frozen)
      at(give_up, [this, n, since = now_] {
        if (nodes_[n].is == mood::frozen && nodes_[n].since == since)
          for (auto& [id, each] : std::map{links_})
            if (each.node == n && each.open)
              lose(id, "no sign of life", false);
      });
    if (now_ < end_)
      at(1ms * (1 + below(7000)), [this, n] { change_mood(n); });
  }

  void say_goodbye(size_t n) {
    nodes_[n].leaving = true;
    for (auto& [id, each] : links_)
      if (each.node == n && each.open)
        at(1ms * below(20), [this, id = id] { goodbye(id); });
  }

  void goodbye(link_id id) {
    auto i = links_.find(id);
    if (i == links_.end() || i->second.leaving || !i->second.open)
      return;
    i->second.leaving = true;
    perform(core_->leaving(id, now_));
    close_when_done(id);
  }

  void close_when_done(link_id id) {
    auto i = links_.find(id);
    if (i == links_.end())
      return;
    auto busy = std::ranges::any_of(unfinished_, [&](auto each) { return calls_.at(each).link == id; });
    if (busy && below(20) > 0)
      at(100ms, [this, id] { close_when_done(id); });
    else
      lose(id, "it has closed the connection", false);
  }

  void lose(link_id id, const std::string& reason, bool refused) {
    auto i = links_.find(id);
    if (i == links_.end())
      return;
    if (i->second.open && now_ - i->second.opened_at >= 2s)
      losses_.push_back(now_);
    links_.erase(i);
    lost_now_ = id;
    sessions_ended_ = false;
    for (auto each : unfinished_) {
      auto& x = calls_.at(each);
      if (x.link == id && !(x.request.kind == type::bound) && !(x.request.kind == type::work && x.written)) {
        x.link.reset();
        x.staged = x.written = false;
        x.waits_since = now_;
      }
    }
    perform(core_->lost(id, reason, refused, now_));
    if (!sessions_ended_)
      broken("the sessions of a lost link have not ended");
    for (auto each : unfinished_)
      if (calls_.at(each).link == id)
        broken("a request stays on a link that is lost");
  }

  /// Something that a node does: later, if it is frozen.
  void by_node(link_id id, duration later, std::function<void()> what) {
    at(later, [this, id, what = std::move(what)] {
      auto i = links_.find(id);
      if (i == links_.end())
        return;
      if (nodes_[i->second.node].is == mood::frozen)
        by_node(id, 400ms, what);
      else
        what();
    });
  }

  void stage(call_id id, link_id link, uint64_t turn) {
    auto& x = calls_.at(id);
    if (x.link != link || x.handed != turn || x.withdrawn || !links_.contains(link))
      return;
    x.staged = true;
    // A frozen node takes nothing, or what its socket still has room for.
    auto write = [this, id, link, turn] {
      auto& y = calls_.at(id);
      if (y.handed != turn || !links_.contains(link))
        return;
      if (!y.finished) {
        y.written = true;
        core_->written(id);
      }
      by_node(link, 1ms * below(30), [this, id, link] { arrive(id, link); });
    };
    if (below(2) == 0)
      by_node(link, 1ms * below(5), write);
    else
      at(1ms * below(5), write);
  }

  void arrive(call_id id, link_id link) {
    auto& node = nodes_[links_.at(link).node];
    auto& x = calls_.at(id);
    if (node.leaving && x.request.kind != type::bound && x.request.kind != type::query) {
      by_node(link, 1ms * below(20), [this, id, link] {
        auto& y = calls_.at(id);
        if (y.finished)
          return;
        y.link.reset();
        y.staged = y.written = false;
        y.waits_since = now_;
        if (auto& where = links_.at(link); !where.leaving) {
          where.leaving = true;
          close_when_done(link);
          if (!links_.contains(link))
            return;
        }
        perform(core_->turned_away(id, now_));
        // Only once.
        if (below(3) == 0 && !y.finished && !y.link)
          perform(core_->turned_away(id, now_));
      });
      return;
    }
    ++x.runs;
    if (x.request.kind == type::work && x.runs > 1)
      broken("work is done twice");
    auto takes = below(10) == 0 ? 1ms * below(20'000) : 1ms * below(100);
    by_node(link, takes, [this, id, link] {
      auto& y = calls_.at(id);
      core_->heard(link, now_);
      answered_at_[link] = now_;
      if (y.finished)
        return; // The shell does not know the number any more.
      finish(id);
      perform(core_->answered(id, now_));
    });
  }

  // -- commands ------------------------------------------------------------------------

  void perform(commands todo) {
    for (auto& each : todo)
      std::visit([this](auto& x) { carry_out(x); }, each);
  }

  void carry_out(const connect_to& x) {
    if (x.node >= nodes_.size() || static_cast<uint64_t>(x.link) <= last_link_)
      return broken("it connects to no node, or by a link that was used before");
    last_link_ = static_cast<uint64_t>(x.link);
    for (auto& [id, each] : links_)
      if (each.node == x.node && !each.leaving)
        broken("it connects twice to the same node");
    links_[x.link] = {x.node};
    auto& to = nodes_[x.node];
    to.attempts.push_back(now_);
    auto id = x.link;
    switch (to.is) {
    case mood::down:
      if (below(3) == 0)
        lose(id, "connection refused", false);
      else
        at(1ms * below(5), [this, id] { lose(id, "connection refused", false); });
      return;
    case mood::refusing:
      at(1ms * (1 + below(20)), [this, id] { lose(id, "wrong token", true); });
      return;
    case mood::frozen:
      at(give_up, [this, id] { lose(id, "no connection within 5 s", false); });
      return;
    default:
      if (to.leaving)
        at(1ms * (1 + below(20)), [this, id] { lose(id, "it is shutting down", false); });
      else
        at(1ms * (1 + below(20)), [this, id] { open(id); });
    }
  }

  void open(link_id id) {
    auto i = links_.find(id);
    if (i == links_.end())
      return;
    i->second.open = true;
    i->second.opened_at = now_;
    auto of = i->second.node;
    perform(core_->opened(id, now_));
    if (!links_.contains(id) || nodes_[of].is != mood::flapping)
      return;
    if (below(2) == 0)
      at(1ms * below(10), [this, id] { lose(id, "it has crashed", false); });
    else
      at(1ms * below(10), [this, id] { goodbye(id); });
  }

  void carry_out(const drop_link& x) {
    if (core_->current() == x.link || !links_.contains(x.link))
      broken("a link is dropped that is in use, or was lost");
    for (auto each : unfinished_)
      if (calls_.at(each).link == x.link)
        broken("a link is dropped with requests");
    links_.erase(x.link);
  }

  void carry_out(const send_call& x) {
    auto& c = calls_.at(x.call);
    auto kind = c.request.kind;
    if (c.finished || c.link)
      return broken("a request is sent that is finished, or on its way already");
    auto i = links_.find(x.link);
    if (i == links_.end() || !i->second.open)
      return broken("a request is sent by a link that is not open");
    if (kind == type::bound && x.link != c.request.link)
      return broken("a request of a session leaves its link");
    if (kind != type::bound && (core_->current() != x.link || i->second.leaving))
      return broken("a request is sent by a link that is not the current one");
    if (kind == type::work || kind == type::harmless)
      for (auto other : unfinished_) {
        auto& y = calls_.at(other);
        if (other < x.call && !y.link && (y.request.kind == type::work || y.request.kind == type::harmless))
          broken("a request overtakes an earlier one");
      }
    c.link = x.link;
    auto turn = ++c.handed;
    at(below(3) == 0 ? 1ms * below(3000) : 1ms * below(3),
       [this, id = x.call, link = x.link, turn] { stage(id, link, turn); });
  }

  void carry_out(const withdraw_call& x) {
    auto& c = calls_.at(x.call);
    if (c.link != x.link || c.finished)
      return broken("a request is withdrawn from a link that it is not on");
    c.withdrawn = !c.staged;
    expected_fail_ = x.call;
  }

  void carry_out(const fail_call& x) {
    auto& c = calls_.at(x.call);
    if (c.finished)
      return broken("a request fails that is finished");
    if (expected_fail_ && *expected_fail_ != x.call)
      broken("a request was withdrawn and does not fail");
    expected_fail_.reset();
    c.failed = c.withdrawn && x.if_withdrawn ? *x.if_withdrawn : x.failure;
    auto kind = c.request.kind;
    auto effect = c.failed->outcome;
    if (c.failed->text.empty())
      broken("a failure says nothing");
    if (c.failed->code == errc::login_refused && !draining_)
      for (auto& each : nodes_)
        if (each.attempts.empty())
          broken("a login is said to be refused that was not tried");
    if (!c.cancelled) {
      auto may_run = c.staged || c.written;
      if (kind == type::work && (effect == outcome::unknown) != may_run)
        broken("the outcome of work is wrong: " + to_string(effect));
      if (kind == type::bound && c.link && lost_now_ == c.link
          && effect != (c.written ? c.request.if_lost : c.request.if_unsent))
        broken("the outcome of a request of a session on a lost link is wrong: " + to_string(effect));
      if (kind == type::bound && lost_now_ != c.link && effect != outcome::unknown && effect != c.request.if_lost
          && may_run)
        broken("the outcome of a request of a session is wrong: " + to_string(effect));
      if ((kind == type::harmless || kind == type::query) && effect == outcome::unknown)
        broken("the outcome of a harmless request is unknown");
      if (c.withdrawn && effect == outcome::unknown)
        broken("the outcome of a withdrawn request is unknown");
    }
    finish(x.call);
  }

  void carry_out(const end_session_links& x) {
    if (lost_now_ != x.link)
      broken("sessions end on a link that is not lost");
    sessions_ended_ = true;
  }

  void carry_out(const give_up_link& x) {
    if (core_->current() != x.link)
      return broken("a link is given up that is not the current one");
    if (auto i = answered_at_.find(x.link); i != answered_at_.end() && now_ - i->second < rules_.silence)
      broken("a node is given up that has answered");
    ++given_up_;
    lose(x.link, x.reason, false);
  }

  void finish(call_id id) {
    auto& x = calls_.at(id);
    if (x.finished)
      broken("a request is finished twice");
    x.finished = true;
    unfinished_.erase(id);
  }

  // -- rules -------------------------------------------------------------------------

  void check() {
    size_t in_flight = 0;
    size_t waiting = 0;
    for (auto id : unfinished_) {
      auto& x = calls_.at(id);
      auto kind = x.request.kind;
      auto limit = time_point::max();
      if (!x.link) {
        ++waiting;
        limit = std::min(x.request.deadline, pool::later(x.request.accepted, rules_.timeout));
        if (kind == type::query)
          limit = std::min(limit, pool::later(std::max(x.request.accepted, x.waits_since), give_up + 100ms));
        limit = std::max(limit, x.waits_since);
      } else {
        limit = pool::later(x.request.deadline, rules_.grace);
        in_flight += x.link == core_->current() && kind != type::bound && kind != type::query;
      }
      if (draining_)
        limit = std::min(limit, cut_);
      if (limit < now_)
        broken("a request of type " + std::to_string(static_cast<int>(kind)) + " is overdue");
    }
    if (in_flight > rules_.max_in_flight)
      broken("more requests are in flight than may be");
    if (waiting != core_->waiting() || unfinished_.size() != core_->unanswered())
      broken("it counts the requests wrong");
    if (core_->current() && waiting > 0 && in_flight < rules_.max_in_flight)
      broken("a request waits although there is room");
    auto connecting = std::ranges::any_of(links_, [](auto& each) { return !each.second.open; });
    if (!core_->current() && !connecting && (!draining_ || waiting > 0) && core_->next_event() > now_ + 2s)
      broken("nobody looks for a node");
    for (auto& each : nodes_)
      check_attempts(each);
  }

  /// A node is tried so often in ten seconds, beside what queries and lost links ask for.
  void check_attempts(node_state& x) {
    auto recent = [this](std::vector<time_point>& times) {
      std::erase_if(times, [this](auto when) { return when < now_ - 10s; });
      return times.size();
    };
    if (recent(x.attempts) > 25 + recent(queries_) + 2 * recent(losses_))
      broken("a node is tried too often");
  }

  void check_end() {
    if (!unfinished_.empty())
      broken("a request is never answered");
    if (core_->unanswered() != 0 || core_->waiting() != 0)
      broken("something is left");
    if (draining_ && !core_->is_drained())
      broken("the drain does not come to an end");
    if (draining_ && core_->next_event() != time_point::max())
      broken("something is due after a drain");
    for (auto& [id, x] : calls_)
      if (x.failed && !x.cancelled && x.runs > 0 && x.request.kind == type::work
          && x.failed->outcome != outcome::unknown)
        broken("work was done that is said to be " + to_string(x.failed->outcome));
  }

  std::mt19937 rng_;
  remote_core::rules rules_;
  std::optional<remote_core> core_;
  time_point now_ = start;
  time_point end_;
  time_point cut_ = time_point::max();
  bool draining_ = false;
  size_t busy_ = 100;
  std::multimap<time_point, std::function<void()>> events_;
  std::vector<node_state> nodes_;
  std::map<link_id, link_state> links_;
  std::map<call_id, call_state> calls_;
  std::set<call_id> unfinished_;
  std::vector<time_point> queries_; ///< When one came.
  std::vector<time_point> losses_;  ///< Of links that had lasted.
  std::optional<call_id> expected_fail_;
  std::optional<link_id> lost_now_;
  std::map<link_id, time_point> answered_at_;
  size_t given_up_ = 0;
  bool sessions_ended_ = false;
  uint64_t last_call_ = 0;
  uint64_t last_link_ = 0;
  size_t steps_ = 0;
  std::string problem_;
};

} // namespace

SCENARIO("in whatever world, each request is finished once, in time, and told the truth") {
  for (uint32_t seed = 1; seed <= 120; ++seed)
    if (auto problem = world{seed}.play(); !problem.empty())
      CAF_ERROR("seed " << seed << ": " << problem);
  CHECK_EQ(world{121}.play(), "");
}
