#include "simulation/caller.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

using claim_kind = ledger::claim_kind;

duration random_limit(const world& world, dice& random) {
  if (!world.run_plan.with.time_limits)
    return 0ns;
  switch (random.below(16)) {
  case 0:
    return random.up_to(1us);
  case 1:
    return random.up_to(2ms);
  case 2:
  case 3:
    return random.up_to(50ms);
  case 4:
  case 5:
    return random.up_to(2s);
  case 6:
    return random.one_in(3) ? -random.up_to(1h) : 1h;
  case 7:
    return random.one_in(3) ? duration::max() : random.up_to(10ms);
  default:
    return 0ns;
  }
}

bool carries(const result& answer, stamp mark) {
  auto number = static_cast<uint64_t>(mark);
  if (answer.columns().empty())
    return answer.last_insert_id() == number;
  return answer.size() == 1 && answer.columns().size() == 2 && answer[0].text(1) == std::to_string(number);
}

void check_answer(world& world, const result& answer, stamp mark) {
  if (!carries(answer, mark))
    world.log.object("statement #" + std::to_string(static_cast<uint32_t>(mark)) + " gets the answer to another one");
}

bool leaves_effect(operation op) {
  switch (op) {
  case operation::set:
  case operation::add:
  case operation::insert:
  case operation::insert_key:
  case operation::note:
  case operation::restart:
  case operation::define:
    return true;
  default:
    return false;
  }
}

caller::caller(world& world, simulated_pool& pool, retrier& retries, size_t number)
    : world_{world}, pool_{pool}, retries_{retries}, number_{number}, random_{world.run_plan.seed, 100 + number} {
  // nop
}

void caller::start() {
  id_ = world_.people.add();
  world_.time.after(random_.up_to(world_.run_plan.think_time), [this] { next_round(); });
}

void caller::close_books() {
  for (auto& story : stories_)
    story->close_books();
}

uint32_t caller::row() {
  return static_cast<uint32_t>(world_.run_plan.with.collisions ? random_.below(world_.run_plan.rows) : 1000 + number_);
}

void caller::next_round() {
  if (++rounds_ > world_.run_plan.rounds || pool_.has_finished()) {
    done_ = true;
    return;
  }
  open_ = 0;
  auto with = world_.run_plan.with;
  if (with.deaths && random_.one_in(12))
    die_soon();
  auto choice = random_.below(20);
  if (choice < 6)
    several_statements();
  else if (choice < 10 && with.sessions)
    use_session();
  else if (choice < 14 && with.transactions)
    whole_transaction();
  else if (choice == 14 && with.latecomers && !old_sessions_.empty())
    come_late();
  else if (choice == 15)
    verify();
  else
    one_statement(operation::read);
}

void caller::one_done() {
  if (--open_ == 0)
    round_ends();
}

void caller::round_ends() {
  auto mine = incarnation_;
  world_.time.after(random_.up_to(world_.run_plan.think_time), [this, mine] {
    if (mine == incarnation_)
      next_round();
  });
}

/// Ends in the middle of something; a new caller goes on in its place.
void caller::die_soon() {
  auto mine = incarnation_;
  world_.time.after(random_.up_to(random_.one_in(2) ? 2ms : 50ms), [this, mine] {
    if (mine != incarnation_ || done_)
      return;
    world_.log.step(name_of(id_), "ends");
    for (auto& story : stories_)
      story->holder_dies();
    world_.people.end(id_);
    id_ = world_.people.add();
    ++incarnation_;
    old_sessions_.clear();
    round_ends();
  });
}

// -- statements --------------------------------------------------------------------

/// At once, so that they share connections.
void caller::several_statements() {
  auto count = random_.between(1, 8);
  for (size_t i = 0; i < count; ++i)
    awaited();
  for (size_t i = 0; i < count; ++i)
    ask(random_.one_in(3) ? operation::set : operation::read);
}

void caller::one_statement(operation op) {
  constexpr auto accepted =
      std::to_array({operation::add, operation::add, operation::insert, operation::insert, operation::insert_key,
                     operation::note, operation::set_variable, operation::set_mode, operation::touch,
                     operation::restart, operation::define, operation::lock, operation::set, operation::read});
  constexpr auto refused = std::to_array({operation::wrong, operation::odd, operation::odd, operation::invalid});
  op = world_.run_plan.with.errors && random_.one_in(8) ? refused[random_.below(refused.size())]
                                                        : accepted[random_.below(accepted.size())];
  awaited();
  ask(op);
}

void caller::ask(operation op) {
  auto repeatable = op == operation::set;
  auto mark = world_.marks.add(world_.marks.new_use(), false, repeatable);
  auto request = statement_for(op, mark, row());
  request.timeout = random_limit(world_, random_);
  if (random_.one_in(4))
    request.max_retries = static_cast<uint32_t>(random_.below(3));
  auto retried = world_.run_plan.with.retries && random_.one_in(2);
  auto expected = expectation_of(world_, world_.log.enabled() ? to_string(parse(request)) : std::string{}, id_,
                                 request.timeout, mark);
  if (retried)
    expected.sent.reset();
  expected.then = [this, op, mark](const content& answer) {
    told(op, mark, answer);
    one_done();
  };
  auto answer_to = world_.books.expect(std::move(expected));
  if (retried)
    retries_.start(std::move(request), mark, answer_to, id_);
  else
    pool_.send(id_, [this, request = std::move(request), answer_to, caller = id_]() mutable {
      pool_.accept(std::move(request), answer_to, caller);
    });
}

void caller::told(operation op, stamp mark, const content& answer) {
  if (auto rows = std::get_if<result>(&answer))
    check_answer(world_, *rows, mark);
  auto reason = std::get_if<failure>(&answer);
  if (reason != nullptr && reason->code == errc::interrupted && !world_.marks[mark].stopped)
    world_.log.object("statement #" + std::to_string(static_cast<uint32_t>(mark))
                      + " is hit by a stop that was not meant for it");
  if (!leaves_effect(op))
    return;
  auto kind = reason == nullptr                     ? claim_kind::there
              : reason->outcome == outcome::unknown ? claim_kind::unknown
                                                    : claim_kind::absent;
  world_.books.claim_that({kind, {mark}, describe(answer), world_.now()});
}

/// As operators do: the request does not wait for a server that is down.
void caller::verify() {
  auto mark = world_.marks.add(world_.marks.new_use(), false, false);
  auto request = statement_for(operation::read, mark, row());
  auto expected = expectation_of(world_, "verify", id_, 0ns, mark);
  awaited();
  expected.then = [this, mark](const content& answer) {
    told(operation::read, mark, answer);
    one_done();
  };
  auto answer_to = world_.books.expect(std::move(expected));
  pool_.send(id_, [this, request = std::move(request), answer_to, caller = id_]() mutable {
    pool_.accept(std::move(request), answer_to, caller, true);
  });
}

// -- transactions --------------------------------------------------------------------

void caller::whole_transaction() {
  constexpr auto usual = std::to_array(
      {operation::add, operation::set, operation::insert, operation::insert_key, operation::read, operation::lock});
  transaction whole;
  std::vector<stamp> effects;
  auto use = world_.marks.new_use();
  auto restarts = random_.one_in(12);
  auto reads_only = random_.one_in(8);
  auto count = random_.between(1, 5);
  stamp first{};
  for (size_t i = 0; i < count; ++i) {
    auto op = usual[random_.below(usual.size())];
    if (reads_only)
      op = operation::read;
    else if (restarts && i == count / 2)
      op = operation::restart;
    else if (random_.one_in(30))
      op = operation::touch;
    else if (world_.run_plan.with.errors && random_.one_in(40))
      op = random_.one_in(2) ? operation::wrong : operation::invalid;
    auto mark = world_.marks.add(use, false, false);
    if (i == 0)
      first = mark;
    if (leaves_effect(op))
      effects.push_back(mark);
    whole.statements.push_back(statement_for(op, mark, row()));
  }
  whole.options.read_only = reads_only && random_.one_in(2);
  if (random_.one_in(4))
    whole.options.level = isolation::read_committed;
  whole.timeout = random_limit(world_, random_);
  if (random_.one_in(4))
    whole.max_retries = static_cast<uint32_t>(random_.below(3));
  auto retried = world_.run_plan.with.retries && random_.one_in(2);
  auto expected = expectation_of(world_,
                                 "transaction from #" + std::to_string(static_cast<uint32_t>(first)) + " on, "
                                     + std::to_string(count) + " statements",
                                 id_, whole.timeout, {});
  awaited();
  expected.then = [this, effects, restarts, first, count](const content& answer) {
    if (auto results = std::get_if<std::vector<result>>(&answer)) {
      if (results->size() != count)
        world_.log.object("a transaction gives " + std::to_string(results->size()) + " results for "
                          + std::to_string(count) + " statements");
      else
        for (size_t i = 0; i < count; ++i)
          check_answer(world_, (*results)[i], stamp{static_cast<uint32_t>(static_cast<size_t>(first) + i)});
    }
    told(effects, restarts, answer);
    one_done();
  };
  auto answer_to = world_.books.expect(std::move(expected));
  if (retried)
    retries_.start(std::move(whole), first, answer_to, id_);
  else
    pool_.send(id_, [this, request = std::move(whole), answer_to, caller = id_]() mutable {
      pool_.accept(std::move(request), answer_to, caller);
    });
}

void caller::told(const std::vector<stamp>& marks, bool restarts, const content& answer) {
  auto reason = std::get_if<failure>(&answer);
  auto kind = reason == nullptr                     ? claim_kind::there
              : reason->outcome != outcome::unknown ? claim_kind::absent
              : restarts                            ? claim_kind::unknown
                                                    : claim_kind::all_or_nothing;
  world_.books.claim_that({kind, marks, describe(answer), world_.now()});
}

// -- sessions ----------------------------------------------------------------------

void caller::use_session() {
  awaited();
  auto& story = *stories_.emplace_back(std::make_unique<session_story>(world_, pool_, id_, random_.next(), row()));
  story.start([this, mine = incarnation_](session_id old) {
    if (mine != incarnation_)
      return;
    if (old != session_id{})
      old_sessions_.push_back(old);
    one_done();
  });
}

/// Uses a session that has ended: must be refused.
void caller::come_late() {
  auto mark = world_.marks.add(world_.marks.new_use(), true, false);
  session_command command;
  command.session = old_sessions_[random_.below(old_sessions_.size())];
  command.text = statement_for(operation::add, mark, row());
  expectation expected;
  expected.description = "a statement for an old session";
  expected.caller = id_;
  expected.due = world_.now();
  awaited();
  expected.then = [this, mark](const content& answer) {
    auto reason = std::get_if<failure>(&answer);
    if (reason == nullptr || reason->code != errc::session_ended)
      world_.log.object("a session that was checked in is used: " + describe(answer));
    world_.books.claim_that({claim_kind::absent, {mark}, "its session had ended", world_.now()});
    one_done();
  };
  auto answer_to = world_.books.expect(std::move(expected));
  pool_.send(id_, [this, command = std::move(command), answer_to, caller = id_]() mutable {
    pool_.command(std::move(command), answer_to, caller);
  });
}

} // namespace cenote::simulation
