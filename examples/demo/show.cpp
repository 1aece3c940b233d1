#include "demo/show.hpp"

#include "cenote/configuration.hpp"
#include "demo/ask.hpp"
#include "demo/outage.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

#include <caf/send.hpp>

namespace demo {

using namespace cenote;
using namespace std::chrono_literals;

namespace {

using clock = display::clock;

/// How many manga each scraper alone writes.
constexpr size_t manga_per_scraper = 3;

settings make_settings(const std::string& uri) {
  settings out;
  out.server = parse_uri(uri);
  // The demo's callers never give up; real ones would after a while.
  out.retry.max_retries = 1000;
  out.retry.initial_delay = 10ms;
  out.retry.max_delay = 500ms;
  return out;
}

/// A pool outside the show: its sessions are not in the database whose sessions are cut.
pool_actor spawn_control(caf::actor_system& sys, server_settings server) {
  server.database.clear();
  pool_settings rules;
  rules.name = "control";
  rules.size = 2;
  return spawn_pool(sys, server, rules);
}

std::string line(const std::string& name, uint64_t number, const std::string& remark) {
  char buffer[128];
  std::snprintf(buffer, sizeof(buffer), "  %-17s %9s%s%s", name.c_str(), grouped(number).c_str(),
                remark.empty() ? "" : "  ", remark.c_str());
  return buffer;
}

} // namespace

show::show(caf::actor_system& sys, app::embedded_server& server, const options& opts)
    : sys_{sys},
      server_{server},
      settings_{make_settings(server.uri())},
      options_{opts},
      screen_{std::chrono::seconds{opts.seconds}} {
  pool_ = spawn_pool(sys, settings_.server, settings_.pool);
  control_ = spawn_control(sys, settings_.server);
  retrier_ = spawn_retrier(sys, spawn_counter(sys, pool_, counters_), settings_.retry);
}

show::~show() {
  for (auto& scraper : scrapers_)
    caf::anon_send_exit(scraper, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(pool_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(control_, caf::exit_reason::user_shutdown);
}

bool show::run(const std::stop_token& cancel) {
  prepare();
  watch(cancel);
  auto promises = collect_promises();
  auto found = audit(sys_, pool_, promises);
  screen_.say(cancel.stop_requested() ? "\ninterrupted; until then:" : "");
  summarise(found, promises);
  return found.lost == 0 && found.doubled == 0 && counters_->failed == 0 && cut_ > 0 && killed_;
}

void show::prepare() {
  auto run = [&](const statement& query) { ask<result>(sys_, pool_, execute_atom_v, query); };
  for (auto& query : make_tables())
    run(query);
  auto rows = make_manga(options_.actors * manga_per_scraper);
  for (auto& query : load(rows))
    run(query);
  auto server = ask<verification>(sys_, pool_, verify_atom_v);
  screen_.say("server   " + server.server_version);
  screen_.say("table    " + grouped(rows.size()) + " manga, such as \"" + rows.front().title + "\"");
  screen_.say("pool     " + grouped(settings_.pool.size) + " connections, " + grouped(settings_.pool.max_overflow)
              + " more while callers wait");
  screen_.say("callers  " + grouped(options_.actors)
              + " actors, each reads and writes one statement after the other\n");
  start_scrapers(rows);
}

void show::start_scrapers(const std::vector<manga>& rows) {
  auto ids = std::make_shared<std::vector<uint32_t>>();
  for (auto& row : rows)
    ids->push_back(row.anilist_id);
  screen_.start();
  for (uint32_t i = 0; i < options_.actors; ++i) {
    assignment work{i, ids, {}};
    for (auto j = i * manga_per_scraper; j < (i + 1) * manga_per_scraper; ++j)
      work.own[rows[j].anilist_id] = rows[j].chapters;
    scrapers_.push_back(spawn_scraper(sys_, retrier_, std::move(work), counters_));
  }
}

/// Shows the numbers; cuts the connections after a third of the time, and kills the server after two.
void show::watch(const std::stop_token& cancel) {
  auto began = clock::now();
  auto end = began + std::chrono::seconds{options_.seconds};
  auto third = std::chrono::milliseconds{1000} * options_.seconds / 3;
  for (auto next = began + screen_.pace(); next <= end && !cancel.stop_requested(); next += screen_.pace()) {
    if (cut_ == 0 && began + third <= next)
      cut_all_connections();
    if (!killed_ && began + 2 * third <= next)
      kill_the_server(cancel);
    std::this_thread::sleep_until(next);
    screen_.update(counters_->answered(), ask<pool_status>(sys_, pool_, status_atom_v));
  }
  seconds_ = std::chrono::duration<double>(clock::now() - began).count();
}

void show::cut_all_connections() {
  cut_ = cut_all_sessions(sys_, control_, settings_.server.database);
  auto began = clock::now();
  screen_.report("all rows were locked; the server has cut all " + std::to_string(cut_) + " connections");
  await_answers(began, "");
}

void show::kill_the_server(const std::stop_token& cancel) {
  server_.crash();
  screen_.report("kill -9: the server is dead, in the middle of its work");
  server_.restart(cancel);
  auto back = clock::now();
  killed_ = true;
  screen_.report("the server has been started again, and has recovered its data");
  await_answers(back, " of that");
}

/// Waits for as many answers as there are callers.
void show::await_answers(clock::time_point since, const std::string& addition) {
  auto enough = counters_->answered() + options_.actors;
  while (counters_->answered() < enough && counters_->failed == 0 && clock::now() < since + 10s)
    std::this_thread::sleep_for(1ms);
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - since).count();
  screen_.report("callers go on: " + grouped(options_.actors) + " answers within " + std::to_string(pause) + " ms"
                 + addition);
}

std::vector<ledger> show::collect_promises() {
  std::vector<ledger> out;
  for (auto& scraper : scrapers_) {
    caf::scoped_actor self{sys_};
    // No timeout of CAF's: a scraper that cannot finish has failed and ended, which is an answer, too.
    self->request(scraper, caf::infinite, finish_atom_v)
        .receive([&out](ledger& answer) { out.push_back(std::move(answer)); }, [](const caf::error&) {});
  }
  return out;
}

void show::summarise(const classification& found, const std::vector<ledger>& promises) {
  uint64_t found_done = 0;
  uint64_t repeated = 0;
  for (auto& promise : promises) {
    found_done += promise.found_done;
    repeated += promise.repeated;
  }
  auto& totals = *counters_;
  auto rate = seconds_ > 0 ? static_cast<uint64_t>(static_cast<double>(totals.answered()) / seconds_) : 0;
  screen_.say(line("statements", totals.answered(), grouped(rate) + " per second"));
  screen_.say(line("reads", totals.reads, ""));
  screen_.say(line("writes", totals.writes, "acknowledged"));
  screen_.say(line("retried", totals.attempts - totals.requests, "by the retrier, unseen by the callers"));
  screen_.say(
      line("unknown outcomes", found_done + repeated,
           "looked up: " + grouped(found_done) + " had been carried out, " + grouped(repeated) + " were done again"));
  screen_.say(line("slowest answer", static_cast<uint64_t>(totals.slowest / 1'000'000), "ms"));
  if (totals.failed > 0)
    screen_.say(line("failed", totals.failed, "callers had to give up"));
  screen_.say("\nlost: " + grouped(found.lost) + "\ndoubled: " + grouped(found.doubled));
}

} // namespace demo
