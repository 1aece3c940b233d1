#include "demo/manga.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <random>
#include <string_view>

namespace demo {

using namespace cenote;

namespace {

using word = std::string_view;

constexpr auto adjectives = std::to_array<word>({"Crimson", "Silent", "Wandering", "Forgotten", "Iron", "Gentle",
                                                 "Nameless", "Last", "Hollow", "Seventh", "Sleepless", "Moonlit"});
constexpr auto people = std::to_array<word>({"Alchemist", "Swordsman", "Librarian", "Apothecary", "Hunter", "Cook",
                                             "Necromancer", "Villainess", "Ferryman", "Detective", "Healer", "Witch"});
constexpr auto places = std::to_array<word>({"the Northern Tower", "Kamakura", "the Glass Sea", "the Ninth Floor",
                                             "Old Edo", "the Floating Market", "the Borderlands", "Akiba"});
constexpr auto japanese = std::to_array<word>({"薬屋の旅", "青の図書館", "最後の剣士", "夜明けの魔女", "名もなき狩人",
                                               "七番目の塔", "眠れない探偵", "月下の料理人"});

/// Some hundred rows fit into one statement well below any packet limit.
constexpr size_t rows_per_statement = 200;

class generator {
public:
  manga next() {
    manga out;
    out.anilist_id = id_ += 1 + below(97);
    out.title = title();
    out.link = "https://bato.example/series/" + std::to_string(70'000 + below(90'000));
    out.chapters = 1 + below(400);
    return out;
  }

private:
  std::string title() {
    auto hero = std::string{pick(people)};
    auto adjective = std::string{pick(adjectives)};
    auto place = std::string{pick(places)};
    switch (below(6)) {
    case 0:
      return "The " + adjective + " " + hero;
    case 1:
      return adjective + " " + hero + " of " + place;
    case 2:
      return "I Was Reborn as the " + adjective + " " + hero + " of " + place;
    case 3:
      return "My Neighbour, the " + adjective + " " + hero;
    case 4:
      return std::string{pick(japanese)} + " ~ " + adjective + " " + hero;
    default:
      return "A " + hero + "'s Guide to " + place;
    }
  }

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  template <size_t N>
  word pick(const std::array<word, N>& words) {
    return words[below(N)];
  }

  std::minstd_rand random_{30'002};
  uint32_t id_ = 30'000;
};

} // namespace

std::vector<manga> make_manga(size_t n) {
  std::vector<manga> out;
  generator source;
  std::generate_n(std::back_inserter(out), n, [&source] { return source.next(); });
  return out;
}

std::vector<statement> make_tables() {
  return {
      idempotent_write("CREATE TABLE manga (anilist_id INT UNSIGNED PRIMARY KEY, title VARCHAR(255) NOT NULL,"
                       " link VARCHAR(255) NOT NULL, chapters INT UNSIGNED NOT NULL, scraped_at DATETIME(6))"),
      idempotent_write("CREATE TABLE scrape_log (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, scraper INT UNSIGNED,"
                       " entry INT UNSIGNED, anilist_id INT UNSIGNED, chapters INT UNSIGNED, KEY (scraper, entry))"),
  };
}

std::vector<statement> load(const std::vector<manga>& rows) {
  std::vector<statement> out;
  for (size_t i = 0; i < rows.size(); i += rows_per_statement) {
    auto insert = write("INSERT INTO manga (anilist_id, title, link, chapters) VALUES ");
    for (size_t j = i; j < std::min(rows.size(), i + rows_per_statement); ++j) {
      insert.sql += j == i ? "(?, ?, ?, ?)" : ", (?, ?, ?, ?)";
      insert.params.insert(insert.params.end(), {to_value(rows[j].anilist_id), to_value(rows[j].title),
                                                 to_value(rows[j].link), to_value(rows[j].chapters)});
    }
    out.push_back(std::move(insert));
  }
  return out;
}

datetime now_utc() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  auto stamp = static_cast<std::time_t>(seconds.count());
  std::tm parts{};
  gmtime_r(&stamp, &parts);
  datetime out;
  out.year = static_cast<uint16_t>(parts.tm_year + 1900);
  out.month = static_cast<uint8_t>(parts.tm_mon + 1);
  out.day = static_cast<uint8_t>(parts.tm_mday);
  out.hour = static_cast<uint8_t>(parts.tm_hour);
  out.minute = static_cast<uint8_t>(parts.tm_min);
  out.second = static_cast<uint8_t>(parts.tm_sec);
  out.microsecond = static_cast<uint32_t>(std::chrono::floor<std::chrono::microseconds>(now - seconds).count());
  return out;
}

} // namespace demo
