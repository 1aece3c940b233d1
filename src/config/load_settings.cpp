#include "cenote/configuration.hpp"

#include "config/caf_settings.hpp"
#include "config/config_file.hpp"
#include "config/duration.hpp"
#include "config/loading.hpp"
#include "config/nearest.hpp"
#include "config/read_file.hpp"
#include "config/setting.hpp"
#include "config/uri.hpp"
#include "types/line_end.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace cenote {

namespace {

using namespace config;

constexpr auto uri_form = "mysql://user:password@host:port/database";
constexpr auto max_uri_size = size_t{64} << 10;

// -- errors ----------------------------------------------------------------------------------------------------------

/// A value for an error's text: short, on one line, and hidden if it could be a URI that got into the wrong variable.
std::string shown(std::string_view value) {
  constexpr auto max_length = size_t{60};
  if (value.find("://") != std::string_view::npos || value.find('@') != std::string_view::npos)
    return "***";
  std::string out{value.substr(0, max_length)};
  for (auto& c : out)
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0)
      c = '?';
  return value.size() > max_length ? out + "..." : out;
}

[[noreturn]] void refuse_value(const std::string& name, const setting& definition, const input_value& value) {
  auto text = value.in_file ? shown(value.raw) : "'" + shown(value.raw) + "'";
  auto suggestion = nearest(value.text, alternatives(definition));
  if (!suggestion.empty() && value.in_file && std::holds_alternative<word>(definition.kind))
    suggestion = '"' + suggestion + '"';
  throw configuration_error{name + " is " + text + ", but must be " + permitted(definition, value.in_file)
                            + (suggestion.empty() ? suggestion : "; did you mean " + suggestion + "?")};
}

/// The keys in a section: `pool.` has `name`, `size` ...
std::string known_keys(const std::string& section) {
  std::string out;
  for (auto& definition : table()) {
    if (!definition.key.starts_with(section))
      continue;
    auto name = definition.key.substr(section.size());
    name = name.substr(0, name.find('.'));
    if (!(", " + out + ",").ends_with(", " + name + ","))
      out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

bool is_section(const std::string& key) {
  return std::any_of(table().begin(), table().end(),
                     [&](auto& definition) { return definition.key.starts_with(key + "."); });
}

/// Whether the key's last part looks as if its value were a secret.
bool sounds_secret(std::string key) {
  key.erase(0, key.rfind('.') + 1);
  std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::string_view hints[] = {"uri", "url", "dsn", "password", "passwd", "passphrase", "secret"};
  return std::any_of(std::begin(hints), std::end(hints),
                     [&key](auto hint) { return key.find(hint) != std::string::npos; });
}

std::vector<std::string> all_keys() {
  std::vector<std::string> out;
  for (auto& definition : table())
    out.push_back(definition.key);
  for (auto section : {"pool", "server", "retry", "log", "http", "node", "remote", "budget"})
    out.emplace_back(section);
  return out;
}

[[noreturn]] void refuse_unknown(const std::string& place, const std::string& shown_key, const std::string& key) {
  if (sounds_secret(key))
    throw configuration_error{place + "unknown key '" + shown_key
                              + "': the database's URI and password are not settings, so that they are shown nowhere: "
                                "set DATABASE_URI, or DATABASE_URI_FILE to the name of a file that holds the URI"};
  auto section = key.substr(0, key.rfind('.') + 1);
  while (!section.empty() && !is_section(section.substr(0, section.size() - 1)))
    section.erase(section.rfind('.', section.size() - 2) + 1);
  throw configuration_error{place + "unknown key '" + shown_key + "'; known in "
                            + (section.empty() ? "cenote" : section.substr(0, section.size() - 1)) + ": "
                            + known_keys(section) + did_you_mean(key, all_keys())};
}

// -- sources ---------------------------------------------------------------------------------------------------------

void load_entry(settings& target, const config_file& file, const std::string& path, const outline_entry& entry) {
  using value_form = outline_entry::value_form;
  auto key = path.substr(sizeof("cenote.") - 1);
  auto place = file.place(path) + ": ";
  if (auto definition = find_setting(key)) {
    if (entry.form == value_form::section || entry.form == value_form::other)
      throw configuration_error{place + path + " must be " + permitted(*definition, true)};
    input_value value{entry.text, entry.raw, true, entry.form == value_form::quoted};
    if (!assign(*definition, target, value))
      refuse_value(place + path, *definition, value);
  } else if (!is_section(key)) {
    refuse_unknown(place, path, key);
  } else if (entry.form != value_form::section) {
    throw configuration_error{place + "'" + path + "' must be a section: " + path.substr(path.rfind('.') + 1)
                              + " { ... }"};
  }
}

void load_file(settings& target, const config_file& file) {
  for (auto& [path, entry] : file.keys)
    if (path.starts_with("cenote."))
      load_entry(target, file, path, entry);
  check_caf_settings(file);
}

std::optional<std::string> process_environment(const std::string& name) {
  auto value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

/// A variable's value. An empty one counts as unset: container tools cannot unset variables.
std::optional<std::string> lookup(const configuration_sources& sources, const std::string& name) {
  auto out = sources.environment ? sources.environment(name) : process_environment(name);
  return out && !out->empty() ? out : std::nullopt;
}

void load_environment(settings& target, const configuration_sources& sources) {
  for (auto& definition : table()) {
    if (definition.environment.empty())
      continue;
    if (auto text = lookup(sources, definition.environment)) {
      input_value value{*text, *text};
      if (!assign(definition, target, value))
        refuse_value("environment variable " + definition.environment, definition, value);
    }
  }
}

std::string read_uri_file(const std::string& name) {
  // It may have been set to the URI itself by mistake.
  if (name.find("://") != std::string::npos)
    throw configuration_error{"DATABASE_URI_FILE must name a file that holds the URI; for the URI itself there is "
                              "DATABASE_URI"};
  auto [text, problem] = read_file(name, max_uri_size);
  if (!problem.empty())
    throw configuration_error{"DATABASE_URI_FILE: cannot read " + name + ": " + problem};
  text = detail::without_line_end(std::move(text));
  if (text.empty())
    throw configuration_error{"DATABASE_URI_FILE: the file " + name + " is empty"};
  return text;
}

/// The passphrase of the client's key is as secret as the URI, and comes in the same two ways.
void load_passphrase(server_settings& target, const configuration_sources& sources) {
  auto text = lookup(sources, "DATABASE_SSL_KEY_PASSPHRASE");
  auto file = lookup(sources, "DATABASE_SSL_KEY_PASSPHRASE_FILE");
  if (text && file)
    throw configuration_error{"DATABASE_SSL_KEY_PASSPHRASE and DATABASE_SSL_KEY_PASSPHRASE_FILE are both set: set only "
                              "one of them"};
  if ((text || file) && !target.tls_key_passphrase_file.empty())
    throw configuration_error{"the passphrase of ssl_key is given by ssl_key_passphrase_file and by the environment: "
                              "leave one out"};
  if (text)
    target.tls_key_passphrase = secret{*text};
  if (file && !(target.tls_key.empty() && target.tls_cert.empty()))
    target.tls_key_passphrase_file = *file;
}

/// A hint if a variable with a similar name is set instead.
std::string other_name_in(const configuration_sources& sources) {
  for (auto name : {"DATABASE_URL", "DATABASE_URI_PATH", "DATABASE_URL_FILE", "DB_URI", "DB_URL", "MYSQL_URI",
                    "MYSQL_URL", "MARIADB_URI", "MARIADB_URL"})
    if (lookup(sources, name))
      return std::string{"; "} + name + " is set, but that is not the name that is looked up";
  return "";
}

void load_uri(settings& target, const configuration_sources& sources, bool need_server) {
  auto uri = lookup(sources, "DATABASE_URI");
  auto file = lookup(sources, "DATABASE_URI_FILE");
  if (uri && file)
    throw configuration_error{"DATABASE_URI and DATABASE_URI_FILE are both set: set only one of them"};
  std::string origin = "DATABASE_URI";
  if (file) {
    uri = read_uri_file(*file);
    origin += "_FILE: in " + *file;
  }
  if (uri) {
    apply_uri(target.server, *uri, origin);
    load_passphrase(target.server, sources);
  } else if (need_server) {
    throw configuration_error{std::string{"no database is named: set DATABASE_URI to "} + uri_form
                              + ", or DATABASE_URI_FILE to the name of a file that holds that"
                              + other_name_in(sources)};
  }
}

void load_command_line(settings& target, const configuration_sources& sources) {
  for (auto& [key, text] : sources.command_line) {
    auto option = "--" + key;
    std::replace(option.begin(), option.end(), '.', '-');
    auto definition = find_setting(key);
    if (definition == nullptr)
      refuse_unknown("command line: ", key, key);
    input_value value{text, text};
    if (!assign(*definition, target, value))
      refuse_value(option, *definition, value);
  }
}

} // namespace

settings config::load_settings(const std::optional<config_file>& file, const configuration_sources& sources,
                               bool need_server) {
  settings out;
  if (file)
    load_file(out, *file);
  load_environment(out, sources);
  load_uri(out, sources, need_server);
  load_command_line(out, sources);
  check(out);
  return out;
}

settings load_settings(const configuration_sources& sources, bool need_server) {
  return config::load_settings(read_config_file(sources.file), sources, need_server);
}

log_settings config::log_settings_in(const outline& keys, const std::map<std::string, std::string>& command_line) {
  settings out;
  for (auto key : {"log.level", "log.format"}) {
    auto definition = find_setting(key);
    if (auto i = keys.find(std::string{"cenote."} + key); i != keys.end())
      assign(*definition, out,
             {i->second.text, i->second.raw, true, i->second.form == outline_entry::value_form::quoted});
    if (auto i = command_line.find(key); i != command_line.end())
      assign(*definition, out, {i->second, i->second});
  }
  return out.log;
}

} // namespace cenote
