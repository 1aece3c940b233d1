#include "app/options.hpp"

#include "app/help_texts.hpp"
#include "app/printable.hpp"
#include "app/standard_streams.hpp"
#include "cenote/configuration.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>

namespace cenote::app {

namespace {

using namespace help;

// -- layout ------------------------------------------------------------------------

constexpr size_t label_width = 40;
constexpr size_t text_width = 62;

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

std::string help_text(const setting_info& x) {
  auto out = x.help + " Default: " + (x.default_text.empty() ? "none" : x.default_text);
  if (!x.minimum.empty())
    out += "; permitted: " + x.minimum;
  if (!x.environment.empty())
    out += "; environment: " + x.environment;
  return wrapped(out + ".");
}

/// `pool.max-overflow` -> `--pool-max-overflow`
std::string option_name(const setting_info& x) {
  auto key = x.key;
  std::ranges::replace(key, '.', '-');
  return "--" + key;
}

std::string group_name(const setting_info& x) {
  auto group = x.key.substr(0, x.key.find('.'));
  return "Settings: " + group;
}

// -- arguments that CLI11 would misread --------------------------------------------

/// Stands before arguments of `sql` that are data. CLI11 would take `-5` for an option, `++` for the end of a command,
/// and split `[1,2]`.
constexpr char shield = '\x1f';

std::string shielded(const std::string& x) {
  return shield + x;
}

std::string bare(std::string x) {
  std::erase(x, shield);
  return x;
}

bool is_negative_number(std::string_view x) {
  return x.size() > 1 && x[0] == '-' && ((x[1] >= '0' && x[1] <= '9') || x[1] == '.');
}

/// Whether `x` is an option whose value is the next argument.
bool takes_next(const CLI::App& app, const std::string& x) {
  if (!x.starts_with("--") || x.find('=') != std::string::npos)
    return false;
  auto option = app.get_option_no_throw(x);
  return option != nullptr && option->get_items_expected_max() > 0;
}

/// Shields the data in `args`.
std::vector<std::string> shield_data(const CLI::App& app, std::vector<std::string> args) {
  auto data = false;     // After the command `sql`.
  auto verbatim = false; // After `--`.
  for (size_t i = 0; i < args.size(); ++i) {
    auto& x = args[i];
    if (verbatim) {
      x = shielded(x);
    } else if (x == "--") {
      verbatim = true;
    } else if (x.starts_with("--") && x.ends_with('=')) {
      x = x + shield; // Else the next argument would become the value.
    } else if (takes_next(app, x)) {
      if (++i < args.size())
        args[i] = shielded(args[i]);
    } else if (data && (!x.starts_with('-') || x == "-" || is_negative_number(x))) {
      x = shielded(x);
    } else if (!x.starts_with('-')) {
      data = x == "sql";
    }
  }
  return args;
}

// -- the command line --------------------------------------------------------------

/// The declared command line; fills `out` while it is parsed.
class command_line {
public:
  explicit command_line(options& out) : app_{about, "cenote"}, out_{out} {
    app_.get_formatter()->column_width(label_width);
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
  }

  void parse(std::vector<std::string> args) {
    args = shield_data(app_, std::move(args));
    std::ranges::reverse(args); // As CLI11 wants it.
    app_.parse(std::move(args));
    out_.sql = bare(out_.sql);
    std::ranges::transform(out_.params, out_.params.begin(), bare);
  }

  /// Answers what `parse` has thrown.
  exit_code answer(const CLI::ParseError& err) {
    std::ostringstream out;
    std::ostringstream complaint;
    if (app_.exit(err, out, complaint) == 0) {
      print(out.str());
      return success;
    }
    fprintf(stderr, "cenote: %s\nTry 'cenote --help'.\n", printable(bare(err.what())).c_str());
    return wrong_use;
  }

private:
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
        option_name(x), x.unit, help_text(x),
        [this, key = x.key](std::string value) { out_.settings[key] = std::move(value); }, group_name(x));
  }

  CLI::App* add_command(command what, const std::string& name, const std::string& help, const std::string& footer) {
    auto result = app_.add_subcommand(name, help);
    result->fallthrough(); // So that the options above may follow the command.
    result->footer(footer);
    result->callback([this, what] { out_.what = what; });
    return result;
  }

  void add_json(CLI::App* to) { to->add_flag("--json", out_.json, "Print one JSON object"); }

  void add_check() { add_json(add_command(command::check, "check", "See whether the database answers", check_footer)); }

  void add_sql() {
    auto sql = add_command(command::sql, "sql", "Run one SQL statement", sql_footer);
    add_json(sql);
    sql->add_flag_callback(
        "--text", [this] { out_.param_reading = parameter_reading::as_text; }, "Send all PARAMS as text");
    sql->add_option("STATEMENT", out_.sql, "The statement; - reads it from standard input")->required()->type_name("");
    sql->add_option("PARAMS", out_.params, "Values for its question marks")->type_name("");
  }

  void add_serve() { add_command(command::serve, "serve", "Keep the pool open until a signal arrives", serve_footer); }

  CLI::App app_;
  options& out_;
};

} // namespace

std::variant<options, exit_code> read_command_line(int argc, char** argv) {
  options result;
  command_line line{result};
  try {
    line.parse({argv + std::min(argc, 1), argv + argc});
    return result;
  } catch (CLI::ParseError& err) {
    return line.answer(err);
  }
}

} // namespace cenote::app
