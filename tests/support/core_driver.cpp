#include "support/core_driver.hpp"

namespace cenote::test {

namespace {

std::string number(connection_id x) {
  return std::to_string(static_cast<uint64_t>(x));
}

std::string number(pool::request_id x) {
  return std::to_string(static_cast<uint64_t>(x));
}

std::string to_text(liveness_check x) {
  switch (x) {
  case liveness_check::none:
    return "none";
  case liveness_check::peek:
    return "peek";
  case liveness_check::ping:
    return "ping";
  }
  return "invalid";
}

struct writer {
  std::string operator()(const pool::open_connection& x) const {
    return "open " + number(x.id) + (x.server == 0 ? "" : " at " + std::to_string(x.server));
  }
  std::string operator()(const pool::close_connection& x) const { return "close " + number(x.id); }
  std::string operator()(const pool::ping_connection& x) const { return "ping " + number(x.id); }
  std::string operator()(const pool::check_caller& x) const { return "check caller of " + number(x.id); }
  std::string operator()(const pool::requeue& x) const { return "requeue behind " + number(x.id); }
  std::string operator()(const pool::grant_connection& x) const {
    return "grant " + number(x.request) + " to " + number(x.connection) + " (" + to_text(x.check) + ")";
  }
  std::string operator()(const pool::fail_request& x) const {
    return "fail " + number(x.request) + " (" + to_string(x.failure.code) + ")";
  }
  std::string operator()(const pool::finish&) const { return "finish"; }
};

void append(std::string& all, const std::string& more) {
  if (!all.empty() && !more.empty())
    all += ", ";
  all += more;
}

} // namespace

std::string to_text(const pool::commands& xs) {
  std::string result;
  for (auto& x : xs)
    append(result, std::visit(writer{}, x));
  return result;
}

pool_settings quiet_rules(size_t size, size_t max_overflow) {
  pool_settings result;
  result.size = size;
  result.max_overflow = max_overflow;
  result.keepalive = result.keepalive.zero();
  result.recycle = result.recycle.zero();
  result.idle_timeout = result.idle_timeout.zero();
  return result;
}

std::string core_driver::wait(pool::duration x) {
  watches_ = false;
  return pass_with_ticks(x);
}

std::string core_driver::wait_and_watch(pool::duration x) {
  watches_ = true;
  return pass_with_ticks(x);
}

std::string core_driver::tick() {
  auto todo = core_->tick(now_);
  if (!watches_)
    std::erase_if(todo, [](auto& x) { return std::holds_alternative<pool::check_caller>(x); });
  return done(todo);
}

std::string core_driver::pass_with_ticks(pool::duration x) {
  std::string result;
  auto end = now_ + x;
  // More ticks than any test needs: the pool does not let time pass.
  auto ticks = 0;
  for (auto next = core_->next_event(); next <= end && ticks < 100'000; next = core_->next_event(), ++ticks) {
    now_ = std::max(now_, next);
    append(result, tick());
  }
  if (ticks == 100'000)
    append(result, "ticks without end");
  now_ = end;
  return result;
}

std::string core_driver::acquire(pool::time_point deadline, bool fail_fast, bool shareable) {
  auto number = ++last_request_;
  auto& who = requests_[number];
  who = {pool::request_id{number}, now_, deadline, fail_fast, 0, shareable};
  return done(core_->acquire(who, now_));
}

std::string core_driver::open_failed(uint64_t id, errc code, const std::string& text) {
  failure why;
  why.code = code;
  why.outcome = code == errc::login_refused ? outcome::rejected : outcome::unavailable;
  why.text = text;
  return done(core_->open_failed(connection_id{id}, why, now_));
}

std::string core_driver::returned(uint64_t id, const std::string& reason) {
  auto who = requests_.at(users_.at(id));
  who.id = pool::request_id{++last_request_};
  ++who.attempts;
  requests_[last_request_] = who;
  return done(core_->returned(connection_id{id}, reason, who, now_));
}

std::string core_driver::requeued(uint64_t request) {
  auto who = requests_.at(request);
  who.id = pool::request_id{++last_request_};
  requests_[last_request_] = who;
  return done(core_->requeued(connection_id{places_.at(request)}, who, now_));
}

void core_driver::warm_up(size_t count) {
  start();
  for (uint64_t id = 1; id <= count; ++id)
    opened(id);
}

std::vector<std::string> core_driver::rebuild(uint64_t first, size_t count) {
  std::vector<std::string> result;
  for (auto id = first; id < first + count; ++id) {
    result.push_back(opened(id));
    append(result.back(), wait(std::chrono::milliseconds{20}));
  }
  return result;
}

std::string core_driver::done(const pool::commands& xs) {
  for (auto& x : xs) {
    if (auto granted = std::get_if<pool::grant_connection>(&x)) {
      users_[static_cast<uint64_t>(granted->connection)] = static_cast<uint64_t>(granted->request);
      places_[static_cast<uint64_t>(granted->request)] = static_cast<uint64_t>(granted->connection);
      waited_[static_cast<uint64_t>(granted->request)] = granted->waited;
    } else if (auto failed = std::get_if<pool::fail_request>(&x)) {
      errors_[static_cast<uint64_t>(failed->request)] = failed->failure;
    }
  }
  return to_text(xs);
}

} // namespace cenote::test
