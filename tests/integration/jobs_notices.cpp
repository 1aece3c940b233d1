#define CAF_SUITE jobs.notices

#include "cenote/node.hpp"
#include "support/jobs_fixture.hpp"

#include <caf/send.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// Nodes that look for jobs once an hour: what is done sooner, they have been told of.
struct notices_fixture : jobs_fixture {
  notices_fixture() : pool{start_pool(server.settings(), rules_for(4))} {}

  ~notices_fixture() {
    for (auto& queue : queues)
      caf::anon_send_exit(queue, caf::exit_reason::user_shutdown);
    for (auto& each : remotes)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }

  job_queue start(const pool_actor& on) {
    job_settings settings;
    settings.poll = 1h;
    settings.poll_longest = 1h;
    return queues.emplace_back(spawn_job_queue(system(), on, settings));
  }

  pool_actor reach(uint16_t port) {
    remote_settings rules;
    rules.nodes = "127.0.0.1:" + std::to_string(port);
    return remotes.emplace_back(connect(system(), rules));
  }

  /// Notes each job; one with `how` is followed by another one, in the same transaction.
  void note_all(const job_queue& queue) {
    handle<count_up>(queue, [](auto& work, auto& context) {
      auto note = write("INSERT INTO done VALUES (?, ?)", work.number, context.attempt);
      if (work.how.empty())
        return job_done(note);
      return job_done(note, enqueue(make_job(count_up{work.number + 1, {}})));
    });
  }

  bool is_done(int number_of_job) {
    auto sql = "SELECT COUNT(*) FROM done WHERE number = " + std::to_string(number_of_job);
    return eventually([&] { return number(sql) == 1; });
  }

  /// Two nodes, after the worker's first look.
  void try_out(const job_queue& submitter, const job_queue& worker) {
    note_all(worker);
    must_queue<job_id>(submitter, submit_atom_v, make_job(count_up{1}));
    REQUIRE(is_done(1));
    for (auto i = 2; i < 5; ++i) {
      must_queue<job_id>(submitter, submit_atom_v, make_job(count_up{i}));
      CHECK(is_done(i));
    }
  }

  pool_actor pool;
  std::vector<job_queue> queues;
  std::vector<pool_actor> remotes;
};

} // namespace

BEGIN_FIXTURE_SCOPE(notices_fixture)

SCENARIO("nodes tell each other of jobs that they do not do themselves") {
  GIVEN("a node that submits, and a node that works, on one pool") {
    auto submitter = start(pool);
    auto worker = start(pool);
    WHEN("jobs are submitted") {
      try_out(submitter, worker);
      THEN("a job that was enqueued by hand is found after wake_atom, on either node") {
        must(pool, enqueue(make_job(count_up{10})));
        caf::anon_send(static_cast<const job_queue_actor&>(submitter), wake_atom_v);
        CHECK(is_done(10));
        must(pool, enqueue(make_job(count_up{11})));
        caf::anon_send(static_cast<const job_queue_actor&>(worker), wake_atom_v);
        CHECK(is_done(11));
      }
      THEN("a paused queue begins jobs when the other node resumes it") {
        CHECK(ask_queue<void>(submitter, pause_atom_v, std::string{"default"}));
        must_queue<job_id>(submitter, submit_atom_v, make_job(count_up{12}));
        CHECK(ask_queue<void>(submitter, resume_atom_v, std::string{"default"}));
        CHECK(is_done(12));
      }
      THEN("a delayed job is begun in time") {
        auto later = make_job(count_up{13});
        later.delay = 100ms;
        must_queue<job_id>(submitter, submit_atom_v, later);
        CHECK(is_done(13));
      }
    }
  }
}

SCENARIO("nodes behind retriers tell each other of jobs") {
  GIVEN("two nodes with a retrier each") {
    auto submitter = start(spawn_retrier(system(), pool));
    auto worker = start(spawn_retrier(system(), pool));
    WHEN("jobs are submitted") {
      try_out(submitter, worker);
    }
  }
}

SCENARIO("nodes tell each other of jobs through the pool node that they share") {
  GIVEN("a pool node with two clients, and a queue beside its pool") {
    node_settings rules;
    rules.listen = "127.0.0.1:0";
    auto node = spawn_node(system(), pool, rules);
    auto submitter = start(reach(node.port));
    auto worker = start(reach(node.port));
    WHEN("jobs are submitted by one of them, and beside the pool") {
      try_out(submitter, worker);
      auto local = start(pool);
      must_queue<job_id>(local, submit_atom_v, make_job(count_up{20}));
      THEN("the other one does them") {
        CHECK(is_done(20));
      }
    }
    caf::anon_send_exit(node.node, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("what follows a job is begun at once") {
  GIVEN("one node") {
    auto queue = start(pool);
    note_all(queue);
    must_queue<job_id>(queue, submit_atom_v, make_job(count_up{1}));
    REQUIRE(is_done(1));
    WHEN("a job's effects enqueue another one") {
      must_queue<job_id>(queue, submit_atom_v, make_job(count_up{30, "followed"}));
      THEN("it is begun without a look") {
        CHECK(is_done(30));
        CHECK(is_done(31));
      }
    }
    WHEN("the last job of a batch has ended") {
      job_batch batch;
      batch.jobs = {make_job(count_up{40}), make_job(count_up{41})};
      batch.then = make_job(count_up{42});
      must_queue<job_id>(queue, submit_atom_v, batch);
      THEN("the job behind it is begun") {
        CHECK(is_done(42));
      }
    }
    WHEN("the last job of a batch is cancelled") {
      job_batch batch;
      batch.jobs = {make_job(count_up{50})};
      batch.jobs.front().delay = 1h;
      batch.then = make_job(count_up{51});
      must_queue<job_id>(queue, submit_atom_v, batch);
      CHECK(ask_queue<void>(queue, cancel_atom_v, batch.jobs.front().id));
      THEN("the job behind it is begun") {
        CHECK(is_done(51));
      }
    }
  }
}

END_FIXTURE_SCOPE()
