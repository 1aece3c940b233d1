#include "simulation/run.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace cenote;
using namespace cenote::simulation;

namespace {

constexpr auto help = R"(Usage: cenote-simulate [options]

Plays the pool against a model of the network and the server, in virtual time: each seed is another run.

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

struct options {
  std::vector<uint64_t> seeds;
  uint64_t first = 1;
  uint64_t count = 1000;
  double seconds = 0;
  uint64_t max_failures = 1;
  bool traces = false;
  bool shortens = true;
  std::string without;
  uint64_t absent = 0;
  std::optional<uint64_t> rounds;
};

[[noreturn]] void misused(const std::string& reason) {
  std::fprintf(stderr, "cenote-simulate: %s; see --help\n", reason.c_str());
  std::exit(2);
}

uint64_t number(std::string_view name, std::string_view text) {
  uint64_t result = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (problem != std::errc{} || end != text.data() + text.size())
    misused(std::string{name} + " needs a number, not \"" + std::string{text} + '"');
  return result;
}

uint64_t set_of(std::string_view name, std::string_view list) {
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

void read_list(const std::string& name, std::vector<uint64_t>& out) {
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

void show_help() {
  std::fputs(help, stdout);
  std::fputs("What can be left out:", stdout);
  for (auto& part : all_ingredients())
    std::printf(" %s", part.name);
  std::puts("");
}

options read_options(int argc, char** argv) {
  options result;
  auto i = 1;
  auto value = [&](std::string_view name) -> std::string_view {
    if (++i >= argc)
      misused(std::string{name} + " needs a value");
    return argv[i];
  };
  for (; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      show_help();
      std::exit(0);
    } else if (name == "--seeds") {
      result.count = number(name, value(name));
    } else if (name == "--from") {
      result.first = number(name, value(name));
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
      result.without = value(name);
    } else if (name == "--absent") {
      result.absent = set_of(name, value(name));
    } else if (name == "--rounds") {
      result.rounds = number(name, value(name));
    } else {
      misused("there is no option " + std::string{name});
    }
  }
  if (result.seeds.empty())
    for (uint64_t n = 0; n < result.count; ++n)
      result.seeds.push_back(result.first + n);
  return result;
}

void leave_out(plan& run_plan, std::string_view names) {
  while (!names.empty()) {
    auto name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    auto known = false;
    for (auto& part : all_ingredients())
      if (name == part.name) {
        run_plan.with.*part.member = false;
        known = true;
      }
    if (!known)
      misused("nothing is called " + std::string{name});
  }
}

plan plan_for(uint64_t seed, const options& opts) {
  plan result{seed};
  leave_out(result, opts.without);
  result.absent = opts.absent;
  if (opts.rounds)
    result.rounds = *opts.rounds;
  return result;
}

/// The options with which the run is repeated.
std::string call_for(const plan& failing) {
  auto original = plan{failing.seed};
  auto result = "--seed " + std::to_string(failing.seed);
  auto add = [&result](const char*& before, const std::string& part) {
    result += before + part;
    before = ",";
  };
  auto before = " --without ";
  for (auto& part : all_ingredients())
    if (!(failing.with.*part.member) && original.with.*part.member)
      add(before, part.name);
  before = " --absent ";
  for (size_t i = 0; i < failing.callers; ++i)
    if ((failing.absent >> i & 1) != 0)
      add(before, std::to_string(i));
  if (failing.rounds != original.rounds)
    result += " --rounds " + std::to_string(failing.rounds);
  return result;
}

void report(const plan& failing, const std::string& problem, bool shortens) {
  std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(failing.seed), problem.c_str());
  if (!shortens)
    return;
  auto shorter = shorten(failing, problem);
  std::fprintf(stderr, "  shortest: cenote-simulate %s --trace\n  there: %s\n", call_for(shorter).c_str(),
               play(shorter).problem.c_str());
}

/// For the words of a run that ends the program.
uint64_t seed_of_run = 0;

/// An assertion has failed, or worse.
void crashed(int signal) {
  std::fprintf(stderr, "seed %llu: it crashes\n", static_cast<unsigned long long>(seed_of_run));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

} // namespace

int main(int argc, char** argv) {
  auto opts = read_options(argc, argv);
  for (auto signal : {SIGABRT, SIGSEGV, SIGFPE})
    std::signal(signal, crashed);
  using clock = std::chrono::steady_clock;
  auto began = clock::now();
  auto seconds = [&] { return std::chrono::duration<double>(clock::now() - began).count(); };
  uint64_t runs = 0;
  uint64_t failed = 0;
  uint64_t events = 0;
  ledger::tally answers;
  auto reported_at = 0.0;
  for (auto seed : opts.seeds) {
    if (opts.seconds > 0 && seconds() >= opts.seconds)
      break;
    seed_of_run = seed;
    auto run_plan = plan_for(seed, opts);
    auto outcome = play(run_plan, opts.traces ? stdout : nullptr);
    ++runs;
    events += outcome.events;
    answers.count += outcome.answers.count;
    for (auto& [code, count] : outcome.answers.failures)
      answers.failures[code] += count;
    if (!outcome.problem.empty()) {
      report(run_plan, outcome.problem, opts.shortens && !opts.traces);
      if (++failed == opts.max_failures)
        break;
    }
    if (seconds() - reported_at >= 5) {
      reported_at = seconds();
      std::fprintf(stderr, "%llu seeds, %llu failed, %.0f per second\n", static_cast<unsigned long long>(runs),
                   static_cast<unsigned long long>(failed), static_cast<double>(runs) / seconds());
    }
  }
  std::fprintf(stderr, "%llu seeds, %llu failed, %.0f per second; %.0f answers and %.0f events each; failures:",
               static_cast<unsigned long long>(runs), static_cast<unsigned long long>(failed),
               static_cast<double>(runs) / seconds(), static_cast<double>(answers.count) / static_cast<double>(runs),
               static_cast<double>(events) / static_cast<double>(runs));
  for (auto& [code, count] : answers.failures)
    std::fprintf(stderr, " %s %zu", to_string(code).c_str(), count);
  std::fputs("\n", stderr);
  return failed == 0 ? 0 : 1;
}
