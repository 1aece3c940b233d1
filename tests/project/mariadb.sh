#!/usr/bin/env bash
# Tests scripts/mariadb: mariadb.sh SCRIPT. Every server it starts ends with it.
set -euo pipefail

script=$(readlink -f "$1")
work=$(mktemp -d)
work=$(readlink -f "$work")
clean() {
  local dir
  for dir in "$work"/*/; do "$script" stop "$dir" --remove >/dev/null 2>&1 || true; done
  rm -rf "$work"
}
trap clean EXIT
# Should this be killed, its servers end, too.
start() { "$script" start "$@" --with $$; }

fail() { echo "FAILED: $*" >&2; exit 1; }
same() { [[ $2 == "$3" ]] || fail "$1: '$2' instead of '$3'"; }
ends() { # Waits until the command fails.
  local tries=100
  while "${@:2}" >/dev/null 2>&1; do
    ((tries-- > 0)) || fail "$1"
    sleep 0.1
  done
}
refused() { # Runs a command that must fail; prints its last words.
  local out
  if out=$("${@}" 2>&1); then fail "no error: $*"; fi
  printf '%s\n' "${out##*$'\n'}"
}
query() { # DIR SQL
  MYSQL_PWD=$(<"$1/password") mariadb --no-defaults -h 127.0.0.1 -P "$(<"$1/port")" -u cenote -N -B -e "$2" cenote
}

echo "- start prints the URI alone, and a server answers there"
uri=$(start "$work/a" 2>"$work/words")
[[ $uri =~ ^mysql://cenote:[A-Za-z0-9]{20,}@127\.0\.0\.1:[0-9]+/cenote$ ]] || fail "URI: $uri"
same "charset" "$(query "$work/a" 'SELECT @@character_set_database')" utf8mb4
same "mode" "$(stat -c %a "$work/a")" 700
! grep -q "$(<"$work/a/password")" "$work/words" || fail "the password is in the words"
! grep -q "$(<"$work/a/password")" "$work/a/error.log" || fail "the password is in the log"
! tr '\0' ' ' </proc/"$(<"$work/a/server.pid")"/cmdline | grep -q "$(<"$work/a/password")" \
  || fail "the password is on the server's command line"
same "accounts" "$(query "$work/a" "SELECT GROUP_CONCAT(User) FROM mysql.global_priv WHERE User <> 'mariadb.sys'")" cenote

echo "- a second start, uri and status agree"
same "second start" "$(start "$work/a" 2>/dev/null)" "$uri"
same "uri" "$("$script" uri "$work/a")" "$uri"
"$script" status "$work/a" >/dev/null || fail "status"

echo "- data, password and port survive stop, and kill -9"
query "$work/a" "CREATE TABLE t (a INT); INSERT INTO t VALUES (7)"
"$script" stop "$work/a" 2>/dev/null
[[ $(refused "$script" uri "$work/a") == *"no server runs in $work/a"* ]] || fail "uri of a stopped server"
same "start after stop" "$(start "$work/a" 2>/dev/null)" "$uri"
pid=$(<"$work/a/server.pid")
kill -9 "$pid"
ends "the killed server is said to run" "$script" status "$work/a"
same "start after kill" "$(start "$work/a" 2>/dev/null)" "$uri"
same "data" "$(query "$work/a" 'SELECT a FROM t')" 7

echo "- a taken port is left to its owner"
"$script" stop "$work/a" 2>/dev/null
python3 - "$(<"$work/a/port")" >"$work/listening" <<'PYTHON' &
import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
print("yes", flush=True)
time.sleep(60)
PYTHON
holder=$!
until [[ -s $work/listening ]]; do sleep 0.05; done
other=$(start "$work/a" 2>/dev/null)
kill "$holder"
[[ $other != "$uri" ]] || fail "it took a port that was taken"
same "data on another port" "$(query "$work/a" 'SELECT a FROM t')" 7

echo "- stop touches no process that is not its server"
"$script" stop "$work/a" 2>/dev/null
sleep 60 &
innocent=$!
echo "$innocent" >"$work/a/server.pid"
"$script" stop "$work/a" 2>/dev/null
kill -0 "$innocent" || fail "it ended another process"
kill "$innocent"

echo "- stop --remove leaves nothing, but what is not its own"
start "$work/a" >/dev/null 2>&1
touch "$work/a/precious"
"$script" stop "$work/a" --remove 2>/dev/null
same "left over" "$(ls -A "$work/a")" precious
! grep -qsz -- "^$work/a\$" /proc/[0-9]*/cmdline || fail "the watcher is left"
[[ $(refused "$script" start "$work/a") == *"holds something else"* ]] || fail "it moved into a folder with files"

echo "- starts of one folder at the same time give one server"
for i in 1 2 3; do start "$work/b" >"$work/uri$i" 2>/dev/null & jobs[i]=$!; done
for i in 1 2 3; do wait "${jobs[i]}" || fail "start $i"; done
same "two at once" "$(sort -u "$work"/uri? | wc -l)" 1

echo "- with --with the server ends with its owner, and the folder too"
sleep 60 &
owner=$!
"$script" start "$work/c" --with "$owner" --remove >/dev/null 2>&1
pid=$(<"$work/c/server.pid")
kill -9 "$owner"
ends "the folder outlives the owner" test -d "$work/c"
ends "the server outlives the owner" grep -q '^State:.[^Z]' "/proc/$pid/status"

# Whether the start for the owner runs. An owner that is killed before it has called for a start is not its business.
starting() {
  local file files
  mapfile -t files < <(grep -lszx -- "$work/killed" /proc/[0-9]*/cmdline)
  for file in "${files[@]}"; do ! grep -qszx -- --with "$file" || return 0; done
  return 1
}

echo "- an owner that is killed while the server starts leaves nothing, whenever that is"
mkfifo "$work/words-pipe"
for delay in 0 0.02 0.05 0.1 0.15 0.2 0.3 0.4 0.6 0.9; do
  mkdir "$work/killed"
  cat "$work/words-pipe" >/dev/null &
  reader=$!
  bash -c '"$0" start "$1" --with $$ --remove >"$2" 2>&1; sleep 60' "$script" "$work/killed" "$work/words-pipe" &
  owner=$!
  until starting; do sleep 0.002; done
  sleep "$delay"
  # Who reads what the script says goes with the owner.
  kill -9 "$reader" "$owner"
  wait "$reader" "$owner" 2>/dev/null || true
  ends "the folder outlives the owner that was killed after $delay s" test -d "$work/killed"
  ! grep -qsz -- "--datadir=$work/killed/data" /proc/[0-9]*/cmdline || fail "a server outlives its owner, killed after $delay s"
  ! grep -qsz -- "^$work/killed\$" /proc/[0-9]*/cmdline || fail "a watcher or start is left, owner killed after $delay s"
done

echo "- a start that fails leaves no watcher, unless it has a folder to remove"
sleep 60 &
owner=$!
[[ $(refused "$script" start "$work/f" --with "$owner" -- --no-such-option) == *"did not start"* ]] || fail "wrong option"
ends "the watcher of a failed start is left" grep -qsz -- "^$work/f\$" /proc/[0-9]*/cmdline
"$script" stop "$work/f" --remove 2>/dev/null
kill "$owner"

echo "- a folder too deep for a socket"
deep=$work/$(printf 'x%.0s' {1..100})
start "$deep" >/dev/null 2>&1
socket=$(<"$deep/socket")
[[ ${#socket} -le 107 && -S $socket ]] || fail "socket: $socket"
"$script" stop "$deep" --remove 2>/dev/null
[[ ! -e ${socket%/*} ]] || fail "the socket's folder is left"

echo "- options of the server, for one start"
"$script" start "$work/d" --with $$ -- --max-connections=33 >/dev/null 2>&1
same "max_connections" "$(query "$work/d" 'SELECT @@max_connections')" 33
"$script" stop "$work/d" 2>/dev/null
[[ $(refused "$script" start "$work/d" -- --nonsense) == *"the server did not start"* ]] || fail "bad option"
start "$work/d" >/dev/null 2>&1

echo "- errors are one clear line"
same "no command" "$(refused "$script")" "mariadb: error: say what to do: start, stop, uri or status (--help tells more)"
[[ $(refused "$script" fly) == "mariadb: error: unknown command 'fly'"* ]] || fail "unknown command"
[[ $(refused "$script" start "$work/e" --fly) == *"unknown option '--fly'"* ]] || fail "unknown option"
[[ $(refused "$script" start "$work/e" --with 999999999) == *"there is no such process"* ]] || fail "no such process"
touch "$work/file"
[[ $(refused "$script" start "$work/file/x") == *"cannot create the folder"* ]] || fail "a file in the way"
"$script" stop "$work/nowhere" 2>/dev/null || fail "to stop nothing is no error"

echo "- without an installed server it says what to install"
mkdir "$work/bin"
for tool in bash env readlink realpath id dirname cat; do ln -s "$(type -P "$tool")" "$work/bin/$tool"; done
# shellcheck disable=SC2016 # A shell's variable, but of the other script.
sed 's|^  local path=.*|  local path=$PATH|' "$script" >"$work/bin/mariadb-alone"
chmod +x "$work/bin/mariadb-alone"
same "no server" "$(PATH=$work/bin refused "$work/bin/mariadb-alone" start "$work/f")" \
  "mariadb: error: no MariaDB server is installed: install mariadb-server, or run scripts/setup"

echo "all passed"
