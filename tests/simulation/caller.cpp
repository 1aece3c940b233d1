#include "simulation/caller.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace cenote::simulation {

using namespace std::chrono_literals;

using claim_kind = ledger::claim_kind;

duration random_limit(const world& all, dice& random) {
  if (!all.how.with.time_limits)
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

bool carries(const result& x, stamp mark) {
  auto number = static_cast<uint64_t>(mark);
  if (x.columns().empty())
    return x.last_insert_id() == number;
  return x.size() == 1 && x.columns().size() == 2 && x[0].text(1) == std::to_string(number);
}

void check_answer(world& all, const result& x, stamp mark) {
  if (!carries(x, mark))
    all.log.object("statement #" + std::to_string(static_cast<uint32_t>(mark)) + " gets the answer to another one");
}

bool leaves_effect(operation x) {
  switch (x) {
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

caller::caller(world& all, simulated_pool& pool, retrier& retries, size_t number)
    : all_{all}, pool_{pool}, retries_{retries}, number_{number}, random_{all.how.seed, 100 + number} {
  // nop
}

void caller::start() {
  id_ = all_.people.add();
  all_.time.after(random_.up_to(all_.how.think_time), [this] { next_round(); });
}

void caller::close_books() {
  for (auto& x : stories_)
    x->close_books();
}

uint32_t caller::row() {
  return static_cast<uint32_t>(all_.how.with.collisions ? random_.below(all_.how.rows) : 1000 + number_);
}

void caller::next_round() {
  if (++rounds_ > all_.how.rounds || pool_.has_finished()) {
    done_ = true;
    return;
  }
  open_ = 0;
  auto with = all_.how.with;
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
  all_.time.after(random_.up_to(all_.how.think_time), [this, mine] {
    if (mine == incarnation_)
      next_round();
  });
}

/// Ends in the middle of something; somebody else goes on in its place.
void caller::die_soon() {
  auto mine = incarnation_;
  all_.time.after(random_.up_to(random_.one_in(2) ? 2ms : 50ms), [this, mine] {
    if (mine != incarnation_ || done_)
      return;
    all_.log.step(name_of(id_), "ends");
    for (auto& x : stories_)
      x->holder_dies();
    all_.people.end(id_);
    id_ = all_.people.add();
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

void caller::one_statement(operation what) {
  constexpr auto all =
      std::to_array({operation::add, operation::add, operation::insert, operation::insert, operation::insert_key,
                     operation::note, operation::set_variable, operation::set_mode, operation::touch,
                     operation::restart, operation::define, operation::lock, operation::set, operation::read});
  constexpr auto refused = std::to_array({operation::wrong, operation::odd, operation::odd, operation::invalid});
  what = all_.how.with.errors && random_.one_in(8) ? refused[random_.below(refused.size())]
                                                   : all[random_.below(all.size())];
  awaited();
  ask(what);
}

void caller::ask(operation what) {
  auto repeatable = what == operation::set;
  auto mark = all_.marks.add(all_.marks.new_use(), false, repeatable);
  auto text = statement_for(what, mark, row());
  text.timeout = random_limit(all_, random_);
  if (random_.one_in(4))
    text.max_retries = static_cast<uint32_t>(random_.below(3));
  auto retried = all_.how.with.retries && random_.one_in(2);
  auto told_then =
      expectation_of(all_, all_.log.enabled() ? to_string(parse(text)) : std::string{}, id_, text.timeout, mark);
  if (retried)
    told_then.sent.reset();
  told_then.then = [this, what, mark](const content& x) {
    told(what, mark, x);
    one_done();
  };
  auto to = all_.books.expect(std::move(told_then));
  if (retried)
    retries_.start(std::move(text), mark, to, id_);
  else
    pool_.send(id_, [this, x = std::move(text), to, who = id_]() mutable { pool_.accept(std::move(x), to, who); });
}

void caller::told(operation what, stamp mark, const content& x) {
  if (auto rows = std::get_if<result>(&x))
    check_answer(all_, *rows, mark);
  auto why = std::get_if<failure>(&x);
  if (why != nullptr && why->code == errc::interrupted && !all_.marks[mark].stopped)
    all_.log.object("statement #" + std::to_string(static_cast<uint32_t>(mark))
                    + " is hit by a stop that was not meant for it");
  if (!leaves_effect(what))
    return;
  auto kind = why == nullptr                     ? claim_kind::there
              : why->outcome == outcome::unknown ? claim_kind::unknown
                                                 : claim_kind::absent;
  all_.books.claim_that({kind, {mark}, describe(x), all_.now()});
}

/// As operators do: it does not wait for a server that is down.
void caller::verify() {
  auto mark = all_.marks.add(all_.marks.new_use(), false, false);
  auto text = statement_for(operation::read, mark, row());
  auto told_then = expectation_of(all_, "verify", id_, 0ns, mark);
  awaited();
  told_then.then = [this, mark](const content& x) {
    told(operation::read, mark, x);
    one_done();
  };
  auto to = all_.books.expect(std::move(told_then));
  pool_.send(id_, [this, x = std::move(text), to, who = id_]() mutable { pool_.accept(std::move(x), to, who, true); });
}

// -- transactions --------------------------------------------------------------------

void caller::whole_transaction() {
  constexpr auto usual = std::to_array(
      {operation::add, operation::set, operation::insert, operation::insert_key, operation::read, operation::lock});
  transaction whole;
  std::vector<stamp> effects;
  auto use = all_.marks.new_use();
  auto restarts = random_.one_in(12);
  auto reads_only = random_.one_in(8);
  auto count = random_.between(1, 5);
  stamp first{};
  for (size_t i = 0; i < count; ++i) {
    auto what = usual[random_.below(usual.size())];
    if (reads_only)
      what = operation::read;
    else if (restarts && i == count / 2)
      what = operation::restart;
    else if (random_.one_in(30))
      what = operation::touch;
    else if (all_.how.with.errors && random_.one_in(40))
      what = random_.one_in(2) ? operation::wrong : operation::invalid;
    auto mark = all_.marks.add(use, false, false);
    if (i == 0)
      first = mark;
    if (leaves_effect(what))
      effects.push_back(mark);
    whole.statements.push_back(statement_for(what, mark, row()));
  }
  whole.options.read_only = reads_only && random_.one_in(2);
  if (random_.one_in(4))
    whole.options.level = isolation::read_committed;
  whole.timeout = random_limit(all_, random_);
  if (random_.one_in(4))
    whole.max_retries = static_cast<uint32_t>(random_.below(3));
  auto retried = all_.how.with.retries && random_.one_in(2);
  auto told_then = expectation_of(all_,
                                  "transaction from #" + std::to_string(static_cast<uint32_t>(first)) + " on, "
                                      + std::to_string(count) + " statements",
                                  id_, whole.timeout, {});
  awaited();
  told_then.then = [this, effects, restarts, first, count](const content& x) {
    if (auto all = std::get_if<std::vector<result>>(&x)) {
      if (all->size() != count)
        all_.log.object("a transaction gives " + std::to_string(all->size()) + " results for " + std::to_string(count)
                        + " statements");
      else
        for (size_t i = 0; i < count; ++i)
          check_answer(all_, (*all)[i], stamp{static_cast<uint32_t>(static_cast<size_t>(first) + i)});
    }
    told(effects, restarts, x);
    one_done();
  };
  auto to = all_.books.expect(std::move(told_then));
  if (retried)
    retries_.start(std::move(whole), first, to, id_);
  else
    pool_.send(id_, [this, x = std::move(whole), to, who = id_]() mutable { pool_.accept(std::move(x), to, who); });
}

void caller::told(const std::vector<stamp>& marks, bool restarts, const content& x) {
  auto why = std::get_if<failure>(&x);
  auto kind = why == nullptr                     ? claim_kind::there
              : why->outcome != outcome::unknown ? claim_kind::absent
              : restarts                         ? claim_kind::unknown
                                                 : claim_kind::all_or_nothing;
  all_.books.claim_that({kind, marks, describe(x), all_.now()});
}

// -- sessions ----------------------------------------------------------------------

void caller::use_session() {
  awaited();
  auto& story = *stories_.emplace_back(std::make_unique<session_story>(all_, pool_, id_, random_.next(), row()));
  story.start([this, mine = incarnation_](session_id old) {
    if (mine != incarnation_)
      return;
    if (old != session_id{})
      old_sessions_.push_back(old);
    one_done();
  });
}

/// Comes with a session that has ended: must be refused.
void caller::come_late() {
  auto mark = all_.marks.add(all_.marks.new_use(), true, false);
  session_command what;
  what.session = old_sessions_[random_.below(old_sessions_.size())];
  what.text = statement_for(operation::add, mark, row());
  expectation told_then;
  told_then.what = "a statement for an old session";
  told_then.caller = id_;
  told_then.due = all_.now();
  awaited();
  told_then.then = [this, mark](const content& x) {
    auto why = std::get_if<failure>(&x);
    if (why == nullptr || why->code != errc::session_ended)
      all_.log.object("a session that was checked in is used: " + describe(x));
    all_.books.claim_that({claim_kind::absent, {mark}, "its session had ended", all_.now()});
    one_done();
  };
  auto to = all_.books.expect(std::move(told_then));
  pool_.send(id_, [this, x = std::move(what), to, who = id_]() mutable { pool_.command(std::move(x), to, who); });
}

} // namespace cenote::simulation
