#include "support/core_driver.hpp"

namespace cenote::test {

namespace {

std::string number(connection_id id) {
  return std::to_string(static_cast<uint64_t>(id));
}

std::string number(pool::request_id id) {
  return std::to_string(static_cast<uint64_t>(id));
}

std::string to_text(liveness_check check) {
  switch (check) {
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
  std::string operator()(const pool::open_connection& command) const {
    return "open " + number(command.id) + (command.server == 0 ? "" : " at " + std::to_string(command.server));
  }
  std::string operator()(const pool::close_connection& command) const { return "close " + number(command.id); }
  std::string operator()(const pool::ping_connection& command) const { return "ping " + number(command.id); }
  std::string operator()(const pool::check_caller& command) const { return "check caller of " + number(command.id); }
  std::string operator()(const pool::requeue& command) const { return "requeue behind " + number(command.id); }
  std::string operator()(const pool::grant_connection& command) const {
    return "grant " + number(command.request) + " to " + number(command.connection) + " (" + to_text(command.check)
           + ")";
  }
  std::string operator()(const pool::fail_request& command) const {
    return "fail " + number(command.request) + " (" + to_string(command.failure.code) + ")";
  }
  std::string operator()(const pool::finish&) const { return "finish"; }
};

void append(std::string& all, const std::string& more) {
  if (!all.empty() && !more.empty())
    all += ", ";
  all += more;
}

} // namespace

std::string to_text(const pool::commands& commands) {
  std::string result;
  for (auto& command : commands)
    append(result, std::visit(writer{}, command));
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

std::string core_driver::wait(pool::duration span) {
  watches_ = false;
  return pass_with_ticks(span);
}

std::string core_driver::wait_and_watch(pool::duration span) {
  watches_ = true;
  return pass_with_ticks(span);
}

std::string core_driver::tick() {
  auto issued = core_->tick(now_);
  if (!watches_)
    std::erase_if(issued, [](auto& command) { return std::holds_alternative<pool::check_caller>(command); });
  return done(issued);
}

std::string core_driver::pass_with_ticks(pool::duration span) {
  std::string result;
  auto end = now_ + span;
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

std::string core_driver::acquire(pool::time_point deadline, bool fail_fast, bool shareable, bool priority) {
  auto number = ++last_request_;
  auto& request = requests_[number];
  request = {pool::request_id{number}, now_, deadline, fail_fast, 0, shareable, priority};
  return done(core_->acquire(request, now_));
}

std::string core_driver::open_failed(uint64_t id, errc code, const std::string& text) {
  failure reason;
  reason.code = code;
  reason.outcome = code == errc::login_refused ? outcome::rejected : outcome::unavailable;
  reason.text = text;
  return done(core_->open_failed(connection_id{id}, reason, now_));
}

std::string core_driver::returned(uint64_t id, const std::string& reason) {
  auto request = requests_.at(users_.at(id));
  request.id = pool::request_id{++last_request_};
  ++request.attempts;
  requests_[last_request_] = request;
  return done(core_->returned(connection_id{id}, reason, request, now_));
}

std::string core_driver::requeued(uint64_t request) {
  auto moved = requests_.at(request);
  moved.id = pool::request_id{++last_request_};
  requests_[last_request_] = moved;
  return done(core_->requeued(connection_id{places_.at(request)}, moved, now_));
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

std::string core_driver::done(const pool::commands& issued) {
  for (auto& command : issued) {
    if (auto granted = std::get_if<pool::grant_connection>(&command)) {
      users_[static_cast<uint64_t>(granted->connection)] = static_cast<uint64_t>(granted->request);
      places_[static_cast<uint64_t>(granted->request)] = static_cast<uint64_t>(granted->connection);
      waited_[static_cast<uint64_t>(granted->request)] = granted->waited;
    } else if (auto failed = std::get_if<pool::fail_request>(&command)) {
      errors_[static_cast<uint64_t>(failed->request)] = failed->failure;
    }
  }
  return to_text(issued);
}

} // namespace cenote::test
