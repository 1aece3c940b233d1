#include "config/config_file.hpp"

#include "config/nearest.hpp"
#include "config/read_file.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <system_error>

#include <caf/actor_system_config.hpp>
#include <caf/pec.hpp>

namespace cenote::config {

namespace {

constexpr auto default_name = "caf-application.conf";
constexpr auto max_size = size_t{1} << 20;

/// CAF reports the position of a syntax error by two numbers in the error's context.
[[noreturn]] void throw_syntax_error(const config_file& file, const caf::error& err) {
  auto place = file.name;
  if (auto position = caf::make_const_typed_message_view<int32_t, int32_t>(err.context()))
    place += ":" + std::to_string(get<0>(position)) + ":" + std::to_string(get<1>(position));
  auto text = caf::to_string(err);
  if (err.category() == caf::type_id_v<caf::pec>) {
    text = to_string(static_cast<caf::pec>(err.code())); // caf::pec::unexpected_character
    text.erase(0, text.rfind(':') + 1);
    std::replace(text.begin(), text.end(), '_', ' ');
  }
  throw file_error{place + ": this is not CAF's config format (" + text + ")", file.keys};
}

caf::settings parse(const config_file& file, const std::string& text) {
  std::istringstream in{text};
  auto parsed = caf::actor_system_config::parse_config(in);
  if (!parsed)
    throw_syntax_error(file, parsed.error());
  return std::move(*parsed);
}

void check_top_level(const config_file& file) {
  for (auto& [path, entry] : file.keys) {
    if (path.find('.') != std::string::npos)
      continue;
    if (path != "cenote" && path != "caf")
      throw file_error{file.place(path) + ": unknown key '" + path
                           + "': the file has the sections cenote { ... } and caf { ... }"
                           + did_you_mean(path, {"cenote", "caf"}),
                       file.keys};
    if (entry.form != outline_entry::value_form::section)
      throw file_error{file.place(path) + ": '" + path + "' must be a section: " + path + " { ... }", file.keys};
  }
}

/// Whether there is a file of the default name. A folder that cannot be searched is an error: it may hold settings.
bool has_default_file() {
  std::error_code problem;
  auto found = std::filesystem::exists(default_name, problem);
  if (problem)
    throw configuration_error{std::string{"cannot look for the config file "} + default_name
                              + " in the current folder: " + problem.message()
                              + "; change to another folder, or name a config file with its whole path"};
  return found;
}

} // namespace

std::string config_file::place(const std::string& path) const {
  return name + ":" + std::to_string(keys.at(path).line);
}

std::optional<config_file> read_config_file(const std::string& name) {
  if (name.empty() && !has_default_file())
    return std::nullopt;
  config_file out{name.empty() ? default_name : name, {}, {}};
  auto [text, problem] = read_file(out.name, max_size);
  if (!problem.empty())
    throw configuration_error{"cannot read the config file " + out.name + ": " + problem};
  try {
    out.keys = make_outline(text);
  } catch (text_error& err) {
    throw file_error{out.name + ":" + std::to_string(err.line) + ": " + err.what(), std::move(err.before)};
  }
  out.content = parse(out, text);
  check_top_level(out);
  return out;
}

} // namespace cenote::config
