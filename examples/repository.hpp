#pragma once

// A repository: an actor that takes the application's messages and turns them into statements. No other part of the
// program knows SQL. docs/repositories.md explains it; repository_test.cpp tests it without a server.

#include <cenote/repository.hpp>

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct manga {
  uint32_t id = 0;
  std::string title;
  std::optional<uint32_t> chapters; // NULL: unknown
  bool operator==(const manga&) const = default;
};

// Makes it a message, a row and a list of named parameters.
template <class Inspector>
bool inspect(Inspector& f, manga& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("title", x.title), f.field("chapters", x.chapters));
}

CAF_BEGIN_TYPE_ID_BLOCK(library, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(library, (manga))
CAF_ADD_TYPE_ID(library, (std::optional<manga>))
CAF_ADD_TYPE_ID(library, (std::vector<manga>))
CAF_ADD_ATOM(library, find_atom)
CAF_ADD_ATOM(library, add_chapter_atom)
CAF_END_TYPE_ID_BLOCK(library)

using library_actor = caf::typed_actor<
    // The manga with this id, if there is one.
    caf::result<std::optional<manga>>(caf::get_atom, uint32_t),
    // All whose title contains the text.
    caf::result<std::vector<manga>>(find_atom, std::string),
    // Inserts or replaces; answers the number of rows changed.
    caf::result<uint64_t>(caf::put_atom, manga),
    // One chapter more.
    caf::result<uint64_t>(add_chapter_atom, uint32_t)>;

// `pool` is usually a retrier. A read may be repeated at will, and a user waits for it: not for longer than 2 s. An
// upsert may be repeated, too, and should come to its end. Adding twice would be wrong: a `write` is repeated only if
// it certainly did not run.
inline library_actor::behavior_type library(library_actor::pointer self, const cenote::pool_actor& pool) {
  using namespace std::chrono_literals;
  return {
      [=](caf::get_atom, uint32_t id) {
        return cenote::fetch_one<manga>(
            self, pool, cenote::read("SELECT id, title, chapters FROM library WHERE id = ?", id).within(2s));
      },
      [=](find_atom, const std::string& text) {
        return cenote::fetch<manga>(
            self, pool,
            cenote::read("SELECT id, title, chapters FROM library WHERE LOCATE(?, title) ORDER BY id", text)
                .within(2s));
      },
      [=](caf::put_atom, const manga& book) {
        return cenote::run(self, pool,
                           cenote::idempotent_write("REPLACE INTO library (id, title, chapters)"
                                                    " VALUES (:id, :title, :chapters)",
                                                    book)
                               .retried_at_most(10));
      },
      [=](add_chapter_atom, uint32_t id) {
        return cenote::run(self, pool,
                           cenote::write("UPDATE library SET chapters = IFNULL(chapters, 0) + 1 WHERE id = ?", id));
      },
  };
}
