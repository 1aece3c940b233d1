#include "bato/scrape.hpp"

namespace bato {

std::optional<uint32_t> scrape(const manga_details& manga) {
  if (manga.link.empty())
    return std::nullopt;
  return manga.chapters + manga.anilist_id % 3;
}

cenote::datetime to_datetime(std::chrono::system_clock::time_point moment) {
  using namespace std::chrono;
  auto day = floor<days>(moment);
  year_month_day date{day};
  hh_mm_ss time{floor<microseconds>(moment - day)};
  cenote::datetime out;
  out.year = static_cast<uint16_t>(static_cast<int>(date.year()));
  out.month = static_cast<uint8_t>(static_cast<unsigned>(date.month()));
  out.day = static_cast<uint8_t>(static_cast<unsigned>(date.day()));
  out.hour = static_cast<uint8_t>(time.hours().count());
  out.minute = static_cast<uint8_t>(time.minutes().count());
  out.second = static_cast<uint8_t>(time.seconds().count());
  out.microsecond = static_cast<uint32_t>(time.subseconds().count());
  return out;
}

} // namespace bato
