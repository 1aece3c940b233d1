#include "bato/schema.hpp"

namespace bato {

using namespace cenote;

std::vector<statement> schema() {
  return {
      idempotent_write("CREATE TABLE IF NOT EXISTS manga_details ("
                       " anilist_id INT UNSIGNED PRIMARY KEY,"
                       " title VARCHAR(255) NOT NULL,"
                       " link VARCHAR(255) NOT NULL,"
                       " chapters INT UNSIGNED NOT NULL,"
                       " last_scraped DATETIME(6),"
                       " KEY (last_scraped)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"),
      idempotent_write("CREATE TABLE IF NOT EXISTS scrape_runs ("
                       " id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,"
                       " round CHAR(36) CHARACTER SET ascii NOT NULL UNIQUE,"
                       " began DATETIME(6) NOT NULL,"
                       " ended DATETIME(6),"
                       " scraped INT UNSIGNED NOT NULL DEFAULT 0,"
                       " updated INT UNSIGNED NOT NULL DEFAULT 0,"
                       " failed INT UNSIGNED NOT NULL DEFAULT 0) ENGINE=InnoDB"),
      idempotent_write("CREATE TABLE IF NOT EXISTS scrapes ("
                       " round CHAR(36) CHARACTER SET ascii NOT NULL,"
                       " anilist_id INT UNSIGNED NOT NULL,"
                       " chapters_before INT UNSIGNED NOT NULL,"
                       " chapters_after INT UNSIGNED,"
                       " PRIMARY KEY (round, anilist_id)) ENGINE=InnoDB"),
  };
}

std::vector<manga_details> sample_data() {
  return {
      {30002, "Berserk", "https://bato.example/series/72315", 364, {}},
      {30013, "One Piece", "https://bato.example/series/73990", 1090, {}},
      {30656, "Vagabond", "https://bato.example/series/78121", 327, {}},
      {85486, "僕のヒーローアカデミア", "https://bato.example/series/80012", 400, {}},
      {87216, "鬼滅の刃", "https://bato.example/series/81300", 205, {}},
      {99022, "薬屋のひとりごと", "", 76, {}},
      {105778, "Chainsaw Man", "https://bato.example/series/82210", 140, {}},
      {118586, "葬送のフリーレン", "https://bato.example/series/83457", 115, {}},
  };
}

} // namespace bato
