#include "demo/scraper.hpp"

#include "cenote/error.hpp"
#include "demo/manga.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>

namespace demo {

using namespace cenote;

namespace {

struct scraper_state {
  using pointer = scraper_actor::stateful_pointer<scraper_state>;
  using clock = std::chrono::steady_clock;
  using on_result = std::function<void(const result&)>;
  using on_failure = std::function<void(const failure&)>;

  static inline const char* name = "demo.scraper";

  scraper_state(pointer this_actor, pool_actor decorated_pool, assignment todo, tally_ptr shared)
      : self{this_actor},
        retrier{std::move(decorated_pool)},
        work{std::move(todo)},
        counters{std::move(shared)},
        random{work.scraper + 1} {
    mine.scraper = work.scraper;
    mine.chapters = work.own;
  }

  scraper_actor::behavior_type make_behavior() {
    self->send(self, go_atom_v);
    return {
        [this](go_atom) { next(); },
        [this](finish_atom) {
          finishing = self->make_response_promise<ledger>();
          return finishing;
        },
    };
  }

  // -- one statement at a time ----------------------------------------------------

  void next() {
    if (finishing.pending()) {
      settle();
      return;
    }
    auto dice = random() % 10;
    if (dice < 6)
      look_up();
    else if (dice < 8)
      update();
    else
      log_scrape();
  }

  void look_up() {
    auto id = (*work.all)[random() % work.all->size()];
    ask(read("SELECT title, link, chapters, scraped_at FROM manga WHERE anilist_id = ?", id),
        [this, id](const result& rows) {
          ++counters->reads;
          // An acknowledged write must be visible to every reader from then on.
          if (auto own = mine.chapters.find(id); own != mine.chapters.end())
            if (rows.size() != 1 || rows[0].get<uint32_t>("chapters") != own->second)
              give_up("an acknowledged write was not visible");
          self->send(self, go_atom_v);
        });
  }

  /// A new chapter was found. Setting it twice is as good as once: the retrier may repeat it whatever happens.
  void update() {
    auto own = std::next(mine.chapters.begin(), static_cast<ptrdiff_t>(random() % mine.chapters.size()));
    auto id = own->first;
    auto chapters = own->second + 1;
    ask(idempotent_write("UPDATE manga SET chapters = ?, scraped_at = ? WHERE anilist_id = ?", chapters, now_utc(), id),
        [this, id, chapters](const result&) {
          ++counters->writes;
          mine.chapters[id] = chapters;
          self->send(self, go_atom_v);
        });
  }

  /// Adding a line twice would be wrong: after an unknown outcome it is not repeated until the outcome is known.
  void log_scrape() {
    auto entry = ++mine.entries;
    ask(
        add_line(entry),
        [this](const result&) {
          ++counters->writes;
          self->send(self, go_atom_v);
        },
        [this, entry](const failure& reason) {
          if (reason.outcome == outcome::unknown)
            unsettled.push_back(entry);
          else
            give_up(to_string(reason));
          self->send(self, go_atom_v);
        });
  }

  statement add_line(uint32_t entry) const {
    return write("INSERT INTO scrape_log (scraper, entry, anilist_id, chapters) VALUES (?, ?, ?, ?)", work.scraper,
                 entry, mine.chapters.begin()->first, entry);
  }

  // -- at the end -----------------------------------------------------------------

  /// Looks up unknown outcomes, and repeats statements that were not carried out.
  void settle() {
    if (unsettled.empty()) {
      finishing.deliver(mine);
      self->quit();
      return;
    }
    auto entry = unsettled.back();
    ask(read("SELECT COUNT(*) FROM scrape_log WHERE scraper = ? AND entry = ?", work.scraper, entry),
        [this, entry](const result& rows) {
          if (rows[0].get<uint64_t>(0) == 0) {
            add_again(entry);
            return;
          }
          ++mine.found_done;
          settled();
        });
  }

  void add_again(uint32_t entry) {
    ask(
        add_line(entry),
        [this](const result&) {
          ++mine.repeated;
          settled();
        },
        [this](const failure& reason) {
          if (reason.outcome != outcome::unknown)
            give_up(to_string(reason));
          self->send(self, go_atom_v);
        });
  }

  void settled() {
    ++counters->writes;
    unsettled.pop_back();
    self->send(self, go_atom_v);
  }

  // -- asking ---------------------------------------------------------------------

  void ask(statement query, on_result done, on_failure failed = nullptr) {
    ++counters->requests;
    auto began = clock::now();
    // No timeout of CAF's: the pool answers every request within its own.
    self->request(retrier, caf::infinite, execute_atom_v, std::move(query))
        .then(
            [this, began, done = std::move(done)](const result& rows) {
              counters->add_latency(clock::now() - began);
              done(rows);
            },
            [this, failed = std::move(failed)](const caf::error& err) {
              if (failed)
                failed(details(err));
              else
                give_up(describe(err));
            });
  }

  /// An error that must not happen.
  void give_up(const std::string& reason) {
    if (++counters->failed == 1)
      spdlog::error("scraper {}: {}", work.scraper, reason);
    if (finishing.pending())
      finishing.deliver(mine);
    self->quit();
  }

  pointer self;
  pool_actor retrier;
  assignment work;
  tally_ptr counters;
  std::minstd_rand random;
  ledger mine;
  std::vector<uint32_t> unsettled; ///< Log entries that may or may not have been added.
  caf::typed_response_promise<ledger> finishing;
};

} // namespace

scraper_actor spawn_scraper(caf::actor_system& sys, pool_actor retrier, assignment work, tally_ptr counters) {
  using impl = scraper_actor::stateful_impl<scraper_state>;
  return sys.spawn<impl>(std::move(retrier), std::move(work), std::move(counters));
}

} // namespace demo
