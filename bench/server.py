"""The server that is measured against, and what the benchmark does to it beside the measuring."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

BENCH = Path(__file__).resolve().parent
SCRIPT = BENCH.parent / "scripts" / "mariadb"


def given_uri() -> str:
    """Of the server that is to be measured."""
    if "DATABASE_URI" not in os.environ:
        raise RuntimeError("DATABASE_URI is not set; scripts/bench starts a server of its own")
    return os.environ["DATABASE_URI"]


class Server:
    def __init__(self, uri: str, folder: Path | None = None, owner: int | None = None):
        """Folder is that of a private server of scripts/mariadb, owner the process that it runs `--with`."""
        parts = urlsplit(uri)
        if parts.scheme != "mysql" or not parts.path.strip("/"):
            raise ValueError("DATABASE_URI must look like mysql://user:password@host:port/database")
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.host, self.database = parts.hostname or "127.0.0.1", parts.path.strip("/")
        self.folder, self.owner = folder, owner
        self._door = {"host": self.host, "port": str(parts.port or 3306)}
        if path := parse_qs(parts.query).get("unix_socket"):
            self._door = {"socket": path[0]}
        port, self.socket, self.version = self.sql("SELECT @@port, @@socket, VERSION()")[0]
        self.port = int(port)

    def sql(self, statements: str) -> list[list[str]]:
        """Runs statements through the command-line client."""
        command = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4",
                   f"--user={self.user}", *(f"--{k}={v}" for k, v in self._door.items()), self.database]
        done = subprocess.run(command, input=statements, text=True, capture_output=True, process_group=0,
                              env=os.environ | {"MYSQL_PWD": self.password})
        if done.returncode != 0:
            raise RuntimeError(f"the server refused what the benchmark needs: {done.stderr.strip()}")
        return [x.split("\t") for x in done.stdout.splitlines()]

    def uri(self, port: int | None = None) -> str:
        """The way in by TCP, on a port that may be a forwarder's."""
        return f"{self._login()}@127.0.0.1:{port or self.port}/{self.database}"

    def unix_uri(self) -> str:
        return f"{self._login()}@localhost/{self.database}?unix_socket={quote(self.socket)}"

    def _login(self) -> str:
        return f"mysql://{quote(self.user, safe='')}:{quote(self.password, safe='')}"

    def make_tables(self) -> None:
        self.sql((BENCH / "tables.sql").read_text())

    def drop_tables(self) -> None:
        self.sql("DROP TABLE IF EXISTS bench_point, bench_account, bench_entry, bench_large")

    def reset_transactions(self) -> None:
        self.sql("UPDATE bench_account SET balance = 0 WHERE balance <> 0; TRUNCATE bench_entry")

    def audit_transactions(self, at_least: int) -> str:
        """What is wrong with the outcome of so many transactions; empty if nothing: none is lost or torn apart."""
        balance, entries = map(int, self.sql("SELECT (SELECT SUM(balance) FROM bench_account), COUNT(*) "
                                             "FROM bench_entry")[0])
        if balance != entries:
            return f"audit: transactions were torn apart: SUM(balance) is {balance}, but there are {entries} entries"
        if entries < at_least:
            return f"audit: transactions were lost: {at_least} were reported, {entries} are there"
        return ""

    def crash(self) -> None:
        """Kills the server without warning."""
        assert self.folder
        pid = int((self.folder / "server.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline")
        if f"--datadir={self.folder}/data" not in command.read_text().split("\0"):
            raise RuntimeError(f"process {pid} is not the server in {self.folder}")
        os.kill(pid, signal.SIGKILL)
        # An ended process keeps its number, but has no command line any more.
        while command.exists() and command.read_bytes():
            time.sleep(0.001)

    def revive(self) -> float:
        """Starts the server again; returns the Unix time at which it first greeted a client."""
        assert self.folder
        owner = ["--with", str(self.owner), "--remove"] if self.owner else []
        start = subprocess.Popen([SCRIPT, "start", self.folder, *owner], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True, process_group=0)
        greeted = None
        deadline = time.time() + 60
        while not greeted and time.time() < deadline and start.poll() in (None, 0):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as x:
                    greeted = time.time() if x.recv(5) else None
            except OSError:
                time.sleep(0.001)
        errors = start.communicate()[1].strip()
        if not greeted or start.returncode != 0:
            raise RuntimeError(f"the server did not start again: {errors}")
        return greeted
