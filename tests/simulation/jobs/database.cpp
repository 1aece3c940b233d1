#include "simulation/jobs/database.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

/// A request from the moment it is made until neither its client nor the server has to do with it.
struct call {
  enum class place : uint8_t { with_client, on_its_way, at_server, gone };

  client* from = nullptr;
  request what;
  std::function<void()> then;
  std::function<void(request_failure)> failed;
  time_point made;
  place where = place::with_client;
  transaction_no transaction{};
  bool client_waits = true;
  bool is_silent = false; ///< Its connection delivers nothing to the client any more.
  bool is_held = false;   ///< Belongs to a session: waits for its commit.
  bool is_begun = false;
  std::function<void(const database::session&)> begun;
};

namespace {

/// When a client notices that a connection is dead, without a limit of its own: what kernels do.
constexpr auto kernel_limit = 15min;

/// When the server ends a transaction that is idle: its `idle_transaction_timeout`.
constexpr auto idle_limit = 1min;

} // namespace

database::database(const plan& run_plan, simulation::schedule& time, tables& of_server, simulation::transcript& log)
    : run_plan_{run_plan}, time_{time}, tables_{of_server}, log_{log}, random_{run_plan.seed, 2} {
  // nop
}

duration database::travel() {
  return run_plan_.network_delay / 2 + random_.up_to(run_plan_.network_delay);
}

duration database::statement_time(client& from) {
  if (time_.now() < slow_until_ && random_.one_in(3)) {
    from.suffers();
    return random_.up_to(slowest_);
  }
  return run_plan_.statement_time / 4 + random_.up_to(run_plan_.statement_time);
}

// -- the client's side ------------------------------------------------------------------

void database::send(client& from, request what, std::function<void()> then,
                    std::function<void(request_failure)> failed) {
  auto one = std::make_shared<call>();
  one->from = &from;
  one->what = std::move(what);
  one->then = std::move(then);
  one->failed = std::move(failed);
  start(one);
}

void database::start(const call_ptr& one) {
  one->made = time_.now();
  ++one->from->requests[one->what.what];
  calls_.push_back(one);
  if (one->what.limit > 0ns)
    time_.after(one->what.limit, [this, one] {
      if (!one->client_waits)
        return;
      auto was_sent = one->where != call::place::with_client;
      fail(one, was_sent ? request_failure::unknown : request_failure::unavailable, 0ns);
      // The server is told to stop it; that may come too late.
      if (one->where == call::place::at_server && random_.one_in(2))
        leave_server(one);
    });
  try_send(one);
}

/// A pool keeps a request for its timeout, until a connection comes.
void database::try_send(const call_ptr& one) {
  if (!one->client_waits) {
    leave_server(one);
    return;
  }
  if (!is_down()) {
    one->where = call::place::on_its_way;
    time_.after(travel(), [this, one] { arrive(one); });
    return;
  }
  if (time_.now() >= one->made + run_plan_.pool_timeout) {
    fail(one, request_failure::unavailable, 0ns);
    leave_server(one);
    return;
  }
  time_.after(10ms + random_.up_to(100ms), [this, one] { try_send(one); });
}

void database::fail(const call_ptr& one, request_failure reason, duration after) {
  if (!std::exchange(one->client_waits, false))
    return;
  if (one->where == call::place::gone)
    std::erase(calls_, one);
  time_.after(after, [one, reason] { one->from->post([one, reason] { one->failed(reason); }); });
}

void database::answer(const call_ptr& one) {
  if (one->is_silent || !one->client_waits)
    return;
  time_.after(travel(), [this, one] {
    // It may have been given up, or cut off, on its way.
    if (one->is_silent || !std::exchange(one->client_waits, false))
      return;
    std::erase(calls_, one);
    one->from->post([one] { one->then(); });
  });
}

// -- the server's side ------------------------------------------------------------------

void database::arrive(const call_ptr& one) {
  if (one->where != call::place::on_its_way)
    return;
  if (is_down()) {
    leave_server(one);
    fail(one, request_failure::unknown, travel());
    return;
  }
  one->where = call::place::at_server;
  one->transaction = transaction_no{++last_transaction_};
  time_.after(statement_time(*one->from) / 2, [this, one] {
    if (one->where != call::place::at_server || begin(one))
      return;
    blocked_.push_back(one);
    time_.after(run_plan_.lock_wait_timeout, [this, one] {
      if (std::erase(blocked_, one) == 0 || one->where != call::place::at_server)
        return;
      leave_server(one);
      one->from->suffers();
      if (!one->is_silent)
        fail(one, request_failure::rolled_back, travel());
    });
  });
}

/// @returns whether it need not wait for locks.
bool database::begin(const call_ptr& one) {
  auto state = one->what.prepare ? one->what.prepare(one->transaction) : readiness::ready;
  if (state == readiness::blocked)
    return false;
  if (state == readiness::stopped || one->what.is_refused) {
    leave_server(one);
    if (!one->is_silent)
      fail(one, state == readiness::stopped ? request_failure::fenced : request_failure::refused, travel());
    return true;
  }
  one->is_begun = true;
  if (!one->is_held) {
    execute(one);
    return true;
  }
  if (!one->client_waits) // Its client has ended while it was on its way: nobody commits it.
    leave_server(one);
  else if (!one->is_silent)
    time_.after(travel(), [one] {
      if (one->client_waits && !one->is_silent)
        one->from->post([one] { one->begun(one); });
    });
  return true;
}

void database::execute(const call_ptr& one) {
  time_.after(statement_time(*one->from) / 2, [this, one] {
    if (one->where == call::place::at_server)
      commit_now(one);
  });
}

void database::commit_now(const call_ptr& one) {
  one->what.apply();
  leave_server(one);
  answer(one);
}

/// The end of its transaction: what it has not committed is rolled back.
void database::leave_server(const call_ptr& one) {
  auto had_locks = one->where == call::place::at_server;
  one->where = call::place::gone;
  if (!one->client_waits)
    std::erase(calls_, one);
  std::erase(blocked_, one);
  if (had_locks) {
    tables_.release(one->transaction);
    wake_blocked();
  }
}

void database::wake_blocked() {
  // Not at once: what has just ended may be about to change more.
  time_.after(0ns, [this] {
    auto waiting = std::exchange(blocked_, {});
    for (auto& one : waiting)
      if (one->where == call::place::at_server && !begin(one))
        blocked_.push_back(one);
  });
}

// -- sessions ---------------------------------------------------------------------------

void database::open(client& from, request what, std::function<void(const session&)> begun,
                    std::function<void(request_failure)> failed) {
  auto one = std::make_shared<call>();
  one->from = &from;
  one->what = std::move(what);
  one->failed = std::move(failed);
  one->begun = std::move(begun);
  one->is_held = true;
  start(one);
}

void database::commit(const session& held, std::function<void()> then, std::function<void(request_failure)> failed) {
  held->then = std::move(then);
  held->failed = std::move(failed);
  if (held->where != call::place::at_server) { // Its connection was cut before.
    held->client_waits = true;
    fail(held, request_failure::rolled_back, travel());
    return;
  }
  // Cuts are rare, and a commit takes little time: some are aimed at it.
  auto is_cut = random_.one_in(10);
  auto arrives = random_.one_in(2);
  if (run_plan_.with.cuts && is_cut && !is_calm_) {
    held->from->suffers();
    fail(held, request_failure::unknown, travel());
    if (!arrives) {
      leave_server(held);
      return;
    }
  }
  time_.after(travel(), [this, held] {
    if (held->where == call::place::at_server)
      execute(held);
  });
}

// -- weather ----------------------------------------------------------------------------

void database::cut(client& from) {
  from.suffers();
  auto all = calls_;
  for (auto& one : all) {
    if (one->from != &from || one->where == call::place::with_client)
      continue;
    // Also one whose answer is on its way.
    fail(one, request_failure::unknown, random_.up_to(1ms));
    if (one->where == call::place::gone || (one->where == call::place::on_its_way && random_.one_in(2))) {
      leave_server(one);
    } else if (one->where == call::place::on_its_way) { // It arrives late.
      one->where = call::place::with_client;
      time_.after(random_.up_to(500ms), [this, one] {
        one->where = call::place::on_its_way;
        arrive(one);
      });
    } else if (one->is_held || random_.one_in(2)) {
      leave_server(one);
    }
  }
}

void database::silence(client& from) {
  from.suffers();
  for (auto& one : calls_)
    if (one->from == &from && one->where != call::place::with_client && random_.one_in(2) && !one->is_silent) {
      one->is_silent = true;
      if (one->where == call::place::on_its_way && random_.one_in(2))
        one->where = call::place::gone;
      time_.after(kernel_limit, [this, one] { fail(one, request_failure::unknown, 0ns); });
      if (one->is_held)
        time_.after(idle_limit, [this, one] { leave_server(one); });
    }
}

void database::forget(client& from) {
  auto all = calls_;
  for (auto& one : all) {
    if (one->from != &from)
      continue;
    one->client_waits = false;
    if (one->where == call::place::gone)
      leave_server(one);
    else if (one->where == call::place::at_server && (one->is_held || random_.one_in(2)))
      leave_server(one);
    else if (one->where == call::place::on_its_way && random_.one_in(2))
      leave_server(one);
  }
}

void database::restart(duration down_for) {
  log_.step("server", "restarts, and is down for " + std::to_string(down_for / 1ms) + " ms");
  down_until_ = std::max(down_until_, time_.now() + down_for);
  auto all = calls_;
  for (auto& one : all) {
    if (one->where == call::place::with_client)
      continue;
    leave_server(one);
    if (!one->is_silent)
      fail(one, request_failure::unknown, travel());
  }
}

void database::slow_down(duration most, duration span) {
  log_.step("server", "is slow, up to " + std::to_string(most / 1ms) + " ms");
  slowest_ = most;
  slow_until_ = time_.now() + span;
}

void database::calm_down() {
  is_calm_ = true;
  slow_until_ = time_.now();
  down_until_ = std::min(down_until_, time_.now());
}

} // namespace cenote::job_simulation
