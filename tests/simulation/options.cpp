#include "simulation/options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace cenote::simulation {

namespace {

constexpr auto help = R"(
  --seeds N        how many seeds (default 1000)
  --from S         the first seed (default 1)
  --seed S         this one alone
  --list FILE      the seeds in this file, one per line; what follows # is a comment
  --seconds T      stop after so long
  --failures N     stop after so many seeds that fail (default 1; 0: never)
  --trace          write what happens to the standard output
  --no-shortening  do not look for the shortest run that fails

A run with less in it, as a failing one is reported:
  --without A,B    leave these out (see below)
  --absent A,B     without these callers, counted from 0
  --rounds N       so many things that each does

)";

class reader {
public:
  reader(int argc, char** argv, const program_texts& texts) : argc_{argc}, argv_{argv}, texts_{texts} {
    // nop
  }

  options read();

private:
  [[noreturn]] void misused(const std::string& reason) const {
    std::fprintf(stderr, "%s: %s; see --help\n", texts_.name, reason.c_str());
    std::exit(2);
  }

  void show_help() const {
    std::printf("Usage: %s [options]\n\n%s\n", texts_.name, texts_.about);
    std::fputs(help, stdout);
    std::fputs("What can be left out:", stdout);
    for (auto& part : texts_.parts)
      std::printf(" %s", part.c_str());
    std::puts("");
  }

  std::string_view value(std::string_view name) {
    if (++position_ >= argc_)
      misused(std::string{name} + " needs a value");
    return argv_[position_];
  }

  uint64_t number(std::string_view name, std::string_view text) const;
  uint64_t set_of(std::string_view name, std::string_view list) const;
  void read_list(const std::string& name, std::vector<uint64_t>& out) const;
  std::vector<std::string> parts_in(std::string_view names) const;

  int argc_;
  char** argv_;
  const program_texts& texts_;
  int position_ = 0;
};

uint64_t reader::number(std::string_view name, std::string_view text) const {
  uint64_t result = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (problem != std::errc{} || end != text.data() + text.size())
    misused(std::string{name} + " needs a number, not \"" + std::string{text} + '"');
  return result;
}

uint64_t reader::set_of(std::string_view name, std::string_view list) const {
  uint64_t result = 0;
  while (!list.empty()) {
    auto entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    auto bit = number(name, entry);
    if (bit >= 64)
      misused(std::string{name} + " goes up to 63");
    result |= uint64_t{1} << bit;
  }
  return result;
}

void reader::read_list(const std::string& name, std::vector<uint64_t>& out) const {
  std::ifstream file{name};
  if (!file)
    misused("cannot read " + name);
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
    if (!line.empty())
      out.push_back(number(name, line));
  }
}

std::vector<std::string> reader::parts_in(std::string_view names) const {
  std::vector<std::string> out;
  while (!names.empty()) {
    auto name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    if (std::ranges::find(texts_.parts, name) == texts_.parts.end())
      misused("nothing is called " + std::string{name});
    out.emplace_back(name);
  }
  return out;
}

options reader::read() {
  options result;
  uint64_t first = 1;
  uint64_t count = 1000;
  for (position_ = 1; position_ < argc_; ++position_) {
    std::string_view name = argv_[position_];
    if (name == "--help" || name == "-h") {
      show_help();
      std::exit(0);
    } else if (name == "--seeds") {
      count = number(name, value(name));
    } else if (name == "--from") {
      first = number(name, value(name));
    } else if (name == "--seed") {
      result.seeds.push_back(number(name, value(name)));
    } else if (name == "--list") {
      read_list(std::string{value(name)}, result.seeds);
    } else if (name == "--seconds") {
      result.seconds = static_cast<double>(number(name, value(name)));
    } else if (name == "--failures") {
      result.max_failures = number(name, value(name));
    } else if (name == "--trace") {
      result.traces = true;
    } else if (name == "--no-shortening") {
      result.shortens = false;
    } else if (name == "--without") {
      result.without = parts_in(value(name));
    } else if (name == "--absent") {
      result.absent = set_of(name, value(name));
    } else if (name == "--rounds") {
      result.rounds = number(name, value(name));
    } else {
      misused("there is no option " + std::string{name});
    }
  }
  if (result.seeds.empty())
    for (uint64_t n = 0; n < count; ++n)
      result.seeds.push_back(first + n);
  return result;
}

} // namespace

options read_options(int argc, char** argv, const program_texts& texts) {
  return reader{argc, argv, texts}.read();
}

} // namespace cenote::simulation
