#include "config/query.hpp"

#include "config/duration.hpp"
#include "config/nearest.hpp"
#include "types/hex_digit.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace cenote::config {

namespace {

using namespace std::chrono_literals;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool read_bool(const std::string& key, const std::string& text) {
  auto word = lower_case(text);
  if (word == "true" || word == "1" || word == "yes")
    return true;
  if (word == "false" || word == "0" || word == "no")
    return false;
  throw uri_error{key + " must be true or false" + did_you_mean(word, {"true", "false"})};
}

std::chrono::nanoseconds read_time(const std::string& key, const std::string& text, std::chrono::nanoseconds min) {
  auto out = parse_duration(text);
  if (!out || *out < min || *out > 24h)
    throw uri_error{key + " must be a number of seconds from " + (min == 0s ? "0" : "1") + " to 86400"};
  return *out;
}

uint64_t read_bytes(const std::string& key, const std::string& text) {
  uint64_t out = 0;
  auto end = text.data() + text.size();
  auto [rest, err] = std::from_chars(text.data(), end, out);
  if (err != std::errc{} || rest != end)
    throw uri_error{key + " must be a number of bytes from 0 to 1073741824"};
  return out;
}

/// The TLS options of a URI, to be combined when all of them are known.
struct tls_options {
  bool any = false; ///< A file or a cipher was named.
  std::optional<bool> disabled;
  std::optional<bool> verify_cert;
  std::optional<bool> verify_identity;
  std::optional<tls_mode> mode;
};

tls_mode read_mode(const std::string& text) {
  auto word = lower_case(text);
  if (word == "disabled")
    return tls_mode::disabled;
  if (word == "required")
    return tls_mode::required;
  if (word == "verify_ca")
    return tls_mode::verify_ca;
  if (word == "verify_identity")
    return tls_mode::verify_full;
  if (word == "preferred")
    throw uri_error{"ssl_mode must not be PREFERRED, which goes on in clear text if the server has no TLS: choose "
                    "REQUIRED or DISABLED"};
  throw uri_error{"ssl_mode must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"
                  + did_you_mean(word, {"DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"})};
}

/// The safest interpretation: naming a CA asks for a check of the server's certificate and name, as in PyMySQL.
tls_mode combined_mode(const tls_options& options, bool has_ca) {
  auto wants_tls = options.any || options.verify_cert || options.verify_identity || options.disabled == false;
  if (options.disabled == true || options.mode == tls_mode::disabled) {
    if (options.any || options.verify_cert == true || options.verify_identity == true
        || (options.mode && options.mode != tls_mode::disabled) || options.disabled == false)
      throw uri_error{"query both disables TLS and asks for it"};
    return tls_mode::disabled;
  }
  if (options.mode) {
    if (options.verify_cert || options.verify_identity)
      throw uri_error{"query has ssl_mode and other keys that say what to verify: leave one out"};
    return *options.mode;
  }
  if (!wants_tls)
    return tls_mode::disabled;
  if (options.verify_cert == false && options.verify_identity == true)
    throw uri_error{"query asks for the server's name to be verified but not its certificate"};
  auto verify = options.verify_cert.value_or(has_ca || options.verify_identity == true);
  if (!verify)
    return tls_mode::required;
  return options.verify_identity.value_or(true) ? tls_mode::verify_full : tls_mode::verify_ca;
}

class reader {
public:
  reader(server_settings& target, bool show_names) : target_{target}, show_names_{show_names} {
    // nop
  }

  void run(std::string_view query) {
    while (!query.empty()) {
      auto pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(pair.size() + 1, query.size()));
      if (!pair.empty())
        read_pair(pair);
    }
    if (tls_.any || tls_.disabled || tls_.verify_cert || tls_.verify_identity || tls_.mode)
      target_.tls = combined_mode(tls_, !target_.tls_ca.empty() || !target_.tls_capath.empty());
  }

private:
  using handler = void (reader::*)(const std::string& key, const std::string& value);

  void read_pair(std::string_view pair) {
    auto equals = pair.find('=');
    auto key = decode(pair.substr(0, equals), true);
    if (key == "ssl-mode") // As hosting companies write it.
      key = "ssl_mode";
    auto i = handlers().find(key);
    if (i == handlers().end())
      throw uri_error{"query has an unknown key" + (show_names_ && is_name(key) ? " '" + key + "'" + guess(key) : "")};
    if (i->second == nullptr)
      return;
    if (equals == std::string_view::npos)
      throw uri_error{key + " needs '=' and a value"};
    if (!seen_.insert(key).second)
      throw uri_error{key + " is given twice"};
    (this->*i->second)(key, decode(pair.substr(equals + 1), true));
  }

  /// A suggestion for a misspelt key. Keys that are refused or ignored are not suggested.
  static std::string guess(const std::string& key) {
    std::vector<std::string> known;
    for (auto& [name, handle] : handlers())
      if (handle != nullptr && handle != &reader::refuse_file_access)
        known.push_back(name);
    return did_you_mean(key, known);
  }

  static bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '-';
    });
  }

  template <std::string server_settings::*Field>
  void text(const std::string&, const std::string& value) {
    target_.*Field = value;
  }

  template <std::string server_settings::*Field>
  void tls_text(const std::string& key, const std::string& value) {
    // An empty value is a template that was not filled in, and would silently mean less security.
    if (value.find_first_not_of(' ') == std::string::npos)
      throw uri_error{key + " is empty: give it a value, or leave it out"};
    target_.*Field = value;
    tls_.any = true;
  }

  template <bool server_settings::*Field>
  void boolean(const std::string& key, const std::string& value) {
    target_.*Field = read_bool(key, value);
  }

  template <std::optional<bool> tls_options::*Field>
  void set_tls_option(const std::string& key, const std::string& value) {
    auto enabled = read_bool(key, value);
    if ((tls_.*Field).value_or(enabled) != enabled)
      throw uri_error{"query contradicts itself with " + key};
    tls_.*Field = enabled;
  }

  void autocommit(const std::string& key, const std::string& value) {
    // Without it a single statement would be reported as successful, and then rolled back.
    if (!read_bool(key, value))
      throw uri_error{
          "autocommit cannot be false: single statements are always committed; for others use transact or a "
          "session"};
  }

  void charset(const std::string&, const std::string& value) {
    // In MySQL utf8 is a character set of at most three bytes per character, but it is written to mean UTF-8.
    auto name = lower_case(value);
    target_.charset = name == "utf8" || name == "utf8mb3" ? "utf8mb4" : name;
  }

  void connect_timeout(const std::string& key, const std::string& value) {
    target_.connect_timeout = read_time(key, value, 1s);
  }

  void read_timeout(const std::string& key, const std::string& value) {
    target_.read_timeout = read_time(key, value, 0s);
  }

  void write_timeout(const std::string& key, const std::string& value) {
    target_.write_timeout = read_time(key, value, 0s);
  }

  void max_allowed_packet(const std::string& key, const std::string& value) {
    target_.max_allowed_packet = read_bytes(key, value);
  }

  void mode(const std::string&, const std::string& value) { tls_.mode = read_mode(value); }

  void refuse_file_access(const std::string& key, const std::string&) {
    throw uri_error{key + " is not supported: it lets the server, or another file, decide what is read here"};
  }

  /// The keys; null: ignored, because they concern Python only.
  static const std::map<std::string, handler, std::less<>>& handlers() {
    using server = server_settings;
    static const std::map<std::string, handler, std::less<>> instance = {
        {"autocommit", &reader::autocommit},
        {"bind_address", &reader::text<&server::bind_address>},
        {"charset", &reader::charset},
        {"compress", &reader::boolean<&server::compress>},
        {"connect_timeout", &reader::connect_timeout},
        {"init_command", &reader::text<&server::init_command>},
        {"local_infile", &reader::refuse_file_access},
        {"max_allowed_packet", &reader::max_allowed_packet},
        {"program_name", &reader::text<&server::program_name>},
        {"read_default_file", &reader::refuse_file_access},
        {"read_default_group", &reader::refuse_file_access},
        {"read_timeout", &reader::read_timeout},
        {"sql_mode", &reader::text<&server::sql_mode>},
        {"ssl_ca", &reader::tls_text<&server::tls_ca>},
        {"ssl_capath", &reader::tls_text<&server::tls_capath>},
        {"ssl_cert", &reader::tls_text<&server::tls_cert>},
        {"ssl_check_hostname", &reader::set_tls_option<&tls_options::verify_identity>},
        {"ssl_cipher", &reader::tls_text<&server::tls_cipher>},
        {"ssl_disabled", &reader::set_tls_option<&tls_options::disabled>},
        {"ssl_key", &reader::tls_text<&server::tls_key>},
        {"ssl_key_passphrase_file", &reader::tls_text<&server::tls_key_passphrase_file>},
        {"ssl_mode", &reader::mode},
        {"ssl_verify_cert", &reader::set_tls_option<&tls_options::verify_cert>},
        {"ssl_verify_identity", &reader::set_tls_option<&tls_options::verify_identity>},
        {"unix_socket", &reader::text<&server::unix_socket>},
        {"write_timeout", &reader::write_timeout},
        {"binary_prefix", nullptr},
        {"conv", nullptr},
        {"cursorclass", nullptr},
        {"use_unicode", nullptr},
    };
    return instance;
  }

  server_settings& target_;
  bool show_names_;
  tls_options tls_;
  std::set<std::string> seen_;
};

} // namespace

std::string decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto high = text[i] == '%' && i + 2 < text.size() ? detail::hex_digit(text[i + 1]) : -1;
    auto low = high >= 0 ? detail::hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

void apply_query(server_settings& target, std::string_view query, bool show_names) {
  reader{target, show_names}.run(query);
}

} // namespace cenote::config
