#include "connection/connection_core.hpp"

#include "connection/seconds.hpp"
#include "pool/sql_rules.hpp"
#include "types/time.hpp"

#include <cassert>
#include <utility>

namespace cenote {

connection_core::connection_core(std::unique_ptr<db::server_link> link, std::chrono::nanoseconds patience)
    : link_{std::move(link)}, patience_{patience} {
  assert(link_);
}

time_point connection_core::next_event() const noexcept {
  if (is_gone())
    return time_point::max();
  return std::min({wake_at_, shared_.next_event(), session_ ? session_->next_event() : time_point::max()});
}

void connection_core::at(time_point now) {
  assert(now >= now_);
  check_invariants();
  now_ = now;
}

void connection_core::check_invariants() const {
  assert(is_gone() == !link_);
  assert(!is_gone() || (!session_ && !shared_.waiting() && !shared_.under_way() && expected_ == 0));
  assert(!is<activity::idle>() || (!session_ && !shared_.waiting() && !shared_.under_way()));
  assert(!is<activity::leased>() || session_);
  assert(!is<activity::sharing>() || shared_.under_way());
  assert(!shared_.under_way() || is<activity::sharing>() || is<activity::stopping>());
  assert(!shared_.under_way() || !session_);
}

// -- from the pool and the holder of a session -------------------------------------

void connection_core::begin(grant what, ticket answer_to, time_point now) {
  at(now);
  if (is_gone())
    output_.add(connection_command::return_grant{answer_to, std::move(what), "the connection has just been lost"});
  else if (what.request.shareable)
    share(std::move(what), answer_to);
  else
    begin_alone({answer_to, std::move(what)});
}

void connection_core::begin_alone(held_grant x) {
  assert(is<activity::idle>());
  output_.ended = 1; // By the time of the next report.
  if (x.content.request.deadline <= now_) {
    state_ = activity::checking{std::move(x)};
    answer_in_time();
    release(disposition::reusable);
  } else if (x.content.check != liveness_check::none && !link_->alive()) {
    state_ = activity::checking{std::move(x)};
    check_failed("the server had closed the connection");
  } else if (link_->lacks_database() || x.content.check == liveness_check::ping) {
    auto limit = std::min(x.content.request.deadline, x.content.latest_start);
    start_check(std::move(x), limit);
  } else {
    start_work(std::move(x));
  }
}

/// Makes a round trip, or selects the database again if that is there by now.
/// @param limit when the request that it is made for has to begin. Whatever becomes of that one, the ping is given the
/// time that a server may take: a caller in a hurry must not cost the pool a connection that is only slow.
void connection_core::start_check(std::optional<held_grant> first, time_point limit) {
  state_ = activity::checking{std::move(first)};
  limit_until(later(now_, patience_));
  wake(limit);
  drive(link_->lacks_database() ? link_->start_reset() : link_->start_ping());
}

void connection_core::ping(time_point now) {
  at(now);
  if (!is<activity::idle>())
    return; // Lost at this moment: the pool will be told, or was.
  state_ = activity::pinging{};
  limit_until(later(now_, patience_));
  drive(link_->start_ping());
}

void connection_core::check_callers(std::span<const ticket> ended, bool holder_ended, time_point now) {
  at(now);
  if (session_) {
    if (holder_ended)
      end_session("its holder has ended"); // After it had checked the session in.
    else if (auto held = session_->leak(now_))
      output_.add(connection_command::warn_of_leak{session_->id(), session_->owner(), *held,
                                                   pool::without_secrets(session_->last_statement())});
    return;
  }
  if (shared_.waiting() || shared_.under_way()) {
    shared_.check_callers(ended, now_);
    stop_if_cancelled();
  }
  auto alone = as<activity::running>();
  if (alone == nullptr || std::ranges::find(ended, alone->work.content().answer_to()) == ended.end())
    return;
  answer_running(caller_has_ended(outcome::unknown));
  stop_on_server(std::nullopt);
}

void connection_core::close(time_point now) {
  at(now);
  if (is_gone())
    return;
  if (leaves_work_behind())
    output_.add(connection_command::end_server_session{});
  auto why =
      own_failure(errc::connection_lost, outcome::unknown, "the pool closed the connection while the statement ran");
  auto never_sent = own_failure(errc::shutting_down, outcome::unavailable,
                                "the pool closed the connection before the statement was sent");
  shared_.fail(why, never_sent);
  auto of_session = outcome::rejected;
  if (session_) {
    lose_failed_step();
    of_session = if_session_ends();
  }
  if (is<activity::running>())
    answer_running(std::move(why));
  else if (auto check = as<activity::checking>(); check != nullptr && check->first)
    output_.add(connection_command::answer{check->first->answer_to, std::move(never_sent)});
  state_ = activity::gone{}; // So that nothing is begun any more.
  if (session_)
    end_session("the pool closed its connection", of_session);
  end();
}

void connection_core::fail(const std::string& reason, time_point now) {
  now_ = std::max(now, now_);
  driving_ = false;
  next_progress_.reset();
  auto why = own_failure(errc::internal, outcome::unknown, "an exception inside cenote: " + reason);
  shared_.fail(why, why);
  if (is_gone())
    return;
  if (!leaves_work_behind()) // Otherwise `release` does it.
    output_.add(connection_command::end_server_session{});
  if (is<activity::running>())
    answer_running(why);
  else if (auto check = as<activity::checking>(); check != nullptr && check->first)
    output_.add(connection_command::answer{check->first->answer_to, why});
  output_.ended = std::max<uint32_t>(output_.ended, 1);
  release(disposition::broken, why.text);
}

// -- progress ------------------------------------------------------------------------

void connection_core::ready(bool readable, bool writable, time_point now) {
  at(now);
  if (expected_ > 0)
    drive(link_->resume(readable, writable));
  else if (!is_gone() && !link_->alive()) // The server said something while nothing was asked: it hangs up.
    release(disposition::lost, "the server closed the connection while it was idle");
}

void connection_core::end_turn(time_point now) {
  at(now);
  if (!shared_.under_way())
    return;
  link_->flush();
  drive_shared(link_->next());
}

/// Goes on with an operation, and with those that follow from its end. These do not nest, however many there are.
void connection_core::drive(db::progress x) {
  if (shared_.under_way()) {
    drive_shared(x);
    return;
  }
  if (driving_) {
    next_progress_ = x;
    return;
  }
  driving_ = true;
  for (std::optional next{x}; next; next = std::exchange(next_progress_, std::nullopt))
    drive_once(*next);
  driving_ = false;
}

void connection_core::drive_once(db::progress x) {
  if (x == db::progress::done) {
    expected_ = 0;
    finished();
    return;
  }
  expected_ = 1;
  want(x != db::progress::want_write, x != db::progress::want_read);
}

void connection_core::finished() {
  if (is<activity::running>()) {
    finish_step();
    return;
  }
  auto outcome = link_->take();
  want(true, false);
  if (auto check = as<activity::checking>()) {
    if (!outcome)
      check_failed(outcome.error().text);
    else if (auto first = std::exchange(check->first, std::nullopt))
      start_work(std::move(*first));
    else
      begin_sharing(); // Even if nobody is left.
  } else if (auto stop = as<activity::stopping>()) {
    stop->over = true;
    stop->succeeded = outcome.has_value();
    stopped();
  } else if (is<activity::resetting>()) {
    finish_reset(outcome);
  } else {
    finish_ping(outcome);
  }
}

void connection_core::finish_ping(const tl::expected<result, db::driver_error>& outcome) {
  auto ping = as<activity::pinging>();
  assert(ping);
  if (!outcome)
    release(disposition::lost, outcome.error().text);
  else if (session_ && ping->work)
    conclude_stopped(std::move(*ping->work), ping->succeeded);
  else
    job_done();
}

void connection_core::want(bool read, bool write) {
  wants_read_ = read;
  wants_write_ = write;
}

// -- time ----------------------------------------------------------------------------

void connection_core::limit_until(time_point limit) {
  busy_until_ = limit;
  wake(limit);
}

void connection_core::tick(time_point now) {
  at(now);
  if (now_ < next_event())
    return;
  wake_at_ = time_point::max();
  if (session_ && session_->is_over_time(now_))
    end_session("its time limit has passed");
  else if (session_ && session_->is_unclaimed(now_)) {
    auto limit = session_->unclaimed_timeout();
    output_.add(connection_command::warn_of_unclaimed{session_->id(), session_->owner(), limit});
    end_session("its holder has not used it within " + seconds(limit));
  }
  if (session_)
    session_->expire(now_, output_);
  auto is_limited = is<activity::checking>() || is<activity::running>() || is<activity::stopping>()
                    || is<activity::pinging>() || is<activity::resetting>();
  if (is_limited && now_ >= busy_until_)
    took_too_long();
  else if (is_limited)
    wake(busy_until_);
  if (auto check = as<activity::checking>(); check != nullptr && check->first) {
    auto limit = std::min(check->first->content.request.deadline, check->first->content.latest_start);
    if (limit <= now_)
      answer_in_time();
    else
      wake(limit);
  }
  if (is_gone())
    return;
  shared_.expire(now_);
  stop_if_cancelled();
}

/// The request that the connection was given for alone has not begun in its time.
void connection_core::answer_in_time() {
  auto first = std::exchange(std::get<activity::checking>(state_).first, std::nullopt);
  auto& request = first->content.request;
  auto of_pool = first->content.latest_start < request.deadline || std::holds_alternative<lease>(request.work);
  auto why = own_failure(of_pool ? errc::acquire_timeout : errc::statement_timeout,
                         of_pool ? outcome::unavailable : outcome::not_sent,
                         "the request's time was up before its connection was ready; nothing was sent");
  output_.add(connection_command::answer{first->answer_to, of_request(std::move(why), first->content)});
}

void connection_core::took_too_long() {
  if (is<activity::checking>()) {
    check_failed("the server did not answer a ping in time");
  } else if (is<activity::pinging>()) {
    release(disposition::lost, "the server did not answer a ping in time");
  } else if (is<activity::stopping>()) {
    give_up("a statement did not end within " + seconds(patience_) + " after it was stopped");
  } else if (is<activity::resetting>()) {
    give_up("the session was not reset within " + seconds(patience_));
  } else if (auto alone = as<activity::running>()) {
    if (session_)
      lose_failed_step();
    answer_running(own_failure(errc::statement_timeout, outcome::unknown,
                               "stopped after its time limit of " + seconds(alone->work.content().limit())));
    stop_on_server(session_ ? std::optional{alone->work.take_content()} : std::nullopt);
  }
}

// -- stopping ------------------------------------------------------------------------

/// Whether the server may be at work for somebody: a statement of its user's, or the end of what that one has left
/// open.
bool connection_core::may_be_running() const {
  return is<activity::running>() || is<activity::sharing>() || is<activity::stopping>() || is<activity::resetting>();
}

/// Whether the server, if it does not notice that the connection has ended, would go on with something, or keep the
/// locks of a transaction. After an error one may be open though nothing says so: that is assumed if the connection has
/// been cut.
bool connection_core::leaves_work_behind() const {
  return may_be_running() || link_->in_transaction() || (was_cut() && reuse_.requires_reset());
}

bool connection_core::was_cut() const {
  return !link_->usable() || !link_->alive();
}

/// The result of what runs is not wanted any more. The connection may be used again when that is over and the server
/// has confirmed the stop, which would otherwise hit the next statement.
/// @param work is concluded then, for a session that goes on.
void connection_core::stop_on_server(std::optional<job> work) {
  // After an error the server does not tell whether a transaction is open.
  if (auto alone = as<activity::running>(); alone != nullptr && alone->work.content().is_transaction())
    reuse_.require_reset();
  state_ = activity::stopping{.work = std::move(work)};
  shared_.stop_made();
  ++output_.stopped;
  limit_until(later(now_, patience_));
  output_.add(connection_command::stop_statement{});
}

void connection_core::stop_confirmed(time_point now) {
  at(now);
  auto stop = as<activity::stopping>();
  if (stop == nullptr)
    return;
  stop->confirmed = true;
  stopped();
  stop_if_cancelled();
}

void connection_core::stopped() {
  auto& stop = std::get<activity::stopping>(state_);
  if (!stop.over || !stop.confirmed)
    return;
  if (!link_->usable()) {
    release(disposition::lost, "the connection was lost while a statement was being stopped");
    return;
  }
  if (leaves_if_retired())
    return;
  // A stop that came too late would hit the next statement: this ping takes it.
  state_ = activity::pinging{stop.succeeded, std::move(stop.work)};
  limit_until(later(now_, patience_));
  drive(link_->start_ping());
}

/// A statement that is superseded may go on: it only takes its time.
void connection_core::stop_failed(time_point now) {
  at(now);
  auto stop = as<activity::stopping>();
  if (stop == nullptr)
    return;
  if (stop->over) {
    stop->confirmed = true;
    stopped();
    return;
  }
  auto first_ended = shared_.under_way() && !stop->for_first;
  if (!first_ended && !shared_.first_is_superseded()) {
    give_up("a statement could not be stopped on the server");
    return;
  }
  if (!first_ended)
    shared_.stop_again_at(later(now_, patience_));
  begin_sharing();
}

/// The connection cannot be used any more though nobody ended it.
void connection_core::give_up(const std::string& reason) {
  if (shared_.under_way())
    lose_shared(disposition::broken, own_failure(errc::connection_lost, outcome::unknown, reason));
  else
    release(disposition::broken, reason);
}

// -- its end, and reports --------------------------------------------------------------

/// Nobody uses the connection any more: undoes what its user has left behind, then it is free.
void connection_core::reset_or_release() {
  if (auto leave = reuse_.departure_after_use()) {
    release(leave->disposition, leave->reason);
  } else if (reuse_.needs_reset(*link_)) {
    reuse_.begin();
    state_ = activity::resetting{};
    limit_until(later(now_, patience_));
    drive(link_->start_reset());
  } else {
    release(disposition::reusable);
  }
}

void connection_core::finish_reset(const tl::expected<result, db::driver_error>& outcome) {
  if (auto leave = reuse_.departure_after_reset(outcome, *link_))
    release(leave->disposition, leave->reason);
  else
    release(disposition::reusable);
}

/// Nothing was sent: the pool finds another connection.
void connection_core::check_failed(const std::string& reason) {
  auto first = std::move(std::get<activity::checking>(state_).first);
  auto is_reported = first || shared_.waiting(); // By what comes back.
  state_ = activity::gone{};
  end();
  if (first)
    output_.add(connection_command::return_grant{first->answer_to, std::move(first->content), reason});
  shared_.return_waiting(reason);
  if (!is_reported)
    output_.report(disposition::lost, reason);
}

/// The use of the connection has ended.
/// @param what whether it may be used again.
void connection_core::release(disposition what, std::string reason) {
  if (auto& retired = reuse_.retired(); retired && what == disposition::reusable) {
    what = retired->disposition; // Until it was free, what was sent before had to be answered.
    reason = retired->reason;
  }
  if (what == disposition::reusable) {
    assert(!session_);
    if (shared_.waiting()) { // They came while it was busy with itself.
      begin_sharing();
    } else {
      state_ = activity::idle{};
      report_free();
    }
    return;
  }
  if (session_)
    lose_failed_step();
  auto of_session = session_ ? if_session_ends() : outcome::rejected;
  // Whatever the connection looks like, the network may be cut, and the server not notice its end; unless it has just
  // said that it is read-only.
  if (leaves_work_behind() && (was_cut() || what != disposition::demoted))
    output_.add(connection_command::end_server_session{});
  state_ = activity::gone{}; // So that nothing is begun any more.
  if (session_)
    end_session("its connection was lost (" + reason + ")", of_session);
  end();
  output_.report(what, reason);
  shared_.return_waiting(reason);
}

/// If it is unusable for others, and what was sent has been answered: reports it as that.
bool connection_core::leaves_if_retired() {
  auto leave = reuse_.retired();
  if (!leave)
    return false;
  release(leave->disposition, leave->reason);
  return true;
}

/// It is in order and waits for work. If nothing that it was given for a while has succeeded, the pool is told.
void connection_core::report_free() {
  if (auto suspicion = reuse_.suspicion())
    output_.report(disposition::suspect, *suspicion);
  else
    output_.report(disposition::reusable);
}

/// Cuts the connection to the server.
void connection_core::end() {
  expected_ = 0;
  want(false, false);
  link_.reset();
}

// -- work for one alone ----------------------------------------------------------------

void connection_core::start_work(held_grant x) {
  if (auto text = std::get_if<statement>(&x.content.request.work)) {
    reuse_.begin();
    reuse_.note_statement(text->sql);
    // A copy stays in the grant, in case that the connection turns out to be dead.
    job work{*text, x.answer_to};
    run(std::move(work), std::move(x));
  } else if (std::holds_alternative<transaction>(x.content.request.work)) {
    start_transaction(std::move(x));
  } else {
    start_session(std::move(x));
  }
}

void connection_core::start_transaction(held_grant x) {
  auto& whole = std::get<transaction>(x.content.request.work);
  uint32_t index = 0;
  if (auto problem = pool::problem_of(whole, index); !problem.empty()) {
    auto refused = own_failure(errc::invalid_statement, outcome::rejected, problem);
    if (!whole.statements.empty())
      refused.statement_index = index;
    output_.add(connection_command::answer{x.answer_to, of_request(std::move(refused), x.content)});
    release(disposition::reusable);
    return;
  }
  reuse_.begin();
  for (auto& text : whole.statements)
    reuse_.note_statement(text.sql);
  job work{whole, link_->is_mariadb() && pool::fits_compound(whole), x.answer_to};
  run(std::move(work), std::move(x));
}

void connection_core::run(job work, std::optional<held_grant> origin) {
  if (origin)
    limit_until(origin->content.request.deadline);
  state_ = activity::running{{std::move(work), std::move(origin)}};
  run_step();
}

void connection_core::run_step() {
  step_began_ = now_;
  drive(std::get<activity::running>(state_).work.start_step(*link_));
}

void connection_core::finish_step() {
  auto outcome = std::get<activity::running>(state_).work.finish_step(*link_, reuse_, output_);
  std::visit([this](auto& next) { follow(next); }, outcome);
}

void connection_core::follow(after_step::next&) {
  run_step();
}

void connection_core::follow(after_step::conclude& x) {
  conclude(x.open);
}

void connection_core::follow(after_step::done&) {
  job_done();
}

void connection_core::follow(after_step::never_began& x) {
  state_ = activity::checking{std::move(x.origin)};
  check_failed(x.reason);
}

void connection_core::follow(after_step::leave& x) {
  if (session_)
    lose_failed_step();
  std::get<activity::running>(state_).work.answer(output_);
  release(x.why.disposition, std::move(x.why.reason));
}

/// The client has its answer, and the connection is in order.
void connection_core::job_done() {
  if (leaves_if_retired())
    return;
  want(true, false);
  if (session_) {
    state_ = activity::leased{};
    next_command();
  } else {
    reset_or_release();
  }
}

/// The work at hand is not waited for any more.
void connection_core::answer_running(failure reason) {
  std::get<activity::running>(state_).work.cut(output_, std::move(reason), link_->in_transaction());
}

// -- sharing ---------------------------------------------------------------------------

void connection_core::share(grant what, ticket answer_to) {
  auto check = what.check;
  auto limit = std::min(what.request.deadline, what.latest_start);
  shared_.add(answer_to, std::move(what));
  if (is<activity::sharing>()) {
    send_waiting();
  } else if (is<activity::idle>()) {
    if (check != liveness_check::none && !link_->alive()) {
      state_ = activity::checking{};
      check_failed("the server had closed the connection");
    } else if (link_->lacks_database() || check == liveness_check::ping) {
      start_check(std::nullopt, limit);
    } else {
      begin_sharing();
    }
  }
  shared_.watch_last_waiting();
}

void connection_core::begin_sharing() {
  state_ = activity::sharing{};
  shared_.expire(now_);
  send_waiting();
  if (!shared_.under_way()) // All were refused, or have left.
    sharing_done();
}

/// Adds what can be sent now to what is sent next.
void connection_core::send_waiting() {
  if (is<activity::sharing>() && !reuse_.retired() && !is_changed(*link_))
    shared_.send(*link_, now_);
}

/// Takes the answers that have come, and sends more meanwhile.
void connection_core::drive_shared(db::progress x) {
  size_t answers = 0;
  for (; x == db::progress::done; ++answers) {
    first_done();
    send_waiting();
    if (!shared_.under_way())
      break;
    link_->flush();
    x = link_->next();
  }
  if (is_gone())
    return;
  shared_.count_answers(answers, now_);
  expected_ = shared_.answers_due();
  if (!shared_.under_way()) {
    want(true, false);
    sharing_done();
    return;
  }
  want(x != db::progress::want_write, x != db::progress::want_read);
  shared_.report_progress();
  stop_if_cancelled();
}

/// The answer to the first statement has come.
void connection_core::first_done() {
  if (auto stop = as<activity::stopping>())
    stop->for_first = false;
  if (auto loss = shared_.finish_first(*link_, reuse_, now_))
    lose_shared(loss->disposition, loss->of_sent);
}

/// Everything that was sent has been answered.
void connection_core::sharing_done() {
  if (auto stop = as<activity::stopping>()) {
    stop->over = true;
    stopped();
  } else if (leaves_if_retired()) {
    return;
  } else if (!shared_.waiting() && !is_changed(*link_)) {
    state_ = activity::idle{};
    report_free();
  } else {
    reset_or_release(); // They left a transaction open, or called a routine that changed the session.
  }
}

/// Stops the first statement if nobody needs it.
void connection_core::stop_if_cancelled() {
  if (!shared_.first_is_cancelled())
    return;
  auto stop = as<activity::stopping>();
  if (is<activity::sharing>() || (stop != nullptr && stop->confirmed && !stop->for_first))
    stop_on_server(std::nullopt);
}

/// Answers what was sent, and hands back what was not. If cenote gave the connection up itself, reads get another one.
/// @param why what is known about a statement that was sent.
void connection_core::lose_shared(disposition what, const failure& why) {
  shared_.lose(link_->unsent(), what == disposition::broken, why);
  release(what, why.text);
}

void connection_core::requeue_waiting(time_point now) {
  at(now);
  // The ping before use is made for the first one.
  shared_.requeue(is<activity::checking>());
}

} // namespace cenote
