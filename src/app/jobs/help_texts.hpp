#pragma once

/// What the help of `cenote jobs` says beside the list of options.
namespace cenote::app::help {

inline constexpr auto jobs_footer = R"~(
Works on the tables of the jobs in the database of DATABASE_URI, or with --node
behind a pool node. The workers need not run, and are told nothing: what is
changed here they see at their next poll.

'cenote jobs COMMAND --help' shows the options of each and examples.

Examples:
  cenote jobs migrate
  cenote jobs stats
  cenote jobs list --state discarded
  cenote jobs show 01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f
)~";

/// The end of the help of each of its commands.
inline constexpr auto jobs_exit_codes = R"~(
Exit codes:
  0  done
  1  it did not work; the log on standard error says why
  2  the command line, a setting or standard input cannot be used

'cenote --help' lists the options for settings; they may follow here, too.)~";

inline constexpr auto migrate_footer = R"~(
Creates the tables of the jobs, or brings those of an earlier version to that
of this program; jobs that are stored stay. Does nothing if there is nothing to
do, and may be run by several at the same time. Tables of a later version are
left alone: that is an error. The account needs CREATE, ALTER and INDEX.

Examples:
  cenote jobs migrate
  DATABASE_URI_FILE=admin.uri cenote jobs migrate --json
)~";

inline constexpr auto list_footer = R"~(
Newest first, by the time of their submission. Of a state, those are looked at
that were due or have ended last. A tag without another filter is looked for in
all jobs, which takes its time if there are many.

WHEN is, for a job that is scheduled or waiting, when it is due or was; for a
running one when it began; for others when they ended.

--json prints one object with an array "jobs"; times are in RFC 3339. Payload
and result are told by 'cenote jobs show'.

Examples:
  cenote jobs list
  cenote jobs list --queue mail --state running --state waiting
  cenote jobs list --json --state discarded | jq -r '.jobs[].error'
)~";

inline constexpr auto show_footer = R"~(
An id may be cut, as long as only one job has an id that begins so.

--json prints one object with an array "jobs"; payload and result are JSON in
it, not text, as far as they can be.

Examples:
  cenote jobs show 01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f
  cenote jobs show 01939c9e-7a2f-7c3d-9b1e --json | jq '.jobs[0].payload'
)~";

inline constexpr auto submit_footer = R"~(
Prints the id of the job. With --unique, if another job of this kind holds the
key and has not ended, nothing is stored, and that job's id is printed.
The payload has to be JSON; whether a worker can read it, it only says when it
has got it. After '--' nothing is taken for an option.

Examples:
  cenote jobs submit scrape_manga '{"anilist_id": 30002}'
  cenote jobs submit send_mail - --queue mail --delay 5min <mail.json
  cenote jobs submit report '{}' --at 2026-12-24T18:00:00Z --unique daily
)~";

inline constexpr auto retry_footer = R"~(
Has jobs done again that are discarded or cancelled, with all their attempts,
or at once if they are scheduled. With --all and filters: all that match, which
are the discarded ones unless --state says otherwise. Prints how many.

Examples:
  cenote jobs retry 01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f
  cenote jobs retry --all --kind scrape_manga
)~";

inline constexpr auto cancel_footer = R"~(
Nothing that a running job does in the database takes effect any more; its
handler is told with its worker's next heartbeat. With --all and filters: all
that match and have not ended. Prints how many.

Examples:
  cenote jobs cancel 01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f
  cenote jobs cancel --all --queue mail --state scheduled
)~";

inline constexpr auto discard_footer = R"~(
As cancel, but the jobs count as failed. With --all and filters: all that match
and have not ended. Prints how many.

Examples:
  cenote jobs discard 01939c9e-7a2f-7c3d --reason "the page is gone"
  cenote jobs discard --all --kind scrape_manga --tag manga:30002
)~";

inline constexpr auto pause_footer = R"~(
A pause is stored: it lasts until 'cenote jobs resume', whatever is restarted.
Jobs that run go on; jobs may still be submitted.

Examples:
  cenote jobs pause mail
  cenote jobs resume mail
)~";

inline constexpr auto stats_footer = R"~(
Jobs that have ended are counted up to 10000 of a kind and state; >10000 says
that there are more. OLDEST is how long the next job waits for a worker.

--json prints one object with arrays "kinds", "limits" and "nodes".

Examples:
  cenote jobs stats
  cenote jobs stats --json | jq '.kinds[] | select(.oldest_seconds > 60)'
)~";

inline constexpr auto prune_footer = R"~(
Removes at most 1000 jobs at a time, so that nobody waits; interrupting it does
no harm. A job that still holds its unique key stays. 'cenote serve' and the
workers remove jobs by themselves, too.

Examples:
  cenote jobs prune --older-than 7d
  cenote jobs prune --older-than 36h --state done --kind scrape_manga
)~";

} // namespace cenote::app::help
