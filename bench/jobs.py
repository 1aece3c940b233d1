#!/usr/bin/env python3
"""Measures the job queue: throughput, delay from submit to start, cost of an idle node, and a large table.

Beside it, in turn: a hand-written loop that claims one job at a time (`cenote-bench-job-loop`), on the same table, and
oxen-queue, a job queue of npm on a table of its own, if node is there. Starts a private server. Build the release preset
first:

    cmake --preset release && ninja -C build/release cenote-bench-jobs cenote-bench-job-loop
    bench/jobs.py                       all, with three rounds: about half an hour
    bench/jobs.py --only throughput --jobs 20000

Writes Markdown to stdout, progress to stderr.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from program import conduct
from server import Server

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("throughput", "delay", "idle", "large")
MAX_RUNNING = 256
CONNECTIONS = 4
KIND = "cenote::bench::empty_job"
LARGE = 1_000_000
# The others would need minutes for as many as the queue does.
LOOP_SHARE = 10
OXEN = ROOT / "build/bench/oxen"
COLUMNS = ("id, queue, kind, state, place, priority, attempt, max_attempts, created_at, run_at, time_limit, backoff_first, "
           "backoff_longest, payload")


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def install_oxen() -> bool:
    """Whether it is there."""
    try:
        subprocess.run([ROOT / "scripts/npm-install", ROOT / "bench/jobs/oxen", OXEN], check=True)
        shutil.copy(ROOT / "bench/jobs/oxen/side.js", OXEN)
    except (OSError, subprocess.CalledProcessError):
        say("oxen-queue is left out")
        return False
    return True


class Process:
    """A program that says `ready`, begins with a line and ends with another."""

    def __init__(self, command: list, uri: str, password: str = ""):
        self.process = subprocess.Popen([str(x) for x in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | {"DATABASE_URI": uri, "MYSQL_PWD": password})
        if self.line() != "ready":
            raise RuntimeError(f"{command[0]} is not ready")

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def times(self) -> tuple[float, float, float]:
        """When it began, had submitted, and found the queue empty, in seconds."""
        word, *numbers = self.line().split()
        if word != "times":
            raise RuntimeError(f"the program said {word!r}")
        return tuple(int(x) / 1e9 for x in numbers)

    def end(self) -> str:
        self.process.stdin.close()
        rest = self.process.stdout.read()
        if self.process.wait(60) != 0:
            raise RuntimeError(f"a program ended with code {self.process.returncode}")
        return rest


class Bench:
    def __init__(self, server: Server, uri: str, build: Path):
        self.server, self.uri = server, uri
        self.node_program, self.loop_program = build / "bin/cenote-bench-jobs", build / "bin/cenote-bench-job-loop"

    def node(self, *options) -> Process:
        return Process([self.node_program, "--connections", CONNECTIONS, "--max-running", MAX_RUNNING, *options], self.uri)

    def migrate(self) -> None:
        subprocess.run([self.node_program, "--migrate"], check=True, env=os.environ | {"DATABASE_URI": self.uri})

    def empty(self) -> None:
        self.server.sql("DROP TABLE IF EXISTS oxen_queue, cenote_job, cenote_job_node, cenote_job_limit, cenote_job_batch, "
                        "cenote_job_periodic, cenote_job_migration")
        self.migrate()

    def run_queue(self, jobs: int, nodes: int) -> float:
        """Jobs per second, submitted and done, by so many processes."""
        crew = [self.node("--jobs", jobs // nodes) for _ in range(nodes)]
        for each in crew:
            each.go()
        told = [x.times() for x in crew]
        for each in crew:
            each.end()
        done = self.count("state = 4 AND attempt = 1")
        if done < jobs:
            raise RuntimeError(f"only {done} of {jobs} jobs are done")
        return jobs / (max(x[2] for x in told) - min(x[0] for x in told))

    def run_loop(self, jobs: int, processes: int) -> float:
        """The same by hand: submitted by cenote beforehand, then claimed one at a time."""
        submitter = self.node("--jobs", jobs, "--no-work")
        submitter.go()
        begin, submitted, _ = submitter.times()
        submitter.end()
        server = self.server
        crew = [Process([self.loop_program, "--host", "127.0.0.1", "--port", server.port, "--user", server.user,
                         "--database", server.database, "--threads", CONNECTIONS], self.uri, server.password)
                for _ in range(processes)]
        for each in crew:
            each.go()
        told = [x.times() for x in crew]
        for each in crew:
            each.end()
        return jobs / (submitted - begin + max(x[2] for x in told) - min(x[0] for x in told))

    def run_oxen(self, jobs: int, processes: int) -> float:
        crew = [Process(["node", OXEN / "side.js", jobs // processes], self.uri) for _ in range(processes)]
        for each in crew:
            each.go()
        told = [x.times() for x in crew]
        for each in crew:
            each.end()
        done = int(self.server.sql("SELECT COUNT(*) FROM oxen_queue WHERE status = 'success'")[0][0])
        if done < jobs:
            raise RuntimeError(f"oxen-queue: only {done} of {jobs} jobs are done")
        return jobs / (max(x[2] for x in told) - min(x[0] for x in told))

    def count(self, condition: str) -> int:
        return int(self.server.sql(f"SELECT COUNT(*) FROM cenote_job WHERE kind = '{KIND}' AND {condition}")[0][0])

    # -- the parts

    def throughput(self, rounds: int, jobs: int) -> str:
        found: dict[str, list[float]] = {}
        sides = [(f"cenote, {n} process{'es' * (n > 1)}", self.run_queue, jobs, n) for n in (1, 4)]
        sides += [(f"one at a time by hand, {n} x {CONNECTIONS} threads", self.run_loop, jobs // LOOP_SHARE, n)
                  for n in (1, 4)]
        if install_oxen():
            sides += [(f"oxen-queue, {n} process{'es' * (n > 1)}", self.run_oxen, jobs // LOOP_SHARE, n) for n in (1, 4)]
        for number in range(rounds):
            first = number % len(sides)
            for name, run, count, processes in sides[first:] + sides[:first]:
                self.empty()
                found.setdefault(name, []).append(run(count, processes))
                say(f"round {number + 1}: {name}: {found[name][-1]:.0f} jobs/s")
        rows = []
        for i, (name, *_) in enumerate(sides):
            base = found[sides[2 + i % 2][0]]
            ratio = median(x / y for x, y in zip(found[name], base, strict=True))
            rows.append(f"| {name} | {median(found[name]):.0f} | {min(found[name]):.0f} - {max(found[name]):.0f} | "
                        f"{ratio:.2f} |")
        return "| submitted and done | jobs/s | lowest - highest | ratio |\n|---|---:|---:|---:|\n" + "\n".join(rows)

    def delay(self, rounds: int, jobs: int) -> str:
        own, told = [], []
        for number in range(rounds):
            self.empty()
            node = self.node("--single", 400)
            node.go()
            node.times()
            own.append([float(x) for x in node.end().split()[2:4]])
            say(f"round {number + 1}: on the node that submits: p50 {own[-1][0]:.2f} ms, p99 {own[-1][1]:.2f} ms")
            with self.pool_node() as address:
                told.append(self.between_two(["--node", address], 400, 0.01))
            say(f"round {number + 1}: on another node, through a pool node: p50 {told[-1][0]:.2f} ms, p99 {told[-1][1]:.2f} ms")
        other = self.between_two([], 40, 4)
        say(f"on another node: p50 {other[0]:.0f} ms, p99 {other[1]:.0f} ms")
        return ("| from submit to start, idle queue | p50 ms | p99 ms |\n|---|---:|---:|\n"
                f"| on the node that submits | {median(x[0] for x in own):.2f} | {median(x[1] for x in own):.2f} |\n"
                f"| on another node, both through a pool node | {median(x[0] for x in told):.2f} | "
                f"{median(x[1] for x in told):.2f} |\n"
                f"| on another node, each with a pool of its own | {other[0]:.0f} | {other[1]:.0f} |")

    def between_two(self, options: list, jobs: int, pause: float) -> list[float]:
        """p50 and p99 from the submission by one node to the start on another one."""
        self.empty()
        worker, submitter = self.node(*options), self.node(*options, "--no-work", "--single", jobs, "--pause", pause)
        worker.go()
        worker.times()
        time.sleep(15)  # Its pauses grow to the longest.
        submitter.go()
        submitter.times()
        submitter.end()
        time.sleep(6)
        return [float(x) for x in worker.end().split()[2:4]]

    @contextmanager
    def pool_node(self) -> Iterator[str]:
        """The address of one that ends with the block."""
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen([self.node_program.with_name("cenote"), "serve", "--http-listen=off",
                                        "--node-listen=127.0.0.1:0"], stderr=log, stdout=subprocess.DEVNULL,
                                       env=os.environ | {"DATABASE_URI": self.uri})
            try:
                for _ in range(200):
                    log.seek(0)
                    if found := re.search(r"the pool is published at ([^ ,]+)", log.read()):
                        break
                    time.sleep(0.1)
                else:
                    raise RuntimeError("the pool node does not start")
                yield found[1]
            finally:
                process.terminate()
                process.wait(30)

    def idle(self, rounds: int, jobs: int) -> str:
        self.empty()
        node = self.node()
        time.sleep(20)
        names = ("Questions", "Com_select", "Com_update", "Com_insert", "Com_delete", "Com_commit")

        def counters() -> dict[str, int]:
            rows = self.server.sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('" + "', '".join(names) + "')")
            return {x: int(y) for x, y in rows}

        before = counters()
        time.sleep(60)
        after = counters()
        node.end()
        per_minute = {x: after[x] - before[x] - (x == "Questions") for x in names}
        say(f"idle: {per_minute}")
        return "An idle node, per minute: " + ", ".join(f"{v} {k}" for k, v in per_minute.items() if v)

    def fill(self) -> None:
        """A million done and a million scheduled jobs."""
        now = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
        for state, time_of, base in ((4, f"{now} + 86400000000", 1), (0, f"{now} + 3600000000", 2)):
            for part in range(10):
                first = part * LARGE // 10 + 1
                self.server.sql(
                    "SET SESSION unique_checks = 0; "
                    f"INSERT INTO cenote_job ({COLUMNS}) SELECT UNHEX(LPAD(HEX({base} * 100000000 + seq), 32, '0')), "
                    f"'default', '{KIND}', {state}, {time_of} + seq, 0, {int(state == 4)}, 20, {now}, {now} + seq, "
                    "600000000, 1000000, 3600000000, '{\"submitted-at\":0}' "
                    f"FROM seq_{first}_to_{first + LARGE // 10 - 1}")
        self.server.sql("ANALYZE TABLE cenote_job")

    def large(self, rounds: int, jobs: int) -> str:
        jobs = jobs // 5
        empty = []
        for _ in range(rounds):
            self.empty()
            empty.append(self.run_queue(jobs, 1))
            say(f"an empty table: {empty[-1]:.0f} jobs/s")
        self.empty()
        say("filling the table")
        self.fill()
        full = []
        for number in range(rounds):
            self.server.sql(f"DELETE FROM cenote_job WHERE kind = '{KIND}' AND attempt = 1 AND id > "
                            "UNHEX(LPAD(HEX(300000000), 32, '0'))")
            full.append(self.run_queue(jobs, 1))
            say(f"a full table: {full[-1]:.0f} jobs/s")
        return ("| table | jobs/s | lowest - highest |\n|---|---:|---:|\n"
                f"| empty before | {median(empty):.0f} | {min(empty):.0f} - {max(empty):.0f} |\n"
                f"| with 1 000 000 done and 1 000 000 scheduled jobs | {median(full):.0f} | {min(full):.0f} - "
                f"{max(full):.0f} |")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/jobs.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--jobs", type=int, default=100_000, metavar="N", help="of a round of throughput")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", metavar="DIR")
    return parser.parse_args()


def main() -> int:
    options = parse()
    folder = Path(tempfile.mkdtemp(prefix="cenote-bench-jobs."))
    try:
        uri = subprocess.run([ROOT / "scripts/mariadb", "start", folder / "server", "--with", str(os.getpid()), "--remove"],
                             check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        server = Server(uri)
        bench = Bench(server, uri, options.build.resolve())
        print(f"- {os.cpu_count()} hardware threads, shared with the server; load average {os.getloadavg()[0]:.1f} before; "
              f"server {server.version}\n- max_running {MAX_RUNNING}, {CONNECTIONS} connections for each process, "
              f"{options.rounds} rounds, medians\n", flush=True)
        for part in options.only:
            print(getattr(bench, part)(options.rounds, options.jobs), end="\n\n", flush=True)
    finally:
        subprocess.run([ROOT / "scripts/mariadb", "stop", folder / "server", "--remove"], stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    conduct(main)
