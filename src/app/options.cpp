#include "app/options.hpp"

#include "app/help_texts.hpp"
#include "app/jobs/command_line.hpp"
#include "app/jobs/help_texts.hpp"
#include "app/logging.hpp"
#include "app/mistakes.hpp"
#include "app/printable.hpp"
#include "app/shield.hpp"
#include "app/standard_streams.hpp"
#include "cenote/configuration.hpp"
#include "config/nearest.hpp"
#include "net/endpoint.hpp"

#include <algorithm>
#include <cctype>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace help;

// -- layout ------------------------------------------------------------------------

constexpr size_t label_width = 40;
constexpr size_t text_width = 62;
/// Lines of `top`: more than anybody waits for.
constexpr uint64_t max_count = 1'000'000'000;

/// Breaks a text into lines; CLI11 indents them.
std::string wrapped(const std::string& text) {
  std::istringstream words{text};
  std::string out;
  std::string word;
  size_t column = 0;
  while (words >> word) {
    if (column > 0 && column + 1 + word.size() > text_width) {
      out += '\n';
      column = 0;
    }
    if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

/// `1`, `1ms`, `1 byte` are lower bounds, anything else says in words what may be written; zero says nothing.
std::string range_text(const std::string& minimum) {
  if (minimum.empty() || minimum.front() == '0')
    return "";
  auto bound = minimum.front() >= '1' && minimum.front() <= '9';
  return (bound ? "; at least " : "; permitted: ") + minimum;
}

std::string help_text(const setting_info& x) {
  auto preset = x.default_text;
  std::erase(preset, '"');
  auto out = x.help + " Default: " + preset + range_text(x.minimum);
  if (!x.environment.empty())
    out += "; environment: " + x.environment;
  return wrapped(out + ".");
}

std::string upper_case(std::string x) {
  std::ranges::transform(x, x.begin(), [](unsigned char c) { return std::toupper(c); });
  return x;
}

/// `pool.max-overflow` -> `--pool-max-overflow`
std::string option_name(const setting_info& x) {
  auto key = x.key;
  std::ranges::replace(key, '.', '-');
  return "--" + key;
}

std::string group_name(const setting_info& x) {
  return "Settings of " + x.key.substr(0, x.key.find('.'));
}

/// Lists the commands before the many options.
class commands_first : public CLI::Formatter {
public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    return make_description(app) + make_usage(app, name) + make_positionals(app) + make_subcommands(app, mode)
           + make_groups(app, mode) + make_footer(app);
  }
};

// -- arguments that CLI11 would misread --------------------------------------------

/// Whether the option has a value: after a `=`, or as the next argument.
/// @param known what may stand there: the program, and the commands that were found.
bool takes_value(const std::vector<const CLI::App*>& known, const std::string& name) {
  if (!name.starts_with("--"))
    return false;
  for (auto app : known)
    if (auto option = app->get_option_no_throw(name))
      return option->get_items_expected_max() > 0;
  return false;
}

const CLI::App* find_command(const CLI::App& in, const std::string& name) {
  auto found = in.get_subcommands([&name](const CLI::App* x) { return x->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

/// Whether what follows after a command is data, where it is no option.
bool has_data(const std::vector<const CLI::App*>& known) {
  return known.back()->get_name() == "sql" || (known.size() == 3 && known[1]->get_name() == "jobs");
}

/// Shields the data in `args`.
std::vector<std::string> shield_data(const CLI::App& app, const std::vector<std::string>& args) {
  std::vector<std::string> out;
  std::vector<const CLI::App*> known{&app}; // The program, and the commands so far.
  auto verbatim = false;                    // After `--`, which CLI11 then does not need to see.
  auto value = false;                       // After an option that takes one.
  for (auto& x : args) {
    auto equals = x.find('=');
    auto data = has_data(known);
    // Elsewhere only the options of the program take the shield off their values.
    auto owners = data ? known : std::vector<const CLI::App*>{&app};
    if (data && !verbatim && !value && x == "--")
      verbatim = true;
    else if (verbatim || value || (data && !looks_like_option(x)))
      out.push_back(shielded(x));
    else if (equals != std::string::npos && (x.ends_with('=') || takes_value(owners, x.substr(0, equals))))
      // Without one, the argument after an empty value would become the value.
      out.push_back(x.substr(0, equals + 1) + shielded(x.substr(equals + 1)));
    else
      out.push_back(x);
    auto takes_next = !verbatim && !value && equals == std::string::npos && takes_value(owners, x);
    if (!data && !value)
      if (auto command = find_command(*known.back(), x))
        known.push_back(command);
    value = takes_next;
  }
  return out;
}

// -- the command line --------------------------------------------------------------

/// A mistake that CLI11 could not explain.
struct mistake : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Tells of a mistake. A program that reads the log expects its form in this case, too.
exit_code complain(const std::string& what, bool as_json) {
  if (as_json) {
    start_logging({"info", "json", {}});
    spdlog::critical("{}", without_shields(what));
  } else {
    fprintf(stderr, "cenote: %s\nTry 'cenote --help'.\n", printable(without_shields(what)).c_str());
  }
  return wrong_use;
}

/// The declared command line; fills `out` while it is parsed.
class command_line {
public:
  explicit command_line(options& out) : app_{about, "cenote"}, out_{out} {
    auto layout = std::make_shared<commands_first>();
    layout->column_width(label_width);
    layout->label("SUBCOMMAND", "COMMAND");
    app_.formatter(std::move(layout));
    app_.set_version_flag("--version", "cenote " CENOTE_VERSION, "Print the version and exit");
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.require_subcommand(1);
    app_.footer(main_footer);
    text_option("--config", "FILE",
                "The config file; default: caf-application.conf in the current folder, if there is one",
                [this](std::string x) { out_.config_file = std::move(x); });
    app_.add_flag(
        "--embedded", out_.embedded,
        wrapped("Use a private, throw-away MariaDB server instead of DATABASE_URI; it ends with the command"));
    for (auto& x : setting_table())
      add_setting(x);
    add_check();
    add_sql();
    add_serve();
    add_health();
    add_top();
    add_jobs();
  }

  void parse(std::vector<std::string> args) {
    if (auto problem = find_mistake(args); !problem.empty())
      throw mistake{problem};
    args = shield_data(app_, args);
    std::ranges::reverse(args); // As CLI11 wants it.
    app_.parse(std::move(args));
    out_.sql = bare(out_.sql);
    std::ranges::transform(out_.params, out_.params.begin(), bare);
    if (out_.command == command::jobs)
      if (auto problem = complete(out_.jobs); !problem.empty())
        throw mistake{problem};
    if (out_.through_node && (out_.embedded || !out_.url.empty()))
      throw mistake{std::string{"--node and "} + (out_.embedded ? "--embedded" : "a URL")
                    + " exclude each other: say one of them"};
    if (out_.through_node)
      if (auto nodes = net::parse_endpoints(out_.settings["remote.nodes"]); !nodes)
        throw mistake{"--node: " + nodes.error()};
  }

  /// Answers what `parse` has thrown.
  /// @param as_json whether mistakes are log lines in JSON.
  exit_code answer(const CLI::ParseError& err, bool as_json) {
    std::ostringstream out;
    std::ostringstream errors;
    if (app_.exit(err, out, errors) == 0) {
      print(out.str());
      return success;
    }
    return complain(reason(err), as_json);
  }

private:
  /// CLI11 names neither the option nor the command that is unknown, but only all that it could not place.
  std::string find_mistake(const std::vector<std::string>& args) const {
    std::vector<const CLI::App*> known{&app_};
    auto value = false;
    for (auto& x : args) {
      auto is_word = !value && !x.starts_with('-');
      value = !value && x.find('=') == std::string::npos && takes_value(known, x);
      if (!is_word)
        continue;
      auto& in = *known.back();
      auto command = find_command(in, x);
      if (command != nullptr)
        known.push_back(command);
      // Before the word stands what may be the mistake that makes it one: --pool-sise 3 check, --node HOST:1 check.
      auto problem = option_of_later_command(in, args);
      if (problem.empty() && (command == nullptr || !has_commands(*command)))
        problem = unknown_option(known, args);
      if (problem.empty() && command != nullptr && has_commands(*command))
        continue; // `jobs`: the next word says which.
      if (problem.empty() && command != nullptr)
        return too_early(known, args);
      if (command != nullptr && x == "sql" && problem.find("did you mean") == std::string::npos)
        problem += "; what begins with '-' and is data goes after '--'";
      if (!problem.empty())
        return problem;
      return "unknown command '" + path_of(known) + x + "': say " + choices(in)
             + config::did_you_mean(x, command_names(in));
    }
    return unknown_option(known, args);
  }

  static bool has_commands(const CLI::App& app) { return !command_names(app).empty(); }

  /// `jobs `, as people type it.
  static std::string path_of(const std::vector<const CLI::App*>& known) {
    std::string out;
    for (size_t i = 1; i < known.size(); ++i)
      out += known[i]->get_name() + " ";
    return out;
  }

  /// The same for an option whose value looks like a command.
  std::string option_of_later_command(const CLI::App& in, const std::vector<std::string>& args) const {
    for (auto& x : args)
      if (auto command = find_command(in, x)) {
        auto problem = too_early({&app_, command}, args);
        auto name = problem.substr(0, problem.find(' '));
        return !name.empty() && command->get_option_no_throw(name) != nullptr ? problem : "";
      }
    return {};
  }

  /// An option of the command must stand after it.
  static std::string too_early(const std::vector<const CLI::App*>& known, const std::vector<std::string>& args) {
    auto& command = *known.back();
    for (auto& x : args) {
      if (x == command.get_name())
        break;
      auto name = x.substr(0, x.find('='));
      if (looks_like_option(x) && known.front()->get_option_no_throw(name) == nullptr)
        return name + " must stand after the command " + command.get_name();
    }
    return {};
  }

  static std::vector<std::string> command_names(const CLI::App& in) {
    std::vector<std::string> out;
    for (auto x : in.get_subcommands([](const CLI::App*) { return true; }))
      out.push_back(x->get_name());
    return out;
  }

  /// `check, sql or serve`
  static std::string choices(const CLI::App& in) {
    auto names = command_names(in);
    std::string out;
    for (size_t i = 0; i < names.size(); ++i)
      out += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
    return out;
  }

  /// CLI11 speaks of subcommands, and does not say which ones there are.
  std::string reason(const CLI::ParseError& err) const {
    auto parsed = app_.get_subcommands();
    if (err.get_name() == "RequiredError" && parsed.empty())
      return "a command is missing: say " + choices(app_);
    if (err.get_name() == "RequiredError" && has_commands(*parsed.front()) && parsed.front()->get_subcommands().empty())
      return "a command is missing after " + parsed.front()->get_name() + ": say " + choices(*parsed.front());
    return err.what();
  }

  void text_option(const std::string& name, const std::string& unit, const std::string& help,
                   std::function<void(std::string)> set, const std::string& group = "Options") {
    app_.add_option_function<std::string>(
            name, [set](const std::string& x) { set(bare(x)); }, wrapped(help))
        ->type_name(unit)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->group(group);
  }

  void add_setting(const setting_info& x) {
    text_option(
        option_name(x), upper_case(x.unit), help_text(x),
        [this, key = x.key](std::string value) { out_.settings[key] = std::move(value); }, group_name(x));
  }

  CLI::App* add_command(command what, const std::string& name, const std::string& help, const std::string& footer) {
    auto result = app_.add_subcommand(name, help);
    result->fallthrough(); // So that the options above may follow the command.
    result->group("Commands");
    result->footer(footer);
    result->callback([this, what] { out_.command = what; });
    return result;
  }

  void add_json(CLI::App* to) { to->add_flag("--json", out_.json, "Print one JSON object"); }

  /// Wins over DATABASE_URI, unlike the setting `remote.nodes` alone.
  void add_node(CLI::App* to) {
    to->add_option_function<std::string>(
          "--node",
          [this](const std::string& x) {
            out_.through_node = true;
            out_.settings["remote.nodes"] = bare(x);
          },
          "Go through a pool node, or the first of several that answers, instead of DATABASE_URI")
        ->type_name("HOST:PORT[,HOST:PORT]")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  void add_check() {
    auto check = add_command(command::check, "check", "See whether the database answers", check_footer);
    add_json(check);
    add_node(check);
  }

  void add_sql() {
    auto sql = add_command(command::sql, "sql", "Run one SQL statement", sql_footer);
    add_json(sql);
    add_node(sql);
    sql->add_flag_callback(
        "--text", [this] { out_.param_reading = parameter_reading::as_text; }, "Send all PARAMS as text");
    sql->add_option("STATEMENT", out_.sql, "The statement; - reads it from standard input")->required()->type_name("");
    sql->add_option("PARAMS", out_.params, "Values for its question marks")->type_name("");
  }

  void add_serve() { add_command(command::serve, "serve", "Keep the pool open until a signal arrives", serve_footer); }

  void add_health() {
    auto health = add_command(command::health, "health", "Ask a running 'cenote serve' how it is", health_footer);
    health->add_flag("--ready", out_.ready, "Ask whether it can serve requests, not only whether it works");
    add_url(health);
  }

  void add_top() {
    auto top = add_command(command::top, "top", "Watch a running 'cenote serve' in the terminal", top_footer);
    top->add_option("--count", out_.count, "Print N lines, one per second, instead of a screen")
        ->type_name("N")
        ->check(CLI::Range(uint64_t{1}, max_count));
    top->add_flag_callback(
        "--once", [this] { out_.count = 1; }, "The same as --count 1");
    top->add_flag("--no-color", out_.no_colour, "No colours; the same as NO_COLOR=1 in the environment");
    add_node(top);
    add_url(top);
  }

  void add_jobs() {
    auto jobs = add_command(command::jobs, "jobs", "Look after the jobs of job queues",
                            help::jobs_footer + std::string{help::jobs_exit_codes});
    jobs->require_subcommand(1);
    declare_jobs_commands(*jobs, out_.jobs, [this](CLI::App* to) {
      add_json(to);
      add_node(to);
    });
  }

  void add_url(CLI::App* to) {
    to->add_option("URL", out_.url, "Where it answers; default: http.listen of the settings")->type_name("");
  }

  CLI::App app_;
  options& out_;
};

/// Whether the log is to be in JSON, as far as that can be said of a command line with mistakes.
bool wants_json(const std::vector<std::string>& args) {
  std::string format;
  for (size_t i = 0; i < args.size() && args[i] != "--"; ++i)
    if (args[i].starts_with("--log-format="))
      format = args[i].substr(sizeof("--log-format=") - 1);
    else if (args[i] == "--log-format" && i + 1 < args.size())
      format = args[i + 1];
  return format == "json";
}

} // namespace

std::variant<options, exit_code> read_command_line(int argc, char** argv) {
  options result;
  command_line line{result};
  std::vector<std::string> args{argv + std::min(argc, 1), argv + argc};
  try {
    line.parse(args);
    return result;
  } catch (CLI::ParseError& err) {
    return line.answer(err, wants_json(args));
  } catch (mistake& err) {
    return complain(err.what(), wants_json(args));
  }
}

} // namespace cenote::app
