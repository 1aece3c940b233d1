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

void connection_core::begin(grant&& granted, ticket answer_to, time_point now) {
  at(now);
  if (is_gone())
    output_.add(connection_command::return_grant{answer_to, std::move(granted), "the connection has just been lost"});
  else if (granted.request.shareable)
    share(std::move(granted), answer_to);
  else
    begin_alone({answer_to, std::move(granted)});
}

void connection_core::begin_alone(held_grant held) {
  assert(is<activity::idle>());
  output_.ended = 1; // By the time of the next report.
  if (held.content.request.deadline <= now_) {
    state_ = activity::checking{std::move(held)};
    answer_in_time();
    release(disposition::reusable);
  } else if (held.content.check != liveness_check::none && !link_->alive()) {
    state_ = activity::checking{std::move(held)};
    check_failed("the server had closed the connection");
  } else if (link_->lacks_database() || held.content.check == liveness_check::ping) {
    auto limit = std::min(held.content.request.deadline, held.content.latest_start);
    start_check(std::move(held), limit);
  } else {
    start_work(std::move(held));
  }
}

/// Makes a round trip, or selects the database again if it exists by now.
/// @param limit when the request that waits for the check has to begin. Even if that request leaves, the ping keeps the
/// time that a server may take: an impatient caller must not cost the pool a connection that is merely slow.
void connection_core::start_check(std::optional<held_grant> first, time_point limit) {
  state_ = activity::checking{std::move(first)};
  limit_until(later(now_, patience_));
  wake(limit);
  drive(link_->lacks_database() ? link_->start_reset() : link_->start_ping());
}

void connection_core::ping(time_point now) {
  at(now);
  if (!is<activity::idle>())
    return; // Lost at this moment: the loss has been reported, or will be.
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
  auto reason =
      own_failure(errc::connection_lost, outcome::unknown, "the pool closed the connection while the statement ran");
  auto never_sent = own_failure(errc::shutting_down, outcome::unavailable,
                                "the pool closed the connection before the statement was sent");
  shared_.fail(reason, never_sent);
  auto of_session = outcome::rejected;
  if (session_) {
    lose_failed_step();
    of_session = if_session_ends();
  }
  if (is<activity::running>())
    answer_running(std::move(reason));
  else if (auto check = as<activity::checking>(); check != nullptr && check->first)
    output_.add(connection_command::answer{check->first->answer_to, std::move(never_sent)});
  state_ = activity::gone{}; // Nothing must begin any more.
  if (session_)
    end_session("the pool closed its connection", of_session);
  end();
}

void connection_core::fail(const std::string& reason, time_point now) {
  now_ = std::max(now, now_);
  driving_ = false;
  next_progress_.reset();
  auto failed = own_failure(errc::internal, outcome::unknown, "an exception inside cenote: " + reason);
  shared_.fail(failed, failed);
  if (is_gone())
    return;
  if (!leaves_work_behind()) // Otherwise `release` does so.
    output_.add(connection_command::end_server_session{});
  if (is<activity::running>())
    answer_running(failed);
  else if (auto check = as<activity::checking>(); check != nullptr && check->first)
    output_.add(connection_command::answer{check->first->answer_to, failed});
  output_.ended = std::max<uint32_t>(output_.ended, 1);
  release(disposition::broken, failed.text);
}

// -- progress ------------------------------------------------------------------------

void connection_core::ready(bool readable, bool writable, time_point now) {
  at(now);
  if (expected_ > 0)
    drive(link_->resume(readable, writable));
  else if (!is_gone() && !link_->alive()) // Unsolicited data from the server: it hangs up.
    release(disposition::lost, "the server closed the connection while it was idle");
}

void connection_core::end_turn(time_point now) {
  at(now);
  if (!shared_.under_way())
    return;
  link_->flush();
  drive_shared(link_->next());
}

/// Continues an operation, and those that follow from its end. These do not nest, however many there are.
void connection_core::drive(db::progress progress) {
  if (shared_.under_way()) {
    drive_shared(progress);
    return;
  }
  if (driving_) {
    next_progress_ = progress;
    return;
  }
  driving_ = true;
  for (std::optional next{progress}; next; next = std::exchange(next_progress_, std::nullopt))
    drive_once(*next);
  driving_ = false;
}

void connection_core::drive_once(db::progress progress) {
  if (progress == db::progress::done) {
    expected_ = 0;
    finished();
    return;
  }
  expected_ = 1;
  want(progress != db::progress::want_write, progress != db::progress::want_read);
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
      begin_sharing(); // Even if no request is left.
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

/// The request that was granted the connection alone has not begun in time.
void connection_core::answer_in_time() {
  auto first = std::exchange(std::get<activity::checking>(state_).first, std::nullopt);
  auto& request = first->content.request;
  auto of_pool = first->content.latest_start < request.deadline || std::holds_alternative<lease>(request.work);
  auto reason = own_failure(of_pool ? errc::acquire_timeout : errc::statement_timeout,
                            of_pool ? outcome::unavailable : outcome::not_sent,
                            "the request's time was up before its connection was ready; nothing was sent");
  output_.add(connection_command::answer{first->answer_to, of_request(std::move(reason), first->content)});
}

void connection_core::took_too_long() {
  if (is<activity::checking>()) {
    check_failed("the server did not answer a ping in time");
  } else if (is<activity::pinging>()) {
    release(disposition::lost, "the server did not answer a ping in time");
  } else if (is<activity::stopping>()) {
    give_up("a statement was not stopped within " + seconds(patience_));
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

/// Whether the server may be at work: on a statement of its user, or on a reset after it.
bool connection_core::may_be_running() const {
  return is<activity::running>() || is<activity::sharing>() || is<activity::stopping>() || is<activity::resetting>();
}

/// Whether the server, if it does not notice the end of the connection, would go on with a statement or keep the locks
/// of a transaction. After an error a transaction may be open without being reported: that is assumed if the connection
/// has been cut.
bool connection_core::leaves_work_behind() const {
  return may_be_running() || link_->in_transaction() || (was_cut() && reuse_.requires_reset());
}

bool connection_core::was_cut() const {
  return !link_->usable() || !link_->alive();
}

/// The result of the running statement is no longer needed. The connection may be used again when the statement is over
/// and the server has confirmed the stop, which would otherwise hit the next statement.
/// @param work is concluded then, for a session that goes on.
void connection_core::stop_on_server(std::optional<client_request> work) {
  // After an error the server does not report whether a transaction is open.
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
  // A late stop would hit the next statement: this ping absorbs it.
  state_ = activity::pinging{stop.succeeded, std::move(stop.work)};
  limit_until(later(now_, patience_));
  drive(link_->start_ping());
}

/// If the stop was not sent, and never will be, the connection is kept where that is possible: the statement is over,
/// or is superseded and may go on, as it merely takes time.
void connection_core::stop_failed(bool maybe_sent, time_point now) {
  at(now);
  auto stop = as<activity::stopping>();
  if (stop == nullptr)
    return;
  if (maybe_sent) {
    give_up("the server has not confirmed that it has stopped a statement");
    return;
  }
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

/// The connection is unusable though it has not been lost.
void connection_core::give_up(const std::string& reason) {
  if (shared_.under_way())
    lose_shared(disposition::broken, own_failure(errc::connection_lost, outcome::unknown, reason));
  else
    release(disposition::broken, reason);
}

// -- its end, and reports --------------------------------------------------------------

/// The connection is no longer in use: undoes its user's changes, then it is free.
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
  auto is_reported = first || shared_.waiting(); // By the returned requests.
  state_ = activity::gone{};
  end();
  if (first)
    output_.add(connection_command::return_grant{first->answer_to, std::move(first->content), reason});
  shared_.return_waiting(reason);
  if (!is_reported)
    output_.report(disposition::lost, reason);
}

/// The use of the connection has ended.
/// @param kind whether it may be used again.
void connection_core::release(disposition kind, std::string reason) {
  if (auto& retired = reuse_.retired(); retired && kind == disposition::reusable) {
    kind = retired->disposition; // Statements sent before still had to be answered.
    reason = retired->reason;
  }
  if (kind == disposition::reusable) {
    assert(!session_);
    if (shared_.waiting()) { // They arrived during the reset or ping.
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
  // However healthy the connection looks, the network may be cut without the server noticing; unless the server has
  // just reported that it is read-only.
  if (leaves_work_behind() && (was_cut() || kind != disposition::demoted))
    output_.add(connection_command::end_server_session{});
  state_ = activity::gone{}; // Nothing must begin any more.
  if (session_)
    end_session("its connection was lost (" + reason + ")", of_session);
  end();
  output_.report(kind, reason);
  shared_.return_waiting(reason);
}

/// If it is unusable for others, and all statements sent have been answered: reports that.
bool connection_core::leaves_if_retired() {
  auto leave = reuse_.retired();
  if (!leave)
    return false;
  release(leave->disposition, leave->reason);
  return true;
}

/// It is healthy and waits for work. If no request on it has succeeded for a while, it is reported as suspect.
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

// -- exclusive work --------------------------------------------------------------------

void connection_core::start_work(held_grant held) {
  if (auto query = std::get_if<statement>(&held.content.request.work)) {
    reuse_.begin();
    reuse_.note_statement(query->sql);
    // A copy stays in the grant, in case the connection turns out to be dead.
    client_request work{*query, held.answer_to};
    run(std::move(work), std::move(held));
  } else if (std::holds_alternative<transaction>(held.content.request.work)) {
    start_transaction(std::move(held));
  } else {
    start_session(std::move(held));
  }
}

void connection_core::start_transaction(held_grant held) {
  auto& request = std::get<transaction>(held.content.request.work);
  uint32_t index = 0;
  if (auto problem = pool::problem_of(request, index); !problem.empty()) {
    auto refused = own_failure(errc::invalid_statement, outcome::rejected, problem);
    if (!request.statements.empty())
      refused.statement_index = index;
    output_.add(connection_command::answer{held.answer_to, of_request(std::move(refused), held.content)});
    release(disposition::reusable);
    return;
  }
  reuse_.begin();
  for (auto& query : request.statements)
    reuse_.note_statement(query.sql);
  client_request work{request, link_->is_mariadb() && pool::fits_compound(request), held.answer_to};
  run(std::move(work), std::move(held));
}

void connection_core::run(client_request work, std::optional<held_grant> origin) {
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

void connection_core::follow(after_step::conclude& concluded) {
  conclude(concluded.open);
}

void connection_core::follow(after_step::done&) {
  job_done();
}

void connection_core::follow(after_step::never_began& unbegun) {
  state_ = activity::checking{std::move(unbegun.origin)};
  check_failed(unbegun.reason);
}

void connection_core::follow(after_step::leave& departed) {
  if (session_)
    lose_failed_step();
  std::get<activity::running>(state_).work.answer(output_);
  release(departed.cause.disposition, std::move(departed.cause.reason));
}

/// The client has its answer, and the connection is healthy.
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

/// The running work is no longer waited for.
void connection_core::answer_running(failure reason) {
  std::get<activity::running>(state_).work.cut(output_, std::move(reason), link_->in_transaction());
}

// -- sharing ---------------------------------------------------------------------------

void connection_core::share(grant&& granted, ticket answer_to) {
  auto check = granted.check;
  auto limit = std::min(granted.request.deadline, granted.latest_start);
  shared_.add(answer_to, std::move(granted));
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

/// Hands all statements that can be sent now to the link.
void connection_core::send_waiting() {
  if (is<activity::sharing>() && !reuse_.retired() && !is_changed(*link_))
    shared_.send(*link_, now_);
}

/// Takes the answers that have arrived, and sends more statements meanwhile.
void connection_core::drive_shared(db::progress progress) {
  size_t answers = 0;
  for (; progress == db::progress::done; ++answers) {
    first_done();
    send_waiting();
    if (!shared_.under_way())
      break;
    link_->flush();
    progress = link_->next();
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
  want(progress != db::progress::want_write, progress != db::progress::want_read);
  shared_.report_progress();
  stop_if_cancelled();
}

/// The answer to the first statement has arrived.
void connection_core::first_done() {
  if (auto stop = as<activity::stopping>())
    stop->for_first = false;
  if (auto loss = shared_.finish_first(*link_, reuse_, now_))
    lose_shared(loss->disposition, loss->of_sent);
}

/// All statements sent have been answered.
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

/// Stops the first statement if its result is no longer needed.
void connection_core::stop_if_cancelled() {
  if (!shared_.first_is_cancelled())
    return;
  auto stop = as<activity::stopping>();
  if (is<activity::sharing>() || (stop != nullptr && stop->confirmed && !stop->for_first))
    stop_on_server(std::nullopt);
}

/// Answers statements that were sent, and hands back the others. If cenote gave up the connection itself, reads get
/// another one.
/// @param reason what is known about a statement that was sent.
void connection_core::lose_shared(disposition kind, const failure& reason) {
  shared_.lose(link_->unsent(), kind == disposition::broken, reason);
  release(kind, reason.text);
}

void connection_core::requeue_waiting(time_point now) {
  at(now);
  // The ping before use is made for the first statement.
  shared_.requeue(is<activity::checking>());
}

} // namespace cenote
