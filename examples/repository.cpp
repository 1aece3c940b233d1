// A repository at work: stores two manga, adds a chapter to one and looks for them.
//   DATABASE_URI=mysql://user:password@host/database repository
// Needs the table: CREATE TABLE library (id INT UNSIGNED PRIMARY KEY, title TEXT NOT NULL, chapters INT UNSIGNED)

#include "repository.hpp"

#include <cenote/actor_system_config.hpp>
#include <cenote/configuration.hpp>
#include <cenote/pool.hpp>
#include <cenote/scoped_pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>

// Sends a message to an actor and waits for the answer: main is no actor, so it may.
template <class Answer, class Handle, class... Ts>
Answer ask(caf::scoped_actor& self, const Handle& target, const Ts&... message) {
  Answer out{};
  caf::error failed;
  self->request(target, caf::infinite, message...)
      .receive([&](const Answer& answer) { out = answer; }, [&](caf::error& error) { failed = std::move(error); });
  if (failed)
    throw std::runtime_error{cenote::describe(failed)};
  return out;
}

void use(caf::scoped_actor& self, const library_actor& books) {
  ask<uint64_t>(self, books, caf::put_atom_v, manga{1, "Akira", 120});
  ask<uint64_t>(self, books, caf::put_atom_v, manga{2, "Nana", std::nullopt});
  ask<uint64_t>(self, books, add_chapter_atom_v, uint32_t{1});
  auto akira = ask<std::optional<manga>>(self, books, caf::get_atom_v, uint32_t{1});
  if (!akira)
    throw std::runtime_error{"the row of Akira has been removed"};
  std::cout << akira->title << " has " << akira->chapters.value_or(0) << " chapters\n";
  for (auto& match : ask<std::vector<manga>>(self, books, find_atom_v, std::string{"a"}))
    std::cout << "found " << match.title << '\n';
}

int main() try {
  auto settings = cenote::load_settings({}); // DATABASE_URI, and further settings from file and environment
  cenote::init();
  caf::init_global_meta_objects<caf::id_block::library>();
  cenote::actor_system_config cfg;
  caf::actor_system sys{cfg};
  cenote::scoped_pool pool{sys, settings}; // with a retrier before it; both end with their scope
  auto books = sys.spawn(library, pool.handle());
  caf::scoped_actor self{sys};
  auto code = 0;
  try {
    // The retrier would wait for a server that is down; an example should not.
    ask<cenote::verification>(self, pool.pool(), cenote::verify_atom_v);
    use(self, books);
  } catch (const std::exception& err) {
    std::cerr << err.what() << '\n';
    code = 1;
  }
  // The actor system ends when its actors have.
  self->send_exit(books, caf::exit_reason::user_shutdown);
  return code;
} catch (const std::exception& err) { // configuration_error
  std::cerr << err.what() << '\n';
  return 1;
}
