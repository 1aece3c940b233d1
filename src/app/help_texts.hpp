#pragma once

/// What the program's help says beside the list of options.
namespace cenote::app::help {

inline constexpr auto about = R"~(cenote: a connection pool manager for MariaDB and MySQL.

The environment variable DATABASE_URI says where the database is:
mysql://user:password@host:port/database. Or DATABASE_URI_FILE names a file
that holds the URI. With --node HOST:PORT a command goes through a pool node
instead: a 'cenote serve' elsewhere that publishes its pool.
)~";

inline constexpr auto main_footer = R"~(
Settings are taken from the command line, the environment, the config file
and the defaults; the first that has a value counts. Options may stand before
or after the command. 'cenote COMMAND --help' shows examples.

Exit codes, of all commands:
  0    done
  1    it did not work; the log on standard error says why
  2    the command line, a setting (DATABASE_URI included) or standard input
       cannot be used; nothing was tried
  130  interrupted (128 + the signal's number)

SIGINT, SIGTERM and SIGHUP end a command, also while it waits for somebody who
writes what it reads, or reads what it writes; a third one ends it at once.
Other signals are answered in the log.)~";

inline constexpr auto check_footer = R"~(
Opens one connection and prints the pool's status, or one CRITICAL line on
standard error that says what is wrong and what to do. An unreachable server is
noticed after --server-connect-timeout at the latest. With --pool-size on the
command line so many connections are opened, to see whether they can be.

--node goes through a pool node, with the certificates and the token of the
remote settings: DATABASE_URI is not looked at. A node is waited for for 5
seconds at most, or for --remote-timeout. remote.nodes in the config file or
the environment alone changes nothing here.

Examples:
  DATABASE_URI=mysql://user:password@db.example/bato cenote check
  cenote check --json --pool-size 20
  cenote check --embedded            try it without any server of your own
  cenote check --node pool.example:4243 --config worker.conf

Exit codes:
  0  the server answers
  1  it does not, or no pool node can be used
  2  the command line or a setting (DATABASE_URI included) cannot be used

'cenote --help' lists the options for settings; they may follow here, too.)~";

inline constexpr auto sql_footer = R"~(
PARAMS replace the question marks in STATEMENT, safely. Integers and decimals
written plainly (42, -1.50) are sent as numbers and NULL as NULL, everything
else as text; --text sends all of them as text. After '--' nothing is taken
for an option.

Statements that start with SELECT, SHOW, DESCRIBE or EXPLAIN are reads: they
are repeated if the connection breaks. Others are only repeated if they
certainly did not run. --log-level warning tells of that.

--json prints one object:
  {"columns": [names], "rows": [[values]], "affected_rows": n,
   "last_insert_id": n}
with integers and doubles as numbers, NULL as null, decimals, dates and text
as strings, bytes as {"base64": "..."}. Warnings, if there are any, follow as
"warnings": [{"level": "...", "code": n, "message": "..."}]; without --json
each is a line. After a statement such as SET or CALL, which is followed by a
reset of the connection, only their number is known; so it is with --node,
which goes through a pool node as 'cenote check --help' says.

Examples:
  cenote sql "SELECT * FROM manga WHERE anilist_id = ?" 30002
  cenote sql --json "SHOW TABLES" | jq -r '.rows[][0]'
  cenote sql - <report.sql
  cenote sql --embedded "SELECT VERSION()"
  cenote sql --node pool.example:4243 --config worker.conf "SELECT 1"

Exit codes:
  0  done
  1  the server, or every pool node, cannot be reached or refuses the
     statement, or standard output cannot be written
  2  the command line or a setting cannot be used

'cenote --help' lists the options for settings; they may follow here, too.)~";

inline constexpr auto health_footer = R"~(
Asks /livez, or with --ready /readyz, and waits for 3 seconds at most. Needs no
DATABASE_URI. For the HEALTHCHECK of containers.

Examples:
  cenote health
  cenote health --ready http://127.0.0.1:9180

Exit codes:
  0  it is well
  1  it is not, or does not answer
  2  the command line or a setting cannot be used

'cenote --help' lists the options for settings; they may follow here, too.)~";

inline constexpr auto top_footer = R"~(
Shows the state, connections, waiting callers, statements per second, wait and
statement times, errors, retries, circuit breakers, sessions, the costliest
statements and the last events, refreshed every second. Keys: q or Control-C
quits, Control-Z stops, Control-L draws anew. Needs no DATABASE_URI. If
http.token-file is set, shows the token in that file.

Where standard output is not a terminal, or TERM is dumb, it prints one line
per second; so it does with --count and --once. A program that does not answer
is asked again every second.

--node asks the pool behind a pool node instead, as 'cenote check --help' says,
where HTTP cannot be reached. Wait and statement times, retries and events from
before its start are not told then.

Examples:
  cenote top
  cenote top http://127.0.0.1:9180 --http-token-file /etc/cenote.token
  cenote top --count 60 >minute.log
  cenote top --node pool.example:4243 --config worker.conf

Exit codes:
  0  quit by a key, or all lines are printed
  1  the last line says that it did not answer
  2  the command line or a setting cannot be used

'cenote --help' lists the options for settings; they may follow here, too.)~";

inline constexpr auto serve_footer = R"~(
Runs until SIGTERM or SIGINT, then takes no new work and finishes what it has
accepted, --pool-drain-timeout at most. A second signal cuts that short.
SIGUSR1 logs the status. SIGHUP reads configuration and credentials again, and
uses them if all can be; it ends a serve that was started from a terminal.
Answers HTTP at --http-listen: /livez, /readyz, /startupz, /metrics, /status,
and /admin with a token. With --node-listen it publishes the pool to other
processes as a pool node, which check, sql, top and jobs use with --node.
If the database has the tables of jobs, it gives the jobs of lost workers to
others, submits periodic ones and removes old ones.
A server that is down is waited for; a wrong password or a missing database
ends the program.

Examples:
  doppler run -- cenote serve
  cenote serve --node-listen 127.0.0.1:4243      for this machine alone
  cenote serve --config /etc/cenote.conf --log-format json

Exit codes:
  0  stopped by a signal
  1  the login is refused, the database does not exist, or it cannot listen
  2  the command line or a setting cannot be used

'cenote --help' lists the options for settings; they may follow here, too.)~";

} // namespace cenote::app::help
