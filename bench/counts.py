#!/usr/bin/env python3
"""Counts what a statement costs cenote with 1, 2 and 4 I/O threads: instructions of each thread, and contended locks.

Counts say what more cores would bring where time cannot, because clients and server share few: an I/O thread can do no more
statements per second than its instructions per statement allow. Needs valgrind, and for locks perf with the right to
trace. scripts/bench --counts builds all and starts a server for it; nothing else may ask that server meanwhile.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from program import conduct
from report import number, table
from server import Server, given_uri

PROGRAM = Path(__file__).resolve().parent.parent / "build" / "release" / "bin" / "cenote-bench-cenote"
IO_LOOP = "event_loop::run()"  # Only I/O threads call it; others may run a loop while they wait.
SECONDS = 8.0
TRACED_SECONDS = 2.0


def command(callers: int, io_threads: int, seconds: float) -> list:
    return [PROGRAM, "point", "--callers", callers, "--io-threads", io_threads, "--seconds", seconds]


def started(arguments: list) -> subprocess.Popen[str]:
    """The side, once it measures."""
    process = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    if process.stdout.readline() != "ready\n":
        raise RuntimeError("the side does not start")
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the side ended with code {process.returncode}")


def instructions(server: Server, callers: int, io_threads: int, folder: Path) -> tuple[list[float], list[float]]:
    """Per statement: of the I/O threads, and of the scheduler's. What the main thread does is the start of the benchmark."""
    before = selects(server)
    finish(started(["valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes",
                    f"--callgrind-out-file={folder}/{io_threads}", *command(callers, io_threads, SECONDS)]))
    statements = selects(server) - before
    io, scheduler = [], []
    for file in folder.glob(f"{io_threads}-*"):
        text = file.read_text()
        found = re.search(r"^totals: (\d+)", text, re.MULTILINE)
        assert found
        if IO_LOOP in text:
            io.append(int(found[1]) / statements)
        elif is_of_scheduler(text):
            scheduler.append(int(found[1]) / statements)
    if len(io) != io_threads:
        raise RuntimeError(f"{len(io)} threads call {IO_LOOP}, {io_threads} should")
    return sorted(io, reverse=True), scheduler


def is_of_scheduler(profile: str) -> bool:
    """The main thread makes the scheduler's, but is not started by a thread itself."""
    return "caf::scheduler::worker" in profile and "start_thread" in profile


def selects(server: Server) -> int:
    return int(server.sql("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1])


def waits(server: Server, callers: int, io_threads: int, folder: Path) -> dict[str, float]:
    """Per 1 000 statements, by what the kernel was asked: WAIT is that of a mutex, WAIT_BITSET that of a condition."""
    process = started(command(callers, io_threads, TRACED_SECONDS + 0.5))
    before, file = selects(server), folder / "trace"
    done = subprocess.run(["perf", "trace", "--output", file, "--event", "futex", "--pid", str(process.pid), "--", "sleep",
                           str(TRACED_SECONDS)], capture_output=True, text=True)
    statements = selects(server) - before
    finish(process)
    if done.returncode != 0:
        raise RuntimeError(f"perf: {done.stderr.strip()}")
    operations = re.findall(r"futex\(.*?op: (WAIT\w*)", file.read_text())
    return {x: 1_000 * operations.count(x) / statements for x in ("WAIT", "WAIT_BITSET")}


def line(server: Server, callers: int, io_threads: int, folder: Path) -> list[str]:
    io, scheduler = instructions(server, callers, io_threads, folder)
    found = waits(server, callers, io_threads, folder) if shutil.which("perf") else {}
    return [f"{callers} callers, {io_threads} I/O thread{'s' if io_threads > 1 else ''}", number(sum(io) + sum(scheduler)),
            " + ".join(map(number, io)), number(sum(scheduler)), *(number(x) for x in found.values())]


def main() -> None:
    server = Server(given_uri())
    if not shutil.which("valgrind"):
        raise RuntimeError("needs the package valgrind")
    header = ["per statement", "instructions", "of them of each I/O thread", "of the scheduler thread",
              "contended locks per 1 000", "sleeps per 1 000"]
    lines = []
    server.make_tables()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for callers in (256, 1_024):
                for io_threads in (1, 2, 4):
                    lines.append(line(server, callers, io_threads, Path(folder)))
                    print(f"bench: {', '.join(lines[-1])}", file=sys.stderr, flush=True)
    finally:
        server.drop_tables()
    print(table(header[:min(map(len, lines))], lines), end="")


if __name__ == "__main__":
    conduct(main)
