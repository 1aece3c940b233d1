"""The processes of a fault test: pool nodes and their clients. They end with the test, however that ends."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

START_SECONDS = 60
# A child is killed if its parent dies.
TIED = ["setpriv", "--pdeathsig", "KILL", "--"]


class Fault(Exception):
    """What is being tested does not do what it should."""


def await_true(what: str, condition: Callable[[], bool], seconds: float) -> float:
    """Waits until it holds; returns how many seconds that took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise Fault(f"after {seconds:g} s it is still not so: {what}")
        time.sleep(0.03)
    return time.monotonic() - begin


def prepared(option: str) -> list[str]:
    """CENOTE_TEST_PREPARED, if it is set, says how many prepared statements each connection keeps."""
    kept = os.environ.get("CENOTE_TEST_PREPARED")
    return [] if kept is None else [f"{option}={kept}"]


def clean_environment(**variables: str) -> dict[str, str]:
    """Without settings of the user's own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CENOTE_", "DATABASE_"))}
    return kept | variables


def sockets_to(port: int) -> set[str]:
    """The connections to a port of this machine, as /proc/PID/fd shows them."""
    rows = (x.split() for x in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {f"socket:[{x[9]}]" for x in rows if x[2].endswith(f":{port:04X}")}


class Program:
    """A process that can be stopped, continued and killed."""

    def __init__(self, log: Path):
        self.log = log
        self.process: subprocess.Popen | None = None

    def launch(self, command: list, **options) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen([*TIED, *map(str, command)], stderr=log, process_group=0, **options)

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def descriptors(self, without_port: int) -> list[str]:
        """What they are, except connections to that port of this machine."""
        left_out = sockets_to(without_port)
        found = []
        for each in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(each))
        return sorted(x for x in found if x not in left_out)

    def last_lines(self, count: int = 15) -> str:
        return "\n".join("    " + x for x in self.log.read_text(errors="replace").splitlines()[-count:])


class Node(Program):
    """`cenote serve` that publishes its pool."""

    def __init__(self, name: str, binary: Path, options: list[str], uri: str, folder: Path):
        super().__init__(folder / f"{name}.log")
        self.name, self.binary, self.options, self.uri, self.folder = name, binary, options, uri, folder
        self.port = self.http_port = 0

    def start(self) -> None:
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.launch([self.binary, "serve", f"--node-name={self.name}", "--node-listen=127.0.0.1:0",
                     "--http-listen=127.0.0.1:0", "--log-status-interval=0",
                     *prepared("--pool-prepared-statements"), *self.options],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=self.folder,
                    env=clean_environment(DATABASE_URI=self.uri))

        def is_ready() -> bool:
            if not self.is_alive():
                raise Fault(f"{self.name} has ended by itself; its last words:\n{self.last_lines()}")
            text = self.log.read_bytes()[begin:].decode(errors="replace")
            published = re.search(r"the pool is published at 127\.0\.0\.1:(\d+)", text)
            http = re.search(r"HTTP: http://127\.0\.0\.1:(\d+)", text)
            if not (published and http and "ready: " in text):
                return False
            self.port, self.http_port = int(published[1]), int(http[1])
            return True

        await_true(f"{self.name} is ready", is_ready, START_SECONDS)

    def fetch(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=20) as answer:
            return answer.read().decode()

    def status(self) -> dict:
        return json.loads(self.fetch("/status"))

    def clients(self) -> list[dict]:
        return self.status()["node"]["clients"]

    def sessions(self) -> list[dict]:
        return json.loads(self.fetch("/status/sessions"))["sessions"]

    def actors(self) -> int:
        """That run; without those that answer this very question."""
        return int(float(re.search(r"^caf_system_running_actors(?:\{.*\})? (\S+)", self.fetch("/metrics"), re.M)[1]))

    def stop(self, seconds: float) -> None:
        """Ends in order, which must not take longer."""
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Fault(f"{self.name} has not ended {seconds:g} s after SIGTERM:\n{self.last_lines()}") from None
        if code != 0:
            raise Fault(f"{self.name} has ended with code {code}; its last words:\n{self.last_lines()}")


class Worker(Program):
    """A client: see tests/support/node_worker.cpp."""

    def __init__(self, number: int, binary: Path, options: list[str], folder: Path):
        super().__init__(folder / f"worker{number}.log")
        self.number, self.binary, self.options = number, binary, options
        self.name = f"worker{number}"
        self.ledger = folder / f"worker{number}.ledger"
        self._read, self.acknowledged = 0, 0

    def start(self, doors: list[int], cwd: Path) -> None:
        self.ledger.touch()
        self.launch([self.binary, "--nodes", ",".join(f"127.0.0.1:{x}" for x in doors), "--name", self.name,
                     "--writer", self.number, "--log", self.ledger, *self.options],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd, env=clean_environment())

    def count_acknowledged(self) -> int:
        with self.ledger.open("rb") as file:
            file.seek(self._read)
            news = file.read()
        self._read += len(news)
        self.acknowledged += news.count(b"+")
        return self.acknowledged

    def release(self) -> None:
        """Lets its callers end after their last answers."""
        self.process.stdin.close()
        self.process.stdin = None

    def report(self, seconds: float) -> dict:
        """What it says at its end."""
        try:
            printed, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Fault(f"{self.name} has not ended {seconds:g} s after its last request:\n{self.last_lines()}") from None
        try:
            out = json.loads(printed)
        except ValueError:
            raise Fault(f"{self.name} has ended with code {self.process.returncode} and without a report:\n"
                        f"{self.last_lines()}") from None
        if self.process.returncode != 0 and not out["callers_left"]:
            raise Fault(f"{self.name} has ended with code {self.process.returncode}:\n{self.last_lines()}")
        return out
