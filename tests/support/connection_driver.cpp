#include "support/connection_driver.hpp"

#include "types/time.hpp"

#include <algorithm>
#include <utility>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;

/// The link to a scripted server: every operation waits until the test delivers its answer.
class scripted_link : public db::server_link {
public:
  explicit scripted_link(scripted_server& server) : server_{server} {
    // nop
  }

  bool is_mariadb() const noexcept override { return true; }
  bool alive() const noexcept override { return server_.alive; }
  db::progress start_ping() override { return start("ping"); }
  db::progress start_execute(const statement& query) override { return start("run " + query.sql); }
  db::progress start_compound(const transaction& request) override {
    return start("run compound of " + std::to_string(request.statements.size()));
  }
  db::progress start_reset() override {
    server_.in_transaction = false;
    server_.touched = false;
    return start("reset");
  }

  db::progress resume(bool, bool) override {
    server_.under_way.pop_front();
    return db::progress::done;
  }

  tl::expected<result, db::driver_error> take() override { return server_.next_answer; }

  tl::expected<std::vector<result>, db::driver_error> take_compound() override {
    if (!server_.next_answer)
      return tl::unexpected{server_.next_answer.error()};
    return std::vector<result>{};
  }

  std::optional<db::driver_error> send(const statement& query) override {
    start("send " + query.sql);
    return std::nullopt;
  }

  bool can_send() const noexcept override { return true; }
  void flush() override {
    // nop
  }
  db::progress next() override { return db::progress::want_read; }
  size_t unsent() const noexcept override { return server_.unsent; }
  bool in_transaction() const noexcept override { return server_.in_transaction || server_.autocommit_off; }
  bool has_open_transaction() const noexcept override { return server_.in_transaction; }
  bool is_touched() const noexcept override { return server_.touched; }
  bool lacks_database() const noexcept override { return server_.lacks_database; }
  bool usable() const noexcept override { return server_.usable; }

private:
  db::progress start(const std::string& operation) {
    server_.asked.push_back(operation);
    server_.under_way.push_back(operation);
    return db::progress::want_read;
  }

  scripted_server& server_;
};

std::string to_text(const connection_command::answer& command) {
  auto content = std::string{"done"};
  if (auto reason = std::get_if<failure>(&command.content))
    content = to_string(reason->code) + " " + to_string(reason->outcome);
  else if (std::holds_alternative<result>(command.content))
    content = "result";
  else if (std::holds_alternative<std::vector<result>>(command.content))
    content = "results";
  else if (std::holds_alternative<session_id>(command.content))
    content = "session";
  return "answer " + std::to_string(static_cast<uint64_t>(command.to)) + ": " + content;
}

std::string to_text(const connection_command::return_grant& command) {
  return "return " + std::to_string(static_cast<uint64_t>(command.of));
}

std::string to_text(const connection_command::requeue_grant& command) {
  return "requeue " + std::to_string(static_cast<uint64_t>(command.of));
}

std::string to_text(const connection_command::report& command) {
  constexpr const char* names[] = {"reusable", "lost", "broken", "demoted", "suspect", "evicted"};
  auto& content = command.content;
  return std::string{"report "} + names[static_cast<size_t>(content.disposition)] + " (" + std::to_string(content.ended)
         + (content.requeued > 0 ? " + " + std::to_string(content.requeued) : "") + ")";
}

std::string to_text(const connection_command::stop_statement&) {
  return "stop";
}

std::string to_text(const connection_command::end_server_session&) {
  return "end";
}

std::string to_text(const connection_command::warn_of_leak& command) {
  return "leak: " + command.last_statement;
}

std::string to_text(const connection_command::warn_of_unclaimed&) {
  return "unclaimed";
}

} // namespace

connection_driver::connection_driver() : core_{std::make_unique<scripted_link>(server), 5s} {
  // nop
}

grant connection_driver::made(work_item work) const {
  grant granted;
  granted.request.work = std::move(work);
  granted.request.accepted = now_;
  granted.request.attempts = 1;
  granted.latest_start = now_ + 30s;
  return granted;
}

std::string connection_driver::give(uint64_t request, work_item work, std::chrono::nanoseconds limit) {
  auto granted = made(std::move(work));
  granted.request.deadline = deadline_after(now_, limit);
  return event([&] { core_.begin(std::move(granted), ticket{request}, now_); });
}

std::string connection_driver::give(uint64_t request, work_item work, liveness_check check) {
  auto granted = made(std::move(work));
  granted.check = check;
  return event([&] { core_.begin(std::move(granted), ticket{request}, now_); });
}

std::string connection_driver::share(uint64_t request, const statement& query) {
  auto granted = made(query);
  granted.request.shareable = true;
  granted.request.deadline = deadline_after(now_, query.timeout);
  return event([&] { core_.begin(std::move(granted), ticket{request}, now_); });
}

std::string connection_driver::check_out(uint64_t request, const session_options& options) {
  lease terms;
  terms.id = session_id{7};
  terms.options = options;
  terms.leak_warning = 30s;
  return give(request, terms);
}

std::string connection_driver::execute(uint64_t request, const statement& query) {
  return event([&] {
    core_.execute({session_id{7}, session_command::action::execute, query, {}, {}}, ticket{request}, now_);
  });
}

std::string connection_driver::begin(uint64_t request) {
  return event([&] {
    core_.execute({session_id{7}, session_command::action::begin, {}, {}, {}}, ticket{request}, now_);
  });
}

std::string connection_driver::commit(uint64_t request) {
  return event([&] {
    core_.execute({session_id{7}, session_command::action::commit, {}, {}, {}}, ticket{request}, now_);
  });
}

std::string connection_driver::answer_comes(tl::expected<result, db::driver_error> outcome) {
  if (server.under_way.empty())
    return "nothing is under way";
  server.next_answer = std::move(outcome);
  return event([&] { core_.ready(true, false, now_); });
}

std::string connection_driver::ok() {
  return answer_comes(result{});
}

std::string connection_driver::fails(uint32_t number, const std::string& sqlstate) {
  return answer_comes(
      tl::unexpected{db::driver_error{db::error_source::server, db::phase::waiting, number, sqlstate, "error", 0}});
}

std::string connection_driver::not_prepared() {
  return answer_comes(
      tl::unexpected{db::driver_error{db::error_source::not_prepared, db::phase::waiting, 1243, "HY000", "error", 0}});
}

std::string connection_driver::lost() {
  server.usable = false;
  return fails(2013);
}

std::string connection_driver::not_sent() {
  server.usable = false;
  return answer_comes(
      tl::unexpected{db::driver_error{db::error_source::server, db::phase::sending, 2006, "HY000", "gone", 0}});
}

std::string connection_driver::hangs_up() {
  server.alive = false;
  return event([&] { core_.ready(true, false, now_); });
}

std::string connection_driver::wait(std::chrono::nanoseconds span) {
  std::string all;
  auto end = now_ + span;
  for (;;) {
    auto next = core_.next_event();
    if (next > end)
      break;
    now_ = std::max(now_, next);
    auto done = event([&] { core_.tick(now_); });
    if (!done.empty())
      all += (all.empty() ? "" : ", ") + done;
  }
  now_ = end;
  return all;
}

std::string connection_driver::take() {
  std::vector<std::string> parts = std::exchange(server.asked, {});
  for (auto& command : core_.take_commands())
    parts.push_back(std::visit([](auto& each) { return to_text(each); }, command));
  std::string all;
  for (auto& part : parts)
    all += (all.empty() ? "" : ", ") + part;
  return all;
}

} // namespace cenote::test
