#!/usr/bin/env python3
"""Proves that jobs are done exactly once, whatever is killed, with real processes.

Starts a private MariaDB, four workers of a job queue and one process that submits (`job-worker`). Each job inserts a row
into a ledger without a key and moves one unit between two accounts. Jobs are submitted as vectors, singly, and in
transactions and sessions together with a row of their cause, some of which are rolled back. Handlers retry, snooze, throw,
exceed their time, have effects that the server refuses, use sessions, and cause further jobs. One job kills its process.
Meanwhile workers are killed and replaced, frozen for longer than their lease, connections are cut, and the server is
killed twice. The system clock of one worker is an hour wrong. In the end

- every job that was stored is done, and has one row in the ledger; the accounts hold what the rows make of them;
- what was acknowledged is stored, what was said not to be is not, and there is no job without its cause, nor a cause
  without its job;
- the job that kills its process is discarded after its three attempts;
- workers have ended in order, and left nothing at the server.

Then two workers of different versions share a queue, with payloads of an old version in it.

    ledger.py --short               half a minute, as the test jobs.ledger does
    ledger.py                       100 000 jobs, some minutes; build the release preset first:
                                    cmake --preset release && ninja -C build/release job-worker

Exit codes: 0, or 1 for a fault in what is tested, 2 for one in the use.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "bench"), str(ROOT / "tests/nodes")]

from audit import OPENING, Books, check_accounts, read_told  # noqa: E402
from processes import START_SECONDS, Fault, Program, await_true, clean_environment, prepared  # noqa: E402
from proof import conduct  # noqa: E402
from server import Server  # noqa: E402

WORKERS = 4
ACCOUNTS = 200
LEASE = 2
FROZEN_FOR = LEASE + 2.5  # Until others have its jobs.
CHAINED = 1_000_000_000  # See ledger_jobs.hpp.
POISON = 999_999_999
CLOCK_OFFSET = 3600
TRANSFER, REFUND = "cenote::test::transfer", "cenote::test::refund"
STATES = ["scheduled", "waiting", "running", "blocked", "done", "discarded", "cancelled"]
NUMBER = "CAST(JSON_VALUE(payload, '$.number') AS UNSIGNED)"

TABLES = f"""
DROP TABLE IF EXISTS ledger, cause, account;
-- Without a key: what is done twice is there twice.
CREATE TABLE ledger (number BIGINT UNSIGNED NOT NULL, attempt INT NOT NULL, source INT, target INT, INDEX (number))
  ENGINE=InnoDB;
CREATE TABLE cause (number BIGINT UNSIGNED NOT NULL, INDEX (number)) ENGINE=InnoDB;
CREATE TABLE account (id INT PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB;
INSERT INTO account SELECT seq, {OPENING} FROM seq_1_to_{ACCOUNTS};
"""


@dataclass(frozen=True)
class Size:
    """How much of everything; times in seconds."""

    jobs: int
    per_second: int
    kill_every: float
    cut_every: float
    patience: float  # For the jobs that are left when all are submitted.


SHORT = Size(4_000, 250, 3.0, 0.5, 120)
FULL = Size(100_000, 700, 4.0, 0.5, 300)


def say(text: str) -> None:
    print(f"ledger: {text}", flush=True)


class JobWorker(Program):
    """See tests/jobs/job_worker.cpp."""

    def __init__(self, name: str, binary: Path, options: list, uri: str, folder: Path):
        super().__init__(folder / f"{name}.log")
        self.name, self.told = name, folder / f"{name}.out"
        with self.told.open("w") as out:
            self.launch([binary, "--name", name, *prepared("--prepared"), *options], stdin=subprocess.DEVNULL, stdout=out, cwd=folder,
                        env=clean_environment(DATABASE_URI=uri))

    def await_ready(self) -> None:
        await_true(f"{self.name} is ready", lambda: self.told.read_text().startswith("ready") or not self.is_alive(),
                   START_SECONDS)
        if not self.is_alive():
            raise Fault(f"{self.name} has ended by itself:\n{self.last_lines()}")

    def await_end(self, seconds: float) -> str:
        """In order; what it has printed."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Fault(f"{self.name} has not ended after {seconds:g} s:\n{self.last_lines()}") from None
        if code != 0:
            raise Fault(f"{self.name} has ended with code {code}:\n{self.last_lines()}")
        return self.told.read_text()

    def stop(self) -> dict:
        self.signal(signal.SIGTERM)
        return json.loads(self.await_end(60).splitlines()[-1])


class World:
    """All that runs."""

    def __init__(self, size: Size, build: Path, folder: Path, seed: int):
        self.size, self.folder = size, folder
        self.random = random.Random(seed)
        self.seed = seed
        self.binary = build / "bin" / "job-worker"
        self.server: Server | None = None
        self.uri = ""
        self.workers: list[JobWorker] = []  # By place; the first one's clock is wrong.
        self.frozen: JobWorker | None = None
        self.killed: list[str] = []
        self.started = 0
        self.all: list[JobWorker] = []
        self.counts = Counter()

    def set_up(self) -> None:
        self.uri = subprocess.run([ROOT / "scripts/mariadb", "start", self.folder / "server", "--with", str(os.getpid()),
                                   "--remove"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.server = Server(self.uri, self.folder / "server", os.getpid())
        self.server.sql(TABLES)
        self.launch("migration", ["--migrate"]).await_end(60)

    def launch(self, name: str, options: list) -> JobWorker:
        process = JobWorker(name, self.binary, options, self.uri, self.folder)
        self.all.append(process)
        return process

    def start_worker(self, place: int | None = None, kinds: str = "transfer,refund") -> JobWorker:
        self.started += 1
        offset = CLOCK_OFFSET if place == 0 else 0
        worker = self.launch(f"worker{self.started}", ["--kinds", kinds, "--lease", LEASE, "--clock-offset", offset])
        if place is None:
            self.workers.append(worker)
        else:
            self.workers[place] = worker
        return worker

    def submit_single(self, kind: str, number: int, how: str = "") -> None:
        self.launch(f"single{len(self.all)}", ["--single", kind, "--number", number, "--how", how]).await_end(30)

    def end(self) -> None:
        """Whatever state they are in."""
        for each in self.all:
            if each.is_alive():
                each.kill()
        subprocess.run([ROOT / "scripts/mariadb", "stop", self.folder / "server"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    # -- what happens to them

    def replace_dead(self) -> None:
        """The poisoned job kills its process."""
        for place, worker in enumerate(self.workers):
            if worker.is_alive():
                continue
            if worker.process.returncode != -signal.SIGABRT:
                raise Fault(f"{worker.name} has ended by itself, code {worker.process.returncode}:\n{worker.last_lines()}")
            self.counts["aborts"] += 1
            self.killed.append(worker.name)
            self.start_worker(place)

    def kill_worker(self) -> None:
        place = self.random.choice([i for i, x in enumerate(self.workers) if x is not self.frozen])
        worker = self.workers[place]
        if not worker.is_alive():
            return
        worker.kill()
        self.killed.append(worker.name)
        self.counts["kills"] += 1
        self.start_worker(place)

    def freeze(self) -> None:
        self.frozen = self.random.choice([x for x in self.workers if x.is_alive()])
        self.frozen.freeze()
        self.counts["freezes"] += 1

    def thaw(self) -> None:
        if self.frozen and self.frozen.is_alive():
            self.frozen.thaw()
        self.frozen = None

    def cut_connection(self) -> None:
        ids = self.server.sql("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = "
                              f"'{self.server.user}'")
        if not ids:
            return
        try:
            self.server.sql(f"KILL {self.random.choice(ids)[0]}")
            self.counts["cuts"] += 1
        except RuntimeError:
            pass  # It has ended by itself.

    def crash_server(self) -> None:
        self.server.crash()
        time.sleep(0.3)
        self.server.revive()
        self.counts["crashes of the server"] += 1

    def left(self) -> int:
        """Jobs that have not ended."""
        return int(self.server.sql("SELECT COUNT(*) FROM cenote_job WHERE state < 4")[0][0])


def disturb(world: World, submitter: JobWorker) -> None:
    """Until everything is submitted."""
    size, begin = world.size, time.monotonic()
    length = size.jobs / size.per_second
    crashes = [begin + length / 3, begin + 2 * length / 3]
    next_kill, next_cut, next_change = begin + size.kill_every, begin + size.cut_every, begin + 2
    while submitter.is_alive():
        now = time.monotonic()
        if now > begin + 10 * length + 60:
            raise Fault(f"the submissions do not end:\n{submitter.last_lines()}")
        world.replace_dead()
        if now >= next_change:
            if world.frozen:
                world.thaw()
                next_change = now + 2
            else:
                world.freeze()
                next_change = now + FROZEN_FOR
        if now >= next_kill:
            world.kill_worker()
            next_kill = now + size.kill_every
        if now >= next_cut:
            world.cut_connection()
            next_cut = now + size.cut_every
        if crashes and now >= crashes[0]:
            crashes.pop(0)
            world.crash_server()
        time.sleep(0.05)
    world.thaw()
    if crashes:
        raise Fault("the submissions ended before the server was killed twice")


def run_out(world: World) -> None:
    """Waits for the rest: nothing happens to it but what the poisoned job does."""

    def is_empty() -> bool:
        world.replace_dead()
        return world.left() == 0

    try:
        await_true("all jobs have ended", is_empty, world.size.patience)
    except Fault as fault:
        rows = world.server.sql("SELECT state, attempt, node, error, payload FROM cenote_job WHERE state < 4 LIMIT 10")
        told = "\n".join("    " + " ".join(x) for x in rows)
        raise Fault(f"{fault}; {world.left()} are left:\n{told}") from None


def stop_workers(world: World) -> Counter:
    told = Counter()
    for worker in world.workers:
        worker.signal(signal.SIGTERM)
    for place, worker in enumerate(world.workers):
        report = json.loads(worker.await_end(60).splitlines()[-1])
        wrong = report["clock"] - time.time() - (CLOCK_OFFSET if place == 0 else 0)
        if abs(wrong) > 120:
            raise Fault(f"the clock of {worker.name} is {wrong:.0f} s beside what it should be")
        told.update({k: v for k, v in report.items() if isinstance(v, int)})
    world.workers.clear()
    return told


# ---- the audit -------------------------------------------------------------------------------------------------------


def check_submissions(server: Server, log: Path, books: Books) -> None:
    told = read_told(log)
    causes = Counter(int(x[0]) for x in server.sql("SELECT number FROM cause"))
    jobs = Counter(int(x[0]) for x in server.sql(
        f"SELECT {NUMBER} FROM cenote_job WHERE kind = '{TRANSFER}' AND {NUMBER} < {POISON}"))
    for number, verdict in told.items():
        stored = jobs.pop(number, 0)
        if stored > 1:
            books.complain(f"doubled: job {number} is stored {stored} times")
        books.judge(f"job {number}", verdict, stored, "stored")
        cause = causes.pop(number, 0)
        if cause > 1:
            books.complain(f"doubled: the cause of job {number} is there {cause} times")
        if cause and not stored:
            books.complain(f"torn apart: the cause of job {number} is there, the job is not")
        if verdict != "+" and stored and not cause:
            books.complain(f"torn apart: job {number} is there, its cause is not")
    for number in [*jobs, *causes]:
        books.complain(f"unknown: {number} was never submitted")


def check_effects(server: Server, books: Books) -> None:
    """Each job that is done has one row, and each row is of such a job."""
    rows = Counter(int(x[0]) for x in server.sql("SELECT number FROM ledger"))
    chains, followers = set(), set()
    for number, how, state in server.sql(f"SELECT {NUMBER}, JSON_VALUE(payload, '$.how'), state FROM cenote_job"):
        number, found = int(number), rows.pop(int(number), 0)
        state = STATES[int(state)]
        expected = "discarded" if how == "poison" else "done"
        if state != expected:
            books.complain(f"state: job {number} ({how}) is {state}")
        if found != (expected == "done"):
            books.complain(f"{'doubled' if found else 'lost'}: job {number} ({how}) has {found} rows in the ledger")
        if how == "chain":
            chains.add(number + CHAINED)
        elif number > CHAINED:
            followers.add(number)
    for number in rows:
        books.complain(f"unknown: the ledger has a row of {number}, for which there is no job")
    if followers != chains:
        books.complain(f"chains: {len(chains - followers)} jobs lack the one that they cause, "
                       f"{len(followers - chains)} have no cause")


def check_rest(world: World, books: Books) -> None:
    """Nothing is left of the workers."""
    for node, in world.server.sql("SELECT node FROM cenote_job_node"):
        # Those of killed workers stay for an hour.
        if not any(node.startswith(x + "#") for x in world.killed):
            books.complain(f"left over: {node} is in cenote_job_node, but it has ended in order")
    for each in world.all:
        for line in each.log.read_text(errors="replace").splitlines():
            if "an exception in the job queue" in line or "ERROR: " in line or "runtime error" in line:
                books.complain(f"{each.name}: {line}")
    status = world.server.sql("SELECT attempt, state FROM cenote_job WHERE JSON_VALUE(payload, '$.how') = 'poison'")
    if status != [["3", str(STATES.index("discarded"))]]:
        books.complain(f"poison: its job is not discarded after 3 attempts: {status}")


def prove_ledger(world: World) -> list[str]:
    size = world.size
    for place in range(WORKERS):
        world.workers.append(None)
        world.start_worker(place)
    for worker in world.workers:
        worker.await_ready()
    log = world.folder / "submitted"
    begin = time.monotonic()
    submitter = world.launch("submitter", ["--submit", size.jobs, "--per-second", size.per_second, "--accounts", ACCOUNTS,
                                           "--seed", world.seed, "--log", log])
    world.submit_single("transfer", POISON, "poison")
    disturb(world, submitter)
    submitter.await_end(1)
    say(f"all submitted after {time.monotonic() - begin:.0f} s; {world.left()} jobs are left")
    run_out(world)
    say(f"all jobs have ended after {time.monotonic() - begin:.0f} s: "
        + ", ".join(f"{v} {k}" for k, v in world.counts.items()))
    told = stop_workers(world)
    say("the workers that were not killed: " + ", ".join(f"{v} {k}" for k, v in told.items()))
    books = Books()
    check_submissions(world.server, log, books)
    check_effects(world.server, books)
    check_accounts(world.server, books, ACCOUNTS)
    check_rest(world, books)
    attempts = world.server.sql("SELECT COUNT(*), SUM(attempt), SUM(attempt > 1), MAX(attempt) FROM cenote_job")[0]
    say("{} jobs, {} attempts, {} jobs with more than one, at most {}".format(*attempts))
    say(f"submissions: {books.acknowledged} acknowledged, {books.unknown} unknown ({books.unknown_done} of them stored), "
        f"{books.refused} not stored")
    for what in ("kills", "freezes", "cuts", "crashes of the server"):
        if not world.counts[what]:
            books.complain(f"there were no {what}")
    return books.problems


# ---- versions --------------------------------------------------------------------------------------------------------


def prove_versions(world: World) -> list[str]:
    """An old worker knows transfers only, a new one also refunds; payloads of old versions lack fields."""
    problems = []
    sql = world.server.sql
    sql("DELETE FROM cenote_job; DELETE FROM ledger; DELETE FROM cause")

    def states() -> dict[int, tuple[str, str]]:
        return {int(x): (STATES[int(y)], z)
                for x, y, z in sql(f"SELECT {NUMBER}, state, COALESCE(error, '') FROM cenote_job")}

    for number in range(1, 5):
        world.submit_single("refund" if number == 2 else "transfer", number)
    sql("UPDATE cenote_job SET payload = JSON_REMOVE(payload, '$.how') WHERE " + NUMBER + " = 3")
    sql("UPDATE cenote_job SET payload = JSON_REMOVE(payload, '$.target') WHERE " + NUMBER + " = 4")
    old = world.start_worker(kinds="transfer")
    await_true("the old worker has done what it knows", lambda: all(states()[x][0] in ("done", "discarded")
                                                                    for x in (1, 3, 4)), 30)
    time.sleep(1)  # It would have taken the refund meanwhile.
    found = states()
    if (found[1][0], found[3][0]) != ("done", "done"):
        problems.append(f"versions: transfers are not done: {found}")
    if found[2][0] != "waiting":
        problems.append(f"versions: the refund is {found[2][0]}, with nobody who knows it")
    if found[4][0] != "discarded" or "target" not in found[4][1]:
        problems.append(f"versions: a payload without a field that must be there: {found[4]}")
    new = world.start_worker(kinds="transfer,refund")
    await_true("the new worker has done the refund", lambda: states()[2][0] == "done", 30)
    for worker in (old, new):
        worker.stop()
    rows = Counter(int(x[0]) for x in sql("SELECT number FROM ledger"))
    if rows != {1: 1, 2: 1, 3: 1}:
        problems.append(f"versions: the ledger has {dict(rows)}")
    say(f"versions: the payload that cannot be read: {found[4][1]}")
    return problems


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/jobs/ledger.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="4 000 jobs")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", metavar="DIR",
                        help="build folder with the program (default: build/release)")
    parser.add_argument("--seed", type=int, default=16, metavar="N", help="for the jobs and the victims")
    parser.add_argument("--jobs", type=int, metavar="N", help="so many")
    parser.add_argument("--per-second", type=int, metavar="N", help="so many are submitted")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder for logs, which stays")
    return parser.parse_args()


def main() -> int:
    options = parse()
    size = SHORT if options.short else FULL
    size = replace(size, jobs=options.jobs or size.jobs, per_second=options.per_second or size.per_second)

    def prove(world: World) -> list[str]:
        world.set_up()
        return prove_ledger(world) + prove_versions(world)

    return conduct("ledger", options, ["job-worker"], "",
                   lambda build, folder: World(size, build, folder, options.seed), prove, lambda world: world.workers,
                   "all is as it should be: every job done exactly once, none lost")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
