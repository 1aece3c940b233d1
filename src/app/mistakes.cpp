#include "app/mistakes.hpp"

#include "app/exit_code.hpp"
#include "app/printable.hpp"
#include "app/standard_streams.hpp"
#include "config/nearest.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <sstream>

namespace cenote::app {

namespace {

std::string option_part(const std::string& argument) {
  return argument.substr(0, argument.find('='));
}

const CLI::Option* find_option(const std::vector<const CLI::App*>& known, const std::string& name) {
  for (auto app : known)
    if (auto option = app->get_option_no_throw(name))
      return option;
  return nullptr;
}

std::vector<std::string> all_options(const std::vector<const CLI::App*>& known) {
  std::vector<std::string> out;
  for (auto app : known)
    for (auto option : app->get_options())
      for (auto& name : option->get_lnames())
        out.push_back("--" + name);
  return out;
}

int print_help(const std::string& text) try {
  print(text);
  return success;
} catch (const output_error& err) {
  fprintf(stderr, "%s\n", err.what());
  return failed;
}

} // namespace

bool looks_like_option(const std::string& argument) {
  auto letters = argument.starts_with("--") ? 2u : 1u;
  return argument.size() > letters && argument.front() == '-'
         && std::isalpha(static_cast<unsigned char>(argument[letters])) != 0;
}

std::string unknown_option(const std::vector<const CLI::App*>& known, const std::vector<std::string>& args) {
  auto value = false; // Of the option before.
  for (auto& x : args) {
    if (!value && x == "--")
      return {};
    if (value || !looks_like_option(x)) {
      value = false;
      continue;
    }
    auto name = option_part(x);
    auto option = find_option(known, name);
    if (option == nullptr)
      return "unknown option " + name + config::did_you_mean(name, all_options(known));
    value = name == x && option->get_items_expected_max() > 0;
  }
  return {};
}

int parse_or_explain(CLI::App& app, int argc, char** argv) {
  std::string reason = unknown_option({&app}, {argv + std::min(argc, 1), argv + argc});
  try {
    if (reason.empty()) {
      app.parse(argc, argv);
      return -1;
    }
  } catch (CLI::ParseError& err) {
    std::ostringstream out;
    std::ostringstream errors;
    if (app.exit(err, out, errors) == 0)
      return print_help(out.str());
    reason = err.what();
  }
  auto name = app.get_name();
  fprintf(stderr, "%s: %s\nTry '%s --help'.\n", name.c_str(), printable(reason).c_str(), name.c_str());
  return wrong_use;
}

} // namespace cenote::app
