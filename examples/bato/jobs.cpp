#include "bato/jobs.hpp"

#include "bato/report.hpp"
#include "bato/repository.hpp"
#include "bato/scrape.hpp"

#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

namespace bato {

using namespace cenote;
using namespace std::chrono_literals;

namespace {

/// The round's jobs are stored in the transaction in which it begins.
job_answer begin(const std::vector<manga_details>& list) {
  job_batch round;
  round.then = make_job(end_round{static_cast<uint32_t>(list.size())});
  auto key = to_string(round.then.id);
  for (auto& manga : list)
    round.jobs.push_back(make_job(scrape_manga{key, manga.anilist_id})
                             .unique(std::to_string(manga.anilist_id))
                             .attempted_at_most(5)
                             .with_backoff({1s, 1min})
                             .within(1min));
  auto answer = job_done(begin_run(key));
  for (auto& store : enqueue(round))
    answer.effects.push_back(std::move(store));
  return answer;
}

/// A page that cannot be read is a result, too: the next round tries again.
job_answer scrape_one(const std::string& round, const manga_details& manga) {
  auto chapters = scrape(manga);
  spdlog::info("{}", to_line({manga.title, manga.chapters, chapters}));
  auto answer = job_done();
  answer.effects = store_scrape(round, manga, chapters);
  return answer;
}

} // namespace

worker_actor::behavior_type work(worker_actor::pointer self, const repository_actor& repository) {
  // An error fails the attempt: the queue tries again.
  return {
      [=](const start_round& order, const job_context&) {
        auto promise = self->make_response_promise<job_answer>();
        auto failed = [promise](const caf::error& error) mutable { promise.deliver(error); };
        self->request(repository, caf::infinite, last_run_atom_v)
            .then(
                [=](const std::optional<scrape_run>& last) mutable {
                  if (last && !last->ended) {
                    promise.deliver(job_done());
                    return;
                  }
                  self->request(repository, caf::infinite, stale_atom_v, order.stale_after, order.batch)
                      .then([=](const std::vector<manga_details>& list) mutable { promise.deliver(begin(list)); },
                            failed);
                },
                failed);
        return promise;
      },
      [=](const scrape_manga& order, const job_context&) {
        auto promise = self->make_response_promise<job_answer>();
        self->request(repository, caf::infinite, caf::get_atom_v, order.anilist_id)
            .then(
                [=](const std::optional<manga_details>& manga) mutable {
                  promise.deliver(manga ? scrape_one(order.round, *manga)
                                        : job_discard("it is not in the list any more"));
                },
                [promise](const caf::error& error) mutable { promise.deliver(error); });
        return promise;
      },
      [](const end_round& order, const job_context& context) {
        return job_done(end_run(to_string(context.id), order.planned));
      },
  };
}

} // namespace bato
