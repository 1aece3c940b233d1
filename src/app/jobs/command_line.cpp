#include "app/jobs/command_line.hpp"

#include "app/jobs/help_texts.hpp"
#include "app/shield.hpp"

#include <charconv>
#include <string>
#include <utility>

namespace cenote::app {

namespace {

using namespace help;

/// Lines of `list`: more than anybody reads.
constexpr uint64_t max_limit = 10'000;

/// Declares one command after the other.
class declaration {
public:
  declaration(CLI::App& jobs, jobs_options& out, const std::function<void(CLI::App*)>& add_common)
      : jobs_{jobs}, out_{out}, add_common_{add_common} {
    // nop
  }

  void declare_all() {
    begin(jobs_command::migrate, "migrate", "Create the tables, or bring them to this program's version",
          migrate_footer);
    declare_list();
    begin(jobs_command::show, "show", "Show all that is stored about jobs", show_footer);
    ids()->required();
    declare_submit();
    declare_change(jobs_command::retry, "retry", "Have jobs done again that have failed, or now", retry_footer);
    declare_change(jobs_command::cancel, "cancel", "Cancel jobs that have not ended", cancel_footer);
    declare_change(jobs_command::discard, "discard", "End jobs as failed, and keep them for inspection",
                   discard_footer);
    text("--reason", "TEXT", "What is noted as their error", out_.reason);
    declare_pause(jobs_command::pause, "pause", "Begin no further job of a queue, on all nodes");
    declare_pause(jobs_command::resume, "resume", "End the pause of a queue");
    begin(jobs_command::stats, "stats", "Count the jobs of each queue and kind, and name the nodes", stats_footer);
    text("--queue", "NAME", "Only this queue", out_.queue);
    text("--kind", "NAME", "Only this kind", out_.kind);
    declare_prune();
  }

private:
  void begin(jobs_command what, const std::string& name, const std::string& help, const std::string& footer) {
    now_ = jobs_.add_subcommand(name, help);
    now_->fallthrough(); // So that the options for settings may follow.
    now_->group("Commands");
    now_->footer(footer + std::string{jobs_exit_codes});
    now_->callback([&out = out_, what] { out.command = what; });
    add_common_(now_);
  }

  CLI::Option* text(const std::string& name, const std::string& unit, const std::string& help, std::string& to) {
    return now_
        ->add_option_function<std::string>(
            name, [&to](const std::string& x) { to = bare(x); }, help)
        ->type_name(unit)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  /// May be said several times. CLI11 would split a value at commas.
  CLI::Option* texts(const std::string& name, const std::string& unit, const std::string& help,
                     std::vector<std::string>& to) {
    return now_
        ->add_option_function<std::vector<std::string>>(
            name,
            [&to](const std::vector<std::string>& all) {
              for (auto& x : all)
                to.push_back(bare(x));
            },
            help)
        ->type_name(unit)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  CLI::Option* number(const std::string& name, const std::string& help, std::optional<int64_t>& to) {
    return now_
        ->add_option_function<std::string>(
            name,
            [&to, name](const std::string& given) {
              auto x = bare(given);
              int64_t value = 0;
              auto [end, err] = std::from_chars(x.data(), x.data() + x.size(), value);
              if (err != std::errc{} || end != x.data() + x.size())
                throw CLI::ValidationError(name, "'" + x + "' is no whole number");
              to = value;
            },
            help)
        ->type_name("N")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  CLI::Option* ids() {
    return now_
        ->add_option_function<std::vector<std::string>>(
            "ID",
            [&out = out_](const std::vector<std::string>& all) {
              for (auto& x : all)
                out.ids.push_back(bare(x));
            },
            "Their ids, or the beginning of each")
        ->type_name("")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  void filters() {
    text("--queue", "NAME", "Only jobs in this queue", out_.queue);
    text("--kind", "NAME", "Only jobs of this kind", out_.kind);
    texts("--state", "NAME", "Only jobs in this state; may be said several times", out_.state_names);
    text("--tag", "TEXT", "Only jobs with this tag", out_.tag);
  }

  void declare_list() {
    begin(jobs_command::list, "list", "List jobs, the newest first", list_footer);
    filters();
    now_->add_option_function<std::string>(
            "--limit",
            [&to = out_.limit](const std::string& given) {
              auto x = bare(given);
              auto [end, err] = std::from_chars(x.data(), x.data() + x.size(), to);
              if (err != std::errc{} || end != x.data() + x.size() || to < 1 || to > max_limit)
                throw CLI::ValidationError("--limit",
                                           "'" + x + "' is no number from 1 to " + std::to_string(max_limit));
            },
            "At most so many; default: 50")
        ->type_name("N")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  void declare_submit() {
    begin(jobs_command::submit, "submit", "Store a job, and print its id", submit_footer);
    text("KIND", "", "What is to be done: the name of the payload's type", out_.kind)->required();
    text("PAYLOAD", "", "JSON; - reads it from standard input", out_.payload)->required();
    text("--queue", "NAME", "The queue; default: default", out_.queue);
    number("--priority", "From -10000 to 10000; default: 0", out_.priority);
    text("--delay", "SPAN", "Not before this has passed: 30s, 5min, 7d", out_.delay);
    text("--at", "TIME", "Not before this time: 2026-12-24T18:00:00Z", out_.at);
    number("--attempts", "How often it is tried; default: 20", out_.attempts);
    text("--unique", "KEY", "Store it only if no job of its kind holds this key", out_.unique);
    text("--time-limit", "SPAN", "Longest time of one attempt; default: 10min", out_.time_limit);
    texts("--tag", "TEXT", "A tag for people; may be said several times", out_.tags);
  }

  void declare_change(jobs_command what, const std::string& name, const std::string& help, const std::string& footer) {
    begin(what, name, help, footer);
    ids();
    filters();
    now_->add_flag("--all", out_.all, "All jobs that match, instead of single ones");
  }

  void declare_pause(jobs_command what, const std::string& name, const std::string& help) {
    begin(what, name, help, pause_footer);
    now_->add_option_function<std::string>(
            "QUEUE", [&out = out_](const std::string& x) { out.ids = {bare(x)}; }, "Its name")
        ->type_name("")
        ->required();
  }

  void declare_prune() {
    begin(jobs_command::prune, "prune", "Remove jobs that ended some time ago", prune_footer);
    text("--older-than", "SPAN", "How long ago they ended: 7d, 36h, 90min", out_.age_text)->required();
    text("--queue", "NAME", "Only jobs in this queue", out_.queue);
    text("--kind", "NAME", "Only jobs of this kind", out_.kind);
    texts("--state", "NAME", "Only done, discarded or cancelled ones; may be said several times", out_.state_names);
  }

  CLI::App& jobs_;
  jobs_options& out_;
  const std::function<void(CLI::App*)>& add_common_;
  CLI::App* now_ = nullptr;
};

} // namespace

void declare_jobs_commands(CLI::App& jobs, jobs_options& out, const std::function<void(CLI::App*)>& add_common) {
  declaration{jobs, out, add_common}.declare_all();
}

} // namespace cenote::app
