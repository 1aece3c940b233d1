// Work that is stored in the database until it is done, exactly once:
//   DATABASE_URI=mysql://user:password@host/database jobs
// Needs the table: CREATE TABLE manga (id INT PRIMARY KEY, title VARCHAR(200), chapters INT)

#include <cenote/actor_system_config.hpp>
#include <cenote/configuration.hpp>
#include <cenote/database.hpp>
#include <cenote/error.hpp>
#include <cenote/jobs/migrate.hpp>
#include <cenote/jobs/queue.hpp>
#include <cenote/pool.hpp>
#include <cenote/scoped_pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <iostream>

using namespace std::chrono_literals;

// The name of the type is the job's kind, its value the payload.
struct scrape_manga {
  int id = 0;
};

template <class Inspector>
bool inspect(Inspector& f, scrape_manga& x) {
  return f.object(x).fields(f.field("id", x.id));
}

CAF_BEGIN_TYPE_ID_BLOCK(jobs_example, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(jobs_example, (scrape_manga))
CAF_END_TYPE_ID_BLOCK(jobs_example)

using scraper = cenote::job_handler<scrape_manga>;

scraper::behavior_type scrape(scraper::pointer) {
  return {
      [](const scrape_manga& work, const cenote::job_context&) {
        // Committed together with the end of the job: it is counted once, whatever is killed meanwhile.
        return cenote::job_done(cenote::write("UPDATE manga SET chapters = chapters + 1 WHERE id = ?", work.id));
      },
  };
}

int main() try {
  auto settings = cenote::load_settings({});
  cenote::init();
  caf::init_global_meta_objects<caf::id_block::jobs_example>();
  cenote::actor_system_config cfg;
  caf::actor_system sys{cfg};
  cenote::scoped_pool pool{sys, settings};
  cenote::migrate_jobs(sys, pool.pool()); // as `cenote jobs migrate` does

  auto queue = cenote::spawn_job_queue(sys, pool.handle());
  queue.on<scrape_manga>(sys.spawn(scrape));

  // In the caller's transaction: no manga without its job, no job without its manga.
  auto first = cenote::make_job(scrape_manga{42});
  cenote::database db{sys, pool};
  db.transact(cenote::all_or_nothing(cenote::write("INSERT INTO manga VALUES (?, ?, ?)", 42, "Berserk", 363),
                                     cenote::enqueue(first)));

  caf::scoped_actor self{sys};
  auto code = 0;
  auto failed = [&code](const caf::error& error) {
    std::cerr << cenote::describe(error) << '\n';
    code = 1;
  };
  auto again = cenote::make_job(scrape_manga{42}).after(100ms).attempted_at_most(5);
  self->request(queue, caf::infinite, cenote::submit_atom_v, again)
      .receive([](const cenote::job_id&) { std::cout << "the job is durable\n"; }, failed);
  for (auto& id : {first.id, again.id})
    self->request(queue, caf::infinite, cenote::await_atom_v, id)
        .receive([](const cenote::job_status& end) { std::cout << "the job is " << to_string(end.state) << '\n'; },
                 failed);
  for (auto row : db.execute(cenote::read("SELECT title, chapters FROM manga WHERE id = ?", 42)))
    std::cout << row.get<std::string>("title") << " has " << row.get<int>("chapters") << " chapters\n";
  self->request(queue, caf::infinite, cenote::drain_atom_v, caf::timespan{5s}).receive([] {}, failed);
  return code;
} catch (const std::exception& err) { // configuration_error, database_error
  std::cerr << err.what() << '\n';
  return 1;
}
