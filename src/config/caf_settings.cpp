#include "config/caf_settings.hpp"

#include "cenote/configuration.hpp"

#include "config/config_file.hpp"
#include "config/nearest.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <caf/actor_system_config.hpp>
#include <caf/config_option.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>

namespace cenote::config {

namespace {

/// The options of CAF and its modules.
struct registry : caf::actor_system_config {
  registry() {
    load<caf::io::middleman>();
    load<caf::openssl::manager>();
  }
};

/// A value that CAF accepts although nothing works with it.
struct pitfall {
  std::string_view key;
  bool (*is_bad)(const caf::config_value&);
  std::string_view must_be;
};

bool is_zero(const caf::config_value& value) {
  return caf::get_as<int64_t>(value) == int64_t{0};
}

bool is_zero_time(const caf::config_value& value) {
  return caf::get_as<caf::timespan>(value) == caf::timespan{0};
}

bool is_no_policy(const caf::config_value& value) {
  return caf::to_string(value) != "sharing" && caf::to_string(value) != "stealing";
}

constexpr auto pitfalls = std::array{
    pitfall{"caf.scheduler.policy", is_no_policy, "\"sharing\" or \"stealing\""},
    pitfall{"caf.scheduler.max-threads", is_zero, "at least 1"},
    pitfall{"caf.scheduler.max-throughput", is_zero, "at least 1"},
    // Drops every connection to another node at the first heartbeat.
    pitfall{"caf.middleman.connection-timeout", is_zero_time, "above 0"},
};

/// The keys that a file may set for the program.
constexpr std::string_view permitted[] = {"caf.scheduler.policy", "caf.scheduler.max-threads",
                                          "caf.scheduler.max-throughput"};

std::vector<std::string> permitted_keys() {
  return {std::begin(permitted), std::end(permitted)};
}

void check_permitted(const config_file& file, const std::string& path, const caf::settings& section) {
  for (auto& [name, value] : section) {
    auto key = path + "." + name;
    if (auto inner = caf::get_if<caf::settings>(&value))
      check_permitted(file, key, *inner);
    else if (std::find(std::begin(permitted), std::end(permitted), key) == std::end(permitted))
      throw configuration_error{file.place(key) + ": '" + key
                                + "' cannot be set here: of CAF's options this program takes caf.scheduler.policy, "
                                  "max-threads and max-throughput"};
  }
}

class checker {
public:
  explicit checker(const config_file& file) : file_{file} {
    // nop
  }

  void check_section(const std::string& path, const caf::settings& section) {
    for (auto& [name, value] : section) {
      auto key = path + "." + name;
      if (auto inner = caf::get_if<caf::settings>(&value))
        check_section(key, *inner);
      else
        check_value(key, value);
    }
  }

private:
  void check_value(const std::string& key, caf::config_value value) {
    auto option = options_.custom_options().qualified_name_lookup(key);
    if (option == nullptr)
      throw configuration_error{file_.place(key) + ": unknown key '" + key + "': CAF has no such option"
                                + did_you_mean(key, permitted_keys())};
    if (option->sync(value))
      refuse(key, "of type " + caf::to_string(option->type_name()));
    for (auto& trap : pitfalls)
      if (trap.key == key && trap.is_bad(value))
        refuse(key, std::string{trap.must_be});
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& must_be) const {
    auto& raw = file_.keys.at(key).raw;
    throw configuration_error{file_.place(key) + ": " + key + (raw.empty() ? "" : " is " + raw + ", but") + " must be "
                              + must_be};
  }

  const config_file& file_;
  registry options_;
};

} // namespace

void check_caf_settings(const config_file& file) {
  if (auto section = caf::get_if<caf::settings>(&file.content, "caf"))
    checker{file}.check_section("caf", *section);
}

caf::settings caf_settings(const config_file& file) {
  caf::settings out;
  check_caf_settings(file);
  if (auto section = caf::get_if<caf::settings>(&file.content, "caf")) {
    check_permitted(file, "caf", *section);
    out["caf"] = *section;
  }
  return out;
}

caf::settings caf_settings(const std::string& file) {
  auto loaded = read_config_file(file);
  return loaded ? caf_settings(*loaded) : caf::settings{};
}

} // namespace cenote::config
