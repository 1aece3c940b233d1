#include "actors/budget_agent.hpp"

#include "actors/budget_table.hpp"
#include "actors/random_id.hpp"
#include "cenote/error.hpp"
#include "db/guarded_call.hpp"
#include "db/single_statement.hpp"
#include "log/log.hpp"
#include "log/log_pacer.hpp"
#include "pool/budget.hpp"
#include "runtime/guarded_behavior.hpp"

#include <caf/actor_system.hpp>
#include <caf/disposable.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include <unistd.h>

namespace cenote {

namespace {

using namespace std::chrono_literals;

/// How often the pool is asked for its numbers, at least.
constexpr auto longest_poll = 500ms;

/// How long one statement of a round may take. Its waits for locks are shorter.
constexpr auto statement_limit = 2s;

/// How long a round waits for a connection, and how long it may keep it.
constexpr auto longest_wait = 5s;
constexpr auto round_limit = 4s;

/// How long the pool's row may take to be removed.
constexpr auto longest_farewell = 2s;

/// The server's number for a table that does not exist.
constexpr uint32_t no_such_table = 1146;

std::string hexadecimal(uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

/// `db1.example:4711`.
std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0)
    host = {};
  return std::string{host.data()} + ":" + std::to_string(::getpid());
}

/// Whether the next attempt may succeed though nothing else has changed.
bool is_passing(const failure& reason) {
  return reason.code == errc::lock_wait || reason.code == errc::deadlock;
}

/// So many of these in turn get a line.
constexpr size_t many_refusals = 3;

/// Whether the server has answered, but does not let the table be used, or somebody else keeps it locked.
bool is_refusal(const failure& reason) {
  switch (reason.code) {
  case errc::server_error:
  case errc::read_only_server:
  case errc::lock_wait:
  case errc::deadlock:
  case errc::result_too_large:
    return true;
  default:
    return false;
  }
}

struct agent_order {
  caf::actor_addr pool;
  pool_settings rules;
  std::optional<server_settings> server;
  uint64_t seed = 0;
};

struct agent_state {
  static inline const char* name = "cenote.budget";

  agent_state(caf::stateful_actor<agent_state>* this_actor, agent_order given)
      : self{this_actor},
        order{std::move(given)},
        table{order.rules.budget.table},
        id{hexadecimal(random_id())},
        member{order.rules.budget, id, order.rules.size + order.rules.max_overflow},
        rng{static_cast<std::minstd_rand::result_type>(order.seed)} {
    // nop
  }

  ~agent_state() { timer.dispose(); }

  caf::behavior make_behavior() {
    self->monitor(order.pool);
    self->set_down_handler([this](const caf::down_msg&) { guard(*this, [this] { pool_has_ended(); }); });
    poll();
    return {[this](done_atom) { self->quit(); }};
  }

  // -- the pool's numbers ----------------------------------------------------------

  /// The pool is held for the moment of one message only: this actor must not keep it from ending.
  template <class T, class F, class... Ts>
  void ask(F then, Ts... message) {
    auto pool = caf::actor_cast<caf::strong_actor_ptr>(order.pool);
    if (!pool)
      return; // The message about its end is under way.
    // No timeout of CAF's: the pool answers every request, in its time, or by its end.
    self->request(caf::actor_cast<internal_pool_actor>(pool), caf::infinite, std::move(message)...)
        .then([this, then](const T& answer) { guard(*this, [&] { then(answer); }); },
              [this](const caf::error& problem) { guard(*this, [&] { failed(details(problem)); }); });
  }

  void poll() {
    timer.dispose();
    auto pool = caf::actor_cast<caf::strong_actor_ptr>(order.pool);
    if (!pool)
      return;
    auto connections = member.connections();
    self->request(caf::actor_cast<internal_pool_actor>(pool), caf::infinite, budget_atom_v,
                  static_cast<uint64_t>(connections))
        .then([this, connections](const budget_report& report) { guard(*this, [&] { learn(report, connections); }); },
              [this](const caf::error&) { wait(); });
  }

  /// @param connections what the pool has been told that it may have.
  void learn(const budget_report& report, size_t connections) {
    member.observe({report.open, report.needed}, now());
    tick();
    if (member.connections() != connections) {
      poll();
      return;
    }
    if (!in_round && member.next_round() <= now())
      begin_round();
    wait();
  }

  void wait() {
    if (has_ended)
      return;
    timer.dispose();
    auto next = std::min(member.lease_event(), in_round ? pool::time_point::max() : member.next_round());
    auto longest = std::min<caf::timespan>(longest_poll, order.rules.budget.lease / 6);
    auto span = next <= now() ? caf::timespan{1ms} : std::min<caf::timespan>(longest, next - now());
    timer = self->run_delayed(span, [this] { guard(*this, [this] { poll(); }); });
  }

  void tick() {
    auto before = member.is_agreed();
    member.tick(now());
    if (before && !member.is_agreed())
      log().log(
          is_draining ? spdlog::level::debug : spdlog::level::warn,
          "pool {}: could not agree on its share of the budget for most of a lease ({}): until it can, it makes do "
          "with this number of connections: {}",
          order.rules.name, last_failure.empty() ? "no round has ended" : last_failure, member.connections());
  }

  // -- a round ---------------------------------------------------------------------

  void begin_round() {
    in_round = true;
    session.reset();
    session_options options;
    options.owner = name;
    options.time_limit = round_limit;
    options.acquire_timeout = std::min<caf::timespan>(longest_wait, order.rules.budget.lease / 3);
    ask<session_id>(
        [this](session_id checked_out) {
          session = checked_out;
          execute(budget_table::set_up(), [this](const result&) {
            if (std::exchange(must_create, false))
              execute(table.create(), [this](const result&) { begin(); });
            else
              begin();
          });
        },
        budget_atom_v, std::move(options));
  }

  template <class F>
  void execute(statement query, F then) {
    ask<result>(std::move(then), execute_atom_v, *session, std::move(query).within(statement_limit));
  }

  /// A request that is answered without content.
  template <class F, class... Ts>
  void command(F then, Ts... message) {
    auto pool = caf::actor_cast<caf::strong_actor_ptr>(order.pool);
    if (!pool)
      return;
    self->request(caf::actor_cast<internal_pool_actor>(pool), caf::infinite, std::move(message)...)
        .then([this, then] { guard(*this, [&] { then(); }); },
              [this](const caf::error& problem) { guard(*this, [&] { failed(details(problem)); }); });
  }

  void begin() {
    command([this] { execute(table.lock_and_read(), [this](const result& rows) { found(rows); }); }, begin_atom_v,
            *session, transaction_options{});
  }

  void found(const result& answer) {
    auto rows = read_budget_rows(answer, id);
    auto expired = rows.expired;
    if (rows.has_first) {
      decide(std::move(rows.others), rows.settled, expired);
      return;
    }
    execute(table.rest(order.rules.budget.lease),
            [this, others = rows.others, expired](const result&) { decide(others, false, expired); });
  }

  void decide(std::vector<pool::budget_row> others, bool settled, bool expired) {
    decision = member.decide(std::move(others), settled, now());
    if (decision.rest)
      execute(table.rest(order.rules.budget.lease), [this, expired](const result&) { write(expired); });
    else
      write(expired);
  }

  void write(bool expired) {
    execute(table.write(decision.row, order.rules.name, this_process(), order.rules.budget.lease),
            [this, expired](const result&) {
              has_row = true;
              if (expired)
                execute(table.remove_expired(), [this](const result&) { commit(); });
              else
                commit();
            });
  }

  void commit() {
    command([this] { agreed(); }, commit_atom_v, *session);
  }

  void agreed() {
    check_in();
    in_round = false;
    auto before = member.connections();
    member.agreed(now(), random());
    tell_state();
    if (member.connections() != before)
      if (auto count = changes.add(now()))
        log().info("pool {}: its share of the budget is {} connections now ({} pools have {} together){}",
                   order.rules.name, member.connections(), decision.pools, order.rules.budget.connections,
                   and_more(*count));
    poll();
  }

  void failed(const failure& reason) {
    if (!in_round)
      return;
    check_in();
    in_round = false;
    auto refused = is_refusal(reason);
    last_failure = to_string(reason);
    is_draining = reason.code == errc::shutting_down;
    must_create = reason.number == no_such_table;
    if (must_create && !std::exchange(has_tried_to_create, true)) {
      begin_round(); // That is usual, once.
      return;
    }
    refusals = refused ? refusals + 1 : 0;
    if (refused && (!is_passing(reason) || refusals >= many_refusals) && !std::exchange(is_broken, true))
      log().warn("pool {}: cannot use the table of the budget, {}: {}; it keeps its connections and takes no more. If "
                 "the account may not create the table, run: {}; and: GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO it",
                 order.rules.name, table.name(), last_failure, table.create().sql, table.name());
    else
      log().debug("pool {}: a round about the budget has failed: {}", order.rules.name, last_failure);
    member.failed(refused, now(), random());
    poll();
  }

  void tell_state() {
    last_failure.clear();
    refusals = 0;
    has_tried_to_create = false;
    if (std::exchange(is_broken, false))
      log().info("pool {}: the table of the budget, {}, can be used again", order.rules.name, table.name());
    if (!std::exchange(disagrees, decision.disagree) && decision.disagree)
      log().warn("pool {}: pools with the same table, {}, are set to different budgets; the smallest counts",
                 order.rules.name, table.name());
    if (!std::exchange(is_crowded, decision.crowded) && decision.crowded)
      log().warn("pool {}: {} pools share a budget that is too small for them: each needs {} connections, one to stop "
                 "statements included; raise budget.connections",
                 order.rules.name, decision.pools, pool::min_share);
  }

  void check_in() {
    auto pool = caf::actor_cast<caf::strong_actor_ptr>(order.pool);
    if (session && pool)
      self->send(caf::actor_cast<internal_pool_actor>(pool), checkin_atom_v, *session);
    session.reset();
  }

  // -- its end ---------------------------------------------------------------------

  /// The pool has no connections any more: its share is free. Otherwise the lease would have to end first.
  void pool_has_ended() {
    has_ended = true;
    timer.dispose();
    if (!has_row || !order.server) {
      self->quit();
      return;
    }
    auto limit = std::min<std::chrono::nanoseconds>(order.server->connect_timeout, longest_farewell);
    farewell.emplace(
        limit, [server = *order.server, sql = table.remove(id)] { return db::run_once(server, sql); },
        [me = caf::actor{self}] { caf::anon_send(me, done_atom_v); });
    if (farewell->problem())
      self->quit();
    else
      timer = self->run_delayed(limit, [this] { self->quit(); });
  }

  void defect(const char* problem) {
    log().error("pool {}: an exception while its share of the budget was agreed on: {}", order.rules.name, problem);
    failure reason;
    reason.text = problem;
    failed(reason);
  }

  double random() { return std::uniform_real_distribution<>{0.0, 1.0}(rng); }
  pool::time_point now() const { return self->clock().now(); }

  caf::stateful_actor<agent_state>* self;
  agent_order order;
  budget_table table;
  std::string id; ///< Of the pool's row.
  pool::budget_member member;
  std::minstd_rand rng;

  bool in_round = false;
  std::optional<session_id> session;
  pool::budget_decision decision;
  bool must_create = false;
  bool has_tried_to_create = false; ///< Since the last round that succeeded.
  bool has_row = false;

  bool is_draining = false;
  bool has_ended = false;   ///< The pool.
  std::string last_failure; ///< Of a round; empty if the last one succeeded.
  size_t refusals = 0;      ///< In turn.
  bool is_broken = false;   ///< As logged.
  bool disagrees = false;
  bool is_crowded = false;
  log_pacer changes;

  caf::disposable timer;
  std::optional<db::guarded_call<bool>> farewell;
};

} // namespace

void spawn_budget_agent(caf::actor_system& sys, const internal_pool_actor& pool, const pool_settings& rules,
                        const std::optional<server_settings>& server) {
  sys.spawn<caf::stateful_actor<agent_state>>(agent_order{pool.address(), rules, server, random_id()});
}

} // namespace cenote
