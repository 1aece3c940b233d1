#include "integration/db_support.hpp"

#include "support/server.hpp"

#include <stdexcept>
#include <thread>

#include <poll.h>

namespace cenote::test {

namespace {

std::string describe(const db::driver_error& x) {
  return x.text + " (" + std::to_string(x.number) + ")";
}

} // namespace

db::connection open(const server_settings& target) {
  auto result = db::connection::open(target);
  if (!result)
    throw std::runtime_error("cannot connect: " + describe(result.error()));
  return std::move(*result);
}

db::driver_error fail_to_open(const server_settings& target) {
  auto result = db::connection::open(target);
  if (result)
    throw std::runtime_error("a connect succeeded that must not");
  return std::move(result.error());
}

db::progress advance(db::connection& x, db::progress now) {
  pollfd fd{x.socket(), 0, 0};
  if (now != db::progress::want_write)
    fd.events |= POLLIN;
  if (now != db::progress::want_read)
    fd.events |= POLLOUT;
  if (::poll(&fd, 1, 10'000) != 1)
    throw std::runtime_error("an operation makes no progress");
  auto failed = (fd.revents & (POLLERR | POLLHUP)) != 0;
  return x.resume(failed || (fd.revents & POLLIN) != 0, failed || (fd.revents & POLLOUT) != 0);
}

tl::expected<result, db::driver_error> finish(db::connection& x, db::progress now) {
  while (now != db::progress::done)
    now = advance(x, now);
  return x.take();
}

tl::expected<result, db::driver_error> attempt(db::connection& x, const statement& query) {
  return finish(x, x.start_execute(query));
}

result run(db::connection& x, const statement& query) {
  auto done = attempt(x, query);
  if (!done)
    throw std::runtime_error(query.sql.substr(0, 200) + ": " + describe(done.error()));
  return std::move(*done);
}

result run(db::connection& x, std::string sql) {
  return run(x, write(std::move(sql)));
}

std::vector<tl::expected<result, db::driver_error>> pipeline(db::connection& x, const std::vector<statement>& queries) {
  std::vector<tl::expected<result, db::driver_error>> outcomes;
  size_t begun = 0;
  while (outcomes.size() < queries.size()) {
    for (; begun < queries.size() && begun < outcomes.size() + 16 && x.can_send(); ++begun)
      if (auto wrong = x.send(queries[begun]))
        throw std::runtime_error("refused: " + wrong->text);
    x.flush();
    outcomes.push_back(finish(x, x.next()));
  }
  return outcomes;
}

db::driver_error fail(db::connection& x, const statement& query) {
  auto done = attempt(x, query);
  if (done)
    throw std::runtime_error(query.sql.substr(0, 200) + ": succeeded, but must not");
  return std::move(done.error());
}

db::driver_error fail(db::connection& x, std::string sql) {
  return fail(x, write(std::move(sql)));
}

const std::vector<std::string> all_sql_modes{"", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES",
                                             "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"};

db::connection open_with_mode(const std::string& mode) {
  auto result = open(shared_server().settings());
  run(result, write("SET sql_mode = ?", mode));
  return result;
}

void await(const std::function<bool()>& condition) {
  stopwatch since;
  while (!condition()) {
    if (since.elapsed() > std::chrono::seconds{10})
      throw std::runtime_error("what was waited for does not happen");
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
}

size_t sessions(db::connection& control, uint64_t id, std::string_view text) {
  auto rows = run(control, read("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ? AND "
                                "(? = '' OR INSTR(INFO, ?) > 0)",
                                id, text, text));
  return rows[0].get<size_t>(0);
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

} // namespace cenote::test
