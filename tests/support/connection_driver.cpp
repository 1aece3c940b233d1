#include "support/connection_driver.hpp"

#include "types/time.hpp"

#include <algorithm>
#include <utility>

namespace cenote::test {

namespace {

using namespace std::chrono_literals;

/// The link to a scripted server: everything takes until the test lets an answer come.
class scripted_link : public db::server_link {
public:
  explicit scripted_link(scripted_server& server) : server_{server} {
    // nop
  }

  bool is_mariadb() const noexcept override { return true; }
  bool alive() const noexcept override { return server_.alive; }
  db::progress start_ping() override { return start("ping"); }
  db::progress start_execute(const statement& text) override { return start("run " + text.sql); }
  db::progress start_compound(const transaction& whole) override {
    return start("run compound of " + std::to_string(whole.statements.size()));
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

  std::optional<db::driver_error> send(const statement& text) override {
    start("send " + text.sql);
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
  db::progress start(const std::string& what) {
    server_.asked.push_back(what);
    server_.under_way.push_back(what);
    return db::progress::want_read;
  }

  scripted_server& server_;
};

std::string to_text(const connection_command::answer& x) {
  auto content = std::string{"done"};
  if (auto why = std::get_if<failure>(&x.content))
    content = to_string(why->code) + " " + to_string(why->outcome);
  else if (std::holds_alternative<result>(x.content))
    content = "result";
  else if (std::holds_alternative<std::vector<result>>(x.content))
    content = "results";
  else if (std::holds_alternative<session_id>(x.content))
    content = "session";
  return "answer " + std::to_string(static_cast<uint64_t>(x.to)) + ": " + content;
}

std::string to_text(const connection_command::return_grant& x) {
  return "return " + std::to_string(static_cast<uint64_t>(x.of));
}

std::string to_text(const connection_command::requeue_grant& x) {
  return "requeue " + std::to_string(static_cast<uint64_t>(x.of));
}

std::string to_text(const connection_command::report& x) {
  constexpr const char* names[] = {"reusable", "lost", "broken", "demoted", "suspect", "evicted"};
  auto& content = x.content;
  return std::string{"report "} + names[static_cast<size_t>(content.disposition)] + " (" + std::to_string(content.ended)
         + (content.requeued > 0 ? " + " + std::to_string(content.requeued) : "") + ")";
}

std::string to_text(const connection_command::stop_statement&) {
  return "stop";
}

std::string to_text(const connection_command::end_server_session&) {
  return "end";
}

std::string to_text(const connection_command::warn_of_leak& x) {
  return "leak: " + x.last_statement;
}

std::string to_text(const connection_command::warn_of_unclaimed&) {
  return "unclaimed";
}

} // namespace

connection_driver::connection_driver() : core_{std::make_unique<scripted_link>(server), 5s} {
  // nop
}

grant connection_driver::made(work_item what) const {
  grant x;
  x.request.work = std::move(what);
  x.request.accepted = now_;
  x.request.attempts = 1;
  x.latest_start = now_ + 30s;
  return x;
}

std::string connection_driver::give(uint64_t request, work_item what, std::chrono::nanoseconds limit) {
  auto x = made(std::move(what));
  x.request.deadline = deadline_after(now_, limit);
  return event([&] { core_.begin(std::move(x), ticket{request}, now_); });
}

std::string connection_driver::give(uint64_t request, work_item what, liveness_check check) {
  auto x = made(std::move(what));
  x.check = check;
  return event([&] { core_.begin(std::move(x), ticket{request}, now_); });
}

std::string connection_driver::share(uint64_t request, const statement& text) {
  auto x = made(text);
  x.request.shareable = true;
  x.request.deadline = deadline_after(now_, text.timeout);
  return event([&] { core_.begin(std::move(x), ticket{request}, now_); });
}

std::string connection_driver::check_out(uint64_t request, const session_options& how) {
  lease terms;
  terms.id = session_id{7};
  terms.options = how;
  terms.leak_warning = 30s;
  return give(request, terms);
}

std::string connection_driver::execute(uint64_t request, const statement& text) {
  return event([&] {
    core_.execute({session_id{7}, session_command::action::execute, text, {}, {}}, ticket{request}, now_);
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

std::string connection_driver::answer_comes(tl::expected<result, db::driver_error> x) {
  if (server.under_way.empty())
    return "nothing is under way";
  server.next_answer = std::move(x);
  return event([&] { core_.ready(true, false, now_); });
}

std::string connection_driver::ok() {
  return answer_comes(result{});
}

std::string connection_driver::fails(uint32_t number, const std::string& sqlstate) {
  return answer_comes(
      tl::unexpected{db::driver_error{db::error_source::server, db::phase::waiting, number, sqlstate, "error", 0}});
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

std::string connection_driver::wait(std::chrono::nanoseconds x) {
  std::string all;
  auto until = now_ + x;
  for (;;) {
    auto next = core_.next_event();
    if (next > until)
      break;
    now_ = std::max(now_, next);
    auto done = event([&] { core_.tick(now_); });
    if (!done.empty())
      all += (all.empty() ? "" : ", ") + done;
  }
  now_ = until;
  return all;
}

std::string connection_driver::take() {
  std::vector<std::string> parts = std::exchange(server.asked, {});
  for (auto& x : core_.take_commands())
    parts.push_back(std::visit([](auto& y) { return to_text(y); }, x));
  std::string all;
  for (auto& x : parts)
    all += (all.empty() ? "" : ", ") + x;
  return all;
}

} // namespace cenote::test
