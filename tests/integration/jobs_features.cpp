#define CAF_SUITE jobs.features

#include "job_tables/statements.hpp"
#include "support/jobs_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <stop_token>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

struct features_fixture : jobs_fixture {
  /// A handler that does what the payload says.
  void obey(const job_queue& queue) {
    handle<count_up>(queue, [this](auto& work, auto& context) -> job_answer {
      ++begun;
      if (work.how == "fail")
        return job_retry("as told", 10ms);
      if (work.how == "fail once" && context.attempt == 1)
        return job_retry("as told", 10ms);
      if (work.how == "discard")
        return job_discard("as told");
      if (work.how == "snooze once" && context.attempt == 1)
        return job_snooze(20ms, "not yet");
      if (work.how == "throw" && context.attempt == 1)
        throw std::runtime_error{"as told"};
      if (work.how == "bad effect")
        return job_done(write("INSERT INTO done VALUES (?, 1)", work.number),
                        write("INSERT INTO no_such_table VALUES (1)"));
      if (work.how == "follow")
        return job_done(enqueue(make_job(count_up{work.number + 1})));
      return job_done(write("INSERT INTO done VALUES (?, ?)", work.number, context.attempt));
    });
  }

  job_status done(const job_queue& queue, const job& work) {
    return must_queue<job_status>(queue, await_atom_v, must_queue<job_id>(queue, submit_atom_v, work));
  }

  job_state state_of(const job_queue& queue, const job_id& id) {
    return must_queue<job_status>(queue, job_status_atom_v, id).state;
  }

  /// Waits until all nodes, which have begun by then, have renewed their leases so often.
  void await_renewals(int times) {
    auto longer = std::chrono::duration_cast<std::chrono::microseconds>(quick().lease / 3 * times);
    auto since = number("SELECT MAX(lease_until) FROM cenote_job_node");
    if (!eventually([&] { return number("SELECT MIN(lease_until) FROM cenote_job_node") >= since + longer.count(); }))
      throw std::runtime_error{"a node does not renew its lease"};
  }

  std::atomic<int> begun{0};
};

/// Waits until a handler is told that its work is in vain.
bool await_stop(const std::stop_token& stop) {
  std::promise<void> told;
  std::stop_callback tell{stop, [&told] { told.set_value(); }};
  return told.get_future().wait_for(patience) == std::future_status::ready;
}

job_backoff quickly() {
  return {1ms, 10ms};
}

} // namespace

BEGIN_FIXTURE_SCOPE(features_fixture)

SCENARIO("attempts that fail are repeated, and at last the job is discarded") {
  GIVEN("a queue with a handler") {
    auto queue = start_queue();
    obey(queue);
    WHEN("an attempt fails once") {
      auto ended = done(queue, make_job(count_up{1, "fail once"}));
      THEN("the second one does it") {
        CHECK(ended.state == job_state::done);
        CHECK_EQ(ended.attempt, 2u);
        CHECK_EQ(number("SELECT attempt FROM done WHERE number = 1"), 2);
      }
    }
    WHEN("all attempts fail") {
      begun = 0;
      auto ended = done(queue, make_job(count_up{2, "fail"}).attempted_at_most(3));
      THEN("it is discarded, with the reason") {
        CHECK(ended.state == job_state::discarded);
        CHECK_EQ(ended.attempt, 3u);
        CHECK_EQ(ended.error, "attempt 3, the last one, failed: as told");
        CHECK_EQ(begun.load(), 3);
      }
      THEN("an operator may have it done again") {
        CHECK(ask_queue<void>(queue, rerun_atom_v, ended.id));
        auto again = must_queue<job_status>(queue, await_atom_v, ended.id);
        CHECK(again.state == job_state::discarded);
        CHECK_EQ(again.attempt, 6u);
      }
    }
    WHEN("its handler discards it, or puts it off") {
      CHECK(done(queue, make_job(count_up{3, "discard"})).state == job_state::discarded);
      auto put_off = done(queue, make_job(count_up{4, "snooze once"}).attempted_at_most(1));
      THEN("a pause is no failure") {
        CHECK(put_off.state == job_state::done);
        CHECK_EQ(put_off.attempt, 2u);
      }
    }
    WHEN("an effect is refused") {
      auto ended = done(queue, make_job(count_up{5, "bad effect"}).attempted_at_most(2).with_backoff(quickly()));
      THEN("none has happened, and the reason is kept") {
        CHECK(ended.state == job_state::discarded);
        CHECK(ended.error.find("no_such_table") != std::string::npos);
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 5"), 0);
      }
    }
    WHEN("an effect is another job") {
      done(queue, make_job(count_up{6, "follow"}));
      THEN("that one is done as well") {
        CHECK(eventually([&] { return number("SELECT COUNT(*) FROM done WHERE number = 7") == 1; }));
      }
    }
  }
}

SCENARIO("attempts that follow each other at once are all known to their node") {
  GIVEN("many jobs that come back without a pause") {
    auto settings = quick();
    settings.queues[0].max_running = 50;
    auto queue = start_queue(settings);
    handle<count_up>(queue, [](auto& work, auto& context) {
      if (context.attempt < 6)
        return context.attempt % 2 == 0 ? job_retry("as told", 0ns) : job_snooze(0ns);
      return job_done(write("INSERT INTO done VALUES (?, ?)", work.number, context.attempt));
    });
    std::vector<job> works;
    for (auto i = 0; i < 200; ++i)
      works.push_back(make_job(count_up{i}));
    auto ids = must_queue<std::vector<job_id>>(queue, submit_atom_v, works);
    THEN("none is left behind") {
      for (auto& id : ids)
        CHECK(must_queue<job_status>(queue, await_atom_v, id).state == job_state::done);
      CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE attempt = 6"), 200);
      CHECK_EQ(must_queue<job_queue_status>(queue, status_atom_v).lost, 0u);
    }
  }
}

SCENARIO("a handler that ends, never answers, or cannot read its payload fails the attempt") {
  GIVEN("a queue") {
    auto queue = start_queue();
    WHEN("the handler throws, and another one takes its place") {
      obey(queue);
      auto id = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1, "throw"}).with_backoff(quickly()));
      CHECK(eventually([&] { return must_queue<job_status>(queue, job_status_atom_v, id).attempt == 1; }));
      obey(queue);
      THEN("that one does the job") {
        CHECK(must_queue<job_status>(queue, await_atom_v, id).state == job_state::done);
      }
    }
    WHEN("the handler does not answer in time") {
      std::atomic<bool> told{false};
      std::promise<void> release;
      auto released = release.get_future().share();
      auto slow = system().spawn<caf::detached>([&told]() -> job_handler<count_up>::behavior_type {
        return {[&told](const count_up&, const job_context& context) -> caf::result<job_answer> {
          told = await_stop(context.stop);
          return job_done(write("INSERT INTO done VALUES (99, 1)"));
        }};
      });
      queue.on<count_up>(slow);
      auto ended = done(queue, make_job(count_up{1}).within(100ms).attempted_at_most(1));
      THEN("it is told to stop, and its late answer has no effect") {
        CHECK(ended.state == job_state::discarded);
        CHECK(ended.error.find("time limit of 100 ms") != std::string::npos);
        CHECK(eventually([&] { return told.load(); }));
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 99"), 0);
      }
    }
    WHEN("the payload is that of another version") {
      obey(queue);
      begun = 0;
      auto old = make_job(count_up{1}).attempted_at_most(1);
      old.payload = "{\"number\": \"seven\"}";
      auto ended = done(queue, old);
      THEN("the error says what does not fit") {
        CHECK(ended.state == job_state::discarded);
        CHECK(ended.error.find("number") != std::string::npos);
        CHECK_EQ(begun.load(), 0);
      }
      auto without_field = make_job(count_up{12});
      without_field.payload = "{\"number\": 12}";
      CHECK(done(queue, without_field).state == job_state::done);
    }
    WHEN("nobody here does such jobs") {
      auto id = must_queue<job_id>(queue, submit_atom_v, make_job(other_work{1}));
      obey(queue);
      done(queue, make_job(count_up{1}));
      THEN("they wait for another node") {
        CHECK(state_of(queue, id) == job_state::waiting);
        auto other = start_queue();
        handle<other_work>(other, [](auto&, auto&) { return job_done(); });
        CHECK(must_queue<job_status>(queue, await_atom_v, id).state == job_state::done);
      }
    }
  }
}

SCENARIO("jobs that cannot be stored are refused") {
  GIVEN("a queue") {
    auto queue = start_queue();
    THEN("each answer says why") {
      auto nameless = make_job(count_up{1});
      nameless.kind.clear();
      auto refused = ask_queue<job_id>(queue, submit_atom_v, nameless);
      REQUIRE(!refused);
      CHECK(refused.error().code == errc::invalid_job);
      auto late = ask_queue<job_status>(queue, await_atom_v, make_job_id());
      REQUIRE(!late);
      CHECK(late.error().code == errc::no_such_job);
      auto unknown = ask_queue<void>(queue, cancel_atom_v, make_job_id());
      REQUIRE(!unknown);
      CHECK(unknown.error().code == errc::no_such_job);
    }
  }
}

SCENARIO("a unique key is held as long as its scope says") {
  GIVEN("a queue without handlers") {
    auto queue = start_queue();
    auto with_key = [](int n) { return make_job(count_up{n}).unique("manga 42"); };
    WHEN("a second job with the key is submitted") {
      auto first = must_queue<job_id>(queue, submit_atom_v, with_key(1));
      auto second = must_queue<job_id>(queue, submit_atom_v, with_key(2));
      THEN("it is the first one") {
        CHECK_EQ(first, second);
      }
      THEN("a job of another kind does not hold it") {
        CHECK(must_queue<job_id>(queue, submit_atom_v, make_job(other_work{1}).unique("manga 42")) != first);
      }
      THEN("among many jobs each gets the id of its holder") {
        auto ids = must_queue<std::vector<job_id>>(queue, submit_atom_v,
                                                   std::vector<job>{make_job(count_up{5}), with_key(6), with_key(7)});
        CHECK(ids[0] != first);
        CHECK_EQ(ids[1], first);
        CHECK_EQ(ids[2], first);
      }
      THEN("the key is free when the job has ended") {
        obey(queue);
        must_queue<job_status>(queue, await_atom_v, first);
        CHECK(must_queue<job_id>(queue, submit_atom_v, with_key(3)) != first);
      }
    }
    WHEN("the key is held while the job waits") {
      CHECK(ask_queue<void>(queue, pause_atom_v, std::string{"default"}));
      std::promise<void> go;
      auto first =
          must_queue<job_id>(queue, submit_atom_v, make_job(count_up{11}).unique("key", unique_scope::waiting));
      CHECK_EQ(must_queue<job_id>(queue, submit_atom_v, make_job(count_up{2}).unique("key", unique_scope::waiting)),
               first);
      auto begun_here = std::make_shared<std::promise<void>>();
      auto may_end = go.get_future().share();
      queue.on<count_up>(system().spawn<caf::detached>([begun_here, may_end]() -> job_handler<count_up>::behavior_type {
        return {[begun_here, may_end](const count_up& work, const job_context&) -> caf::result<job_answer> {
          if (work.number == 11) {
            begun_here->set_value();
            may_end.wait();
          }
          return job_done();
        }};
      }));
      CHECK(ask_queue<void>(queue, resume_atom_v, std::string{"default"}));
      begun_here->get_future().wait();
      THEN("the next one may be stored once it runs") {
        CHECK(must_queue<job_id>(queue, submit_atom_v, make_job(count_up{3}).unique("key", unique_scope::waiting))
              != first);
      }
      go.set_value();
      must_queue<job_status>(queue, await_atom_v, first);
    }
    WHEN("the key is held for a time") {
      obey(queue);
      auto first = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1}).unique_within("held key", 1h));
      must_queue<job_status>(queue, await_atom_v, first);
      THEN("it is held beyond the end of the job") {
        CHECK_EQ(must_queue<job_id>(queue, submit_atom_v, make_job(count_up{2}).unique_within("held key", 1h)), first);
      }
    }
  }
}

SCENARIO("jobs are done in the order of priority and time") {
  GIVEN("jobs that wait") {
    auto settings = quick();
    settings.queues[0].max_running = 1;
    auto queue = start_queue(settings);
    auto at = [](int n, int32_t priority) { return make_job(count_up{n}).with_priority(priority); };
    must_queue<std::vector<job_id>>(queue, submit_atom_v,
                                    std::vector<job>{at(1, 0), at(2, -5), at(3, 10), at(4, 10), at(5, 0)});
    must_queue<job_id>(queue, submit_atom_v, make_job(other_work{6}).with_priority(5));
    WHEN("a worker does one after the other") {
      std::mutex mutex;
      std::vector<int> order;
      auto note = [&](int n) {
        std::lock_guard guard{mutex};
        order.push_back(n);
        return job_done();
      };
      handle<count_up>(queue, [&](auto& work, auto&) { return note(work.number); });
      handle<other_work>(queue, [&](auto& work, auto&) { return note(work.number); });
      CHECK(eventually([&] {
        std::lock_guard guard{mutex};
        return order.size() == 6;
      }));
      THEN("those of a higher priority come first, over all kinds") {
        // The first claim may come before the second kind is known.
        auto place = [&](int n) { return std::ranges::find(order, n) - order.begin(); };
        CHECK(place(3) < place(4));
        CHECK(place(4) < place(1));
        CHECK(place(1) < place(5));
        CHECK(place(5) < place(2));
      }
    }
  }
}

SCENARIO("a job waits for its time") {
  GIVEN("a job for later") {
    auto queue = start_queue();
    obey(queue);
    stopwatch watch;
    auto id = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1}).after(400ms));
    CHECK(state_of(queue, id) == job_state::scheduled);
    auto ended = must_queue<job_status>(queue, await_atom_v, id);
    THEN("it is done then, not earlier") {
      CHECK(watch.elapsed() >= 400ms);
      CHECK(*ended.started_at >= ended.created_at + 400ms);
    }
  }
}

SCENARIO("a job is cancelled before it runs") {
  GIVEN("a queue") {
    auto queue = start_queue();
    WHEN("the job waits") {
      auto id = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1}));
      CHECK(ask_queue<void>(queue, cancel_atom_v, id));
      obey(queue);
      done(queue, make_job(count_up{2}));
      THEN("it is never done") {
        CHECK(must_queue<job_status>(queue, await_atom_v, id).state == job_state::cancelled);
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 1"), 0);
        CHECK(!ask_queue<void>(queue, cancel_atom_v, id));
      }
    }
  }
}

SCENARIO("a job is cancelled while it runs") {
  GIVEN("a queue that only submits, and a worker") {
    WHEN("the job runs on the other node") {
      auto queue = start_queue();
      auto worker = start_queue();
      auto stopped = std::make_shared<std::promise<void>>();
      auto running = std::make_shared<std::promise<void>>();
      worker.on<count_up>(system().spawn<caf::detached>([=]() -> job_handler<count_up>::behavior_type {
        return {[=](const count_up&, const job_context& context) -> caf::result<job_answer> {
          running->set_value();
          if (await_stop(context.stop))
            stopped->set_value();
          return job_done(write("INSERT INTO done VALUES (1, 1)"));
        }};
      }));
      auto id = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1}));
      running->get_future().wait();
      CHECK(ask_queue<void>(queue, cancel_atom_v, id));
      THEN("its handler learns that, and nothing takes effect") {
        CHECK(stopped->get_future().wait_for(patience) == std::future_status::ready);
        CHECK(must_queue<job_status>(queue, await_atom_v, id).state == job_state::cancelled);
        CHECK(eventually([&] { return must_queue<job_queue_status>(worker, status_atom_v).lost == 1; }));
        CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 1"), 0);
      }
    }
  }
}

SCENARIO("a job follows when all jobs of its batch have ended") {
  GIVEN("a batch of which one job fails for good") {
    auto queue = start_queue();
    obey(queue);
    job_batch batch;
    for (auto i = 0; i < 20; ++i)
      batch.jobs.push_back(make_job(count_up{i, i == 7 ? "discard" : ""}));
    batch.then = make_job(count_up{100});
    auto last = must_queue<job_id>(queue, submit_atom_v, batch);
    THEN("the job that follows is done last") {
      auto ended = must_queue<job_status>(queue, await_atom_v, last);
      CHECK(ended.state == job_state::done);
      CHECK_EQ(
          number(
              "SELECT COUNT(*) FROM cenote_job WHERE ended_at > "
              + std::to_string(
                  std::chrono::duration_cast<std::chrono::microseconds>(ended.started_at->time_since_epoch()).count())),
          1);
      CHECK_EQ(number("SELECT COUNT(*) FROM done"), 20);
    }
  }
}

SCENARIO("nothing has to end before the job that follows an empty batch") {
  GIVEN("an empty batch") {
    auto queue = start_queue();
    obey(queue);
    job_batch batch;
    batch.then = make_job(count_up{100});
    auto last = must_queue<job_id>(queue, submit_atom_v, batch);
    THEN("the job follows at once") {
      CHECK(must_queue<job_status>(queue, await_atom_v, last).state == job_state::done);
    }
  }
}

SCENARIO("a queue is paused on all nodes") {
  GIVEN("two nodes") {
    auto first = start_queue();
    auto second = start_queue();
    obey(second);
    CHECK(ask_queue<void>(first, pause_atom_v, std::string{"default"}));
    auto id = must_queue<job_id>(first, submit_atom_v, make_job(count_up{1}));
    caf::anon_send(static_cast<const job_queue_actor&>(second), wake_atom_v);
    THEN("nothing is begun until it is resumed") {
      await_renewals(1); // Later than the longest pause between two looks.
      CHECK(state_of(first, id) == job_state::waiting);
      CHECK(ask_queue<void>(first, resume_atom_v, std::string{"default"}));
      CHECK(must_queue<job_status>(first, await_atom_v, id).state == job_state::done);
    }
  }
}

SCENARIO("limits hold over all nodes together") {
  GIVEN("two nodes and a limit of two running jobs of one kind") {
    auto settings = quick();
    settings.queues[0].limits = {{std::string{caf::to_string(caf::type_name_v<count_up>)}, 2, 0}};
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    std::vector<job_queue> nodes{start_queue(settings), start_queue(settings)};
    for (auto& node : nodes)
      for (auto i = 0; i < 1; ++i)
        node.on<count_up>(
            system().spawn([&](job_handler<count_up>::pointer self) -> job_handler<count_up>::behavior_type {
              return {[&, self](const count_up&, const job_context&) -> caf::result<job_answer> {
                auto now_running = ++running;
                for (auto seen = most.load(); seen < now_running && !most.compare_exchange_weak(seen, now_running);)
                  ;
                auto promise = self->make_response_promise<job_answer>();
                self->run_delayed(20ms, [&, promise]() mutable {
                  --running;
                  promise.deliver(job_done());
                });
                return promise;
              }};
            }));
    std::vector<job> works;
    for (auto i = 0; i < 30; ++i)
      works.push_back(make_job(count_up{i}));
    auto ids = must_queue<std::vector<job_id>>(nodes[0], submit_atom_v, works);
    THEN("no more than two run at any time, and all are done") {
      for (auto& id : ids)
        CHECK(must_queue<job_status>(nodes[1], await_atom_v, id).state == job_state::done);
      CHECK_LE(most.load(), 2);
      CHECK_GE(most.load(), 1);
    }
  }
}

SCENARIO("a rate holds over all nodes together") {
  GIVEN("a rate of 20 per second") {
    auto settings = quick();
    settings.queues[0].limits = {{"", 0, 20}};
    auto queue = start_queue(settings);
    obey(queue);
    std::vector<job> works;
    for (auto i = 0; i < 20; ++i)
      works.push_back(make_job(count_up{i}));
    auto ids = must_queue<std::vector<job_id>>(queue, submit_atom_v, works);
    THEN("ten begin at once, the others one after the other") {
      for (auto& id : ids)
        must_queue<job_status>(queue, await_atom_v, id);
      auto span = number("SELECT MAX(started_at) - MIN(started_at) FROM cenote_job");
      CHECK_GE(span, 400'000);
    }
  }
}

SCENARIO("periodic jobs are submitted once over all nodes") {
  GIVEN("three nodes and a job each second") {
    std::vector<job_queue> nodes{start_queue(), start_queue(), start_queue()};
    obey(nodes[1]);
    periodic_job tick{"tick", every(1s), make_job(count_up{1}), missed_times::skip};
    for (auto& node : nodes)
      CHECK(ask_queue<void>(node, submit_atom_v, tick));
    THEN("each time gives one job") {
      CHECK(eventually([&] { return number("SELECT COUNT(*) FROM done") >= 3; }));
      CHECK_EQ(number("SELECT COUNT(*) - COUNT(DISTINCT run_at) FROM cenote_job"), 0);
      CHECK_EQ(number("SELECT COUNT(*) FROM cenote_job WHERE run_at % 1000000 <> 0"), 0);
      CHECK(ask_queue<void>(nodes[0], cancel_atom_v, std::string{"tick"}));
      CHECK(!ask_queue<void>(nodes[0], cancel_atom_v, std::string{"tick"}));
    }
    THEN("one that cannot be stored is refused") {
      auto wrong = tick;
      wrong.when = cron("61 * * * *");
      auto refused = ask_queue<void>(nodes[0], submit_atom_v, wrong);
      REQUIRE(!refused);
      CHECK(refused.error().code == errc::invalid_job);
    }
  }
}

SCENARIO("a handler may end its job in a session of its own") {
  GIVEN("a handler that reads before it writes") {
    auto queue = start_queue();
    must(admin(), write("INSERT INTO done VALUES (1000, 0)"));
    auto pool = start_pool(server.settings(), rules_for(2));
    queue.on<count_up>(system().spawn<caf::detached>([pool](job_handler<count_up>::pointer self)
                                                         -> job_handler<count_up>::behavior_type {
      return {[self, pool](const count_up& work, const job_context& context) -> caf::result<job_answer> {
        auto promise = self->make_response_promise<job_answer>();
        auto failed = [promise](const caf::error& error) mutable { promise.deliver(error); };
        self->request(pool, caf::infinite, checkout_atom_v, session_options{})
            .then(
                [=](session_id session) {
                  // Requests of a session are carried out in their order.
                  self->request(pool, caf::infinite, begin_atom_v, session, transaction_options{}).then([] {}, failed);
                  self->request(pool, caf::infinite, execute_atom_v, session, begin_job(context))
                      .then([](const result&) {}, failed);
                  self->request(pool, caf::infinite, execute_atom_v, session,
                                write("INSERT INTO done SELECT ?, MAX(number) FROM done d", work.number))
                      .then([](const result&) {}, failed);
                  for (auto& statement : finish_job(context, "\"ok\""))
                    self->request(pool, caf::infinite, execute_atom_v, session, statement)
                        .then([](const result&) {}, failed);
                  if (work.how != "forget")
                    self->request(pool, caf::infinite, commit_atom_v, session).then([] {}, failed);
                  self->request(pool, caf::infinite, checkin_atom_v, session)
                      .then([promise]() mutable { promise.deliver(job_stored()); }, failed);
                },
                failed);
        return promise;
      }};
    }));
    THEN("the job is done with what it wrote") {
      auto ended = done(queue, make_job(count_up{3}));
      CHECK(ended.state == job_state::done);
      CHECK_EQ(ended.result, "\"ok\"");
      CHECK_EQ(number("SELECT attempt FROM done WHERE number = 3"), 1000);
    }
    THEN("one that did not commit has failed") {
      auto ended = done(queue, make_job(count_up{4, "forget"}).attempted_at_most(1));
      CHECK(ended.state == job_state::discarded);
      CHECK_EQ(number("SELECT COUNT(*) FROM done WHERE number = 4"), 0);
    }
  }
}

SCENARIO("a node that loses its lease loses its jobs, and works on under another name") {
  GIVEN("a node with a job that runs") {
    auto settings = quick();
    settings.node = "alpha";
    auto first = start_queue(settings);
    auto running = std::make_shared<std::promise<void>>();
    auto stopped = std::make_shared<std::promise<void>>();
    first.on<count_up>(system().spawn<caf::detached>([=]() -> job_handler<count_up>::behavior_type {
      return {[=](const count_up&, const job_context& context) -> caf::result<job_answer> {
        if (context.attempt > 1) // Under its new name it may get the job again.
          return job_done(write("INSERT INTO done VALUES (1, ?)", context.attempt));
        running->set_value();
        await_stop(context.stop);
        stopped->set_value();
        return job_done(write("INSERT INTO done VALUES (1, 1)"));
      }};
    }));
    auto id = must_queue<job_id>(first, submit_atom_v, make_job(count_up{1}).with_backoff(quickly()));
    running->get_future().wait();
    auto name = must_queue<job_queue_status>(first, status_atom_v).node;
    WHEN("the server has forgotten it") {
      auto second = start_queue();
      must(admin(), write("DELETE FROM cenote_job_node WHERE node = ?", name));
      obey(second);
      THEN("the job is begun again, and done once") {
        auto ended = must_queue<job_status>(second, await_atom_v, id);
        CHECK(ended.state == job_state::done);
        CHECK_EQ(ended.attempt, 2u);
        CHECK(stopped->get_future().wait_for(patience) == std::future_status::ready);
        CHECK(eventually([&] { return must_queue<job_queue_status>(first, status_atom_v).node != name; }));
        CHECK_EQ(number("SELECT COUNT(*) FROM done"), 1);
        CHECK_EQ(number("SELECT attempt FROM done"), 2);
      }
    }
  }
}

SCENARIO("a transaction that keeps a job locked delays nothing but that job") {
  GIVEN("a job whose node is gone, while a transaction of it is still open") {
    auto first = start_queue();
    auto running = std::make_shared<std::promise<void>>();
    first.on<count_up>(system().spawn<caf::detached>([=]() -> job_handler<count_up>::behavior_type {
      return {[=](const count_up&, const job_context& context) -> caf::result<job_answer> {
        running->set_value();
        await_stop(context.stop);
        return job_done();
      }};
    }));
    auto id = must_queue<job_id>(first, submit_atom_v, make_job(count_up{1}).with_backoff(quickly()));
    running->get_future().wait();
    session_user worker{system(), start_pool(server.settings(), rules_for(1))};
    auto session = worker.checkout();
    worker.begin(session);
    worker.must(session, job_tables::fence({id, 1}));
    caf::anon_send_exit(first, caf::exit_reason::kill);
    must(admin(), write("DELETE FROM cenote_job_node"));
    WHEN("another node looks for lost jobs") {
      auto second = start_queue();
      obey(second);
      auto other = done(second, make_job(count_up{2}));
      THEN("it waits for none, and takes the job when it is free") {
        CHECK(other.state == job_state::done);
        await_renewals(3); // There is a round of housekeeping with each.
        CHECK(state_of(second, id) == job_state::running);
        CHECK_EQ(number("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"), 0);
        CHECK_EQ(must_queue<job_queue_status>(second, status_atom_v).database_errors, 0u);
        worker.ask_rollback(session);
        CHECK(must_queue<job_status>(second, await_atom_v, id).state == job_state::done);
      }
    }
  }
}

SCENARIO("a queue that drains ends what it has begun and gives the rest back") {
  GIVEN("a node with one quick and one endless job") {
    auto queue = start_queue();
    queue.on<count_up>(system().spawn([](job_handler<count_up>::pointer self) -> job_handler<count_up>::behavior_type {
      return {[self](const count_up& work, const job_context&) -> caf::result<job_answer> {
        auto promise = self->make_response_promise<job_answer>();
        self->run_delayed(work.how == "endless" ? 4s : 200ms, [promise]() mutable { promise.deliver(job_done()); });
        return promise;
      }};
    }));
    auto quick_one = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1}));
    auto endless = must_queue<job_id>(queue, submit_atom_v, make_job(count_up{2, "endless"}).attempted_at_most(1));
    CHECK(eventually([&] { return must_queue<job_queue_status>(queue, status_atom_v).running == 2; }));
    CHECK(ask_queue<void>(queue, drain_atom_v, caf::timespan{1s}));
    THEN("another node finds the rest at once, and the attempt does not count") {
      auto other = start_queue();
      CHECK(state_of(other, quick_one) == job_state::done);
      obey(other);
      CHECK(must_queue<job_status>(other, await_atom_v, endless).state == job_state::done);
      CHECK_EQ(number("SELECT COUNT(*) FROM cenote_job_node"), 1);
    }
  }
}

END_FIXTURE_SCOPE()
