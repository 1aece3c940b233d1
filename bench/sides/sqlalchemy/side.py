"""The benchmark's side for SQLAlchemy Core on PyMySQL: a QueuePool shared by threads. See ../README.md."""

import argparse
import json
import os
import random
import sys
import threading
import time
from enum import Enum

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.engine import make_url

POINT = text("SELECT id, title, link, chapters FROM bench_point WHERE id = :id")
UPDATE = text("UPDATE bench_account SET balance = balance + 1 WHERE id = :id")
INSERT = text("INSERT INTO bench_entry (account) VALUES (:id)")
LARGE = text("SELECT id, body FROM bench_large")
LARGE_ROWS = 10_000
LARGE_BODY = 1_000


class WrongAnswer(Exception):
    """The server answered something else than what it must."""


def make_engine(options):
    url = make_url(os.environ["DATABASE_URI"]).set(drivername="mysql+pymysql")
    settings = {}
    if options.workload != "transaction":
        # Nothing to roll back, so the pool need not ask for it each time a connection comes back: SQLAlchemy's manual
        # has this pair for engines without transactions.
        settings = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
    return sqlalchemy.create_engine(
        url.update_query_dict({"charset": "utf8mb4"}),
        pool_size=options.connections,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=options.pre_ping,
        **settings,
    )


def open_connections(engine, count):
    """Makes the pool open all its connections, which it else does on demand."""
    opened = []
    try:
        for _ in range(count):
            opened.append(engine.connect())
    finally:
        for connection in opened:
            connection.close()


# ---- workloads: each returns a function that does one operation, given the caller's number and its random numbers ----


def point(engine, options):
    expected = [None] + [
        (id, f"Manga no. {id}{'~' * (id % 40)} 漫画", f"https://manga.example/title/{id}/a-slug-of-usual-length",
         1 + id * 7 % 900)
        for id in range(1, options.rows + 1)
    ]

    def operation(_, numbers):
        id = numbers.randint(1, options.rows)
        with engine.connect() as connection:
            row = connection.execute(POINT, {"id": id}).one_or_none()
        if row is None or tuple(row) != expected[id]:
            raise WrongAnswer(f"asked for row {id}, got {row}")

    return operation


def transaction(engine, _):
    def operation(caller, _):
        with engine.begin() as connection:
            updated = connection.execute(UPDATE, {"id": caller}).rowcount
            inserted = connection.execute(INSERT, {"id": caller}).rowcount
        if (updated, inserted) != (1, 1):
            raise WrongAnswer(f"account {caller}: {updated} rows updated, {inserted} inserted")

    return operation


def large(engine, _):
    def operation(*_):
        with engine.connect() as connection:
            rows = connection.execute(LARGE).all()
        if len(rows) != LARGE_ROWS or any(len(body) != LARGE_BODY for _, body in rows):
            raise WrongAnswer(f"{len(rows)} rows, or a body that is not {LARGE_BODY} bytes long")

    return operation


def checkout(engine, _):
    def operation(*_):
        engine.connect().close()

    return operation


WORKLOADS = {"point": point, "transaction": transaction, "large": large, "checkout": checkout, "recovery": point}


# ---- the round -------------------------------------------------------------------------------------------------------


class Stage(Enum):
    WARM_UP = 1  # Operations run but do not count.
    MEASURING = 2  # Operations that end now count.
    OVER = 3  # Callers stop.


class Round:
    """What callers and the main thread tell each other."""

    def __init__(self):
        self.begin = threading.Event()
        self.stage = Stage.WARM_UP
        self.error = None
        self.failed = threading.Event()

    def fail(self, error):
        self.error = error
        self.failed.set()

    def let_pass(self, seconds):
        """Waits, unless a caller fails."""
        if self.failed.wait(seconds):
            raise self.error


class Caller(threading.Thread):
    """A closed loop. Each caller keeps what it measured to itself until the round is over."""

    def __init__(self, number, operation, now, through_errors):
        super().__init__(daemon=True)
        self.number = number
        self.operation = operation
        self.now = now
        self.through_errors = through_errors
        self.latencies = []  # Seconds.
        self.answers = []  # When they came: only kept if it goes on through errors.
        self.errors = 0

    def run(self):
        numbers = random.Random(self.number)
        self.now.begin.wait()
        while self.now.stage is not Stage.OVER:
            asked = time.perf_counter()
            try:
                self.operation(self.number, numbers)
            except Exception as error:
                if self.now.stage is Stage.OVER:
                    return
                if not self.through_errors:
                    self.now.fail(error)
                    return
                if self.now.stage is Stage.MEASURING:
                    self.errors += 1
                time.sleep(0.005)
                continue
            answered = time.perf_counter()
            if self.now.stage is Stage.MEASURING:
                self.latencies.append(answered - asked)
                if self.through_errors:
                    self.answers.append(answered)


def percentile_us(ordered, share):
    return round(ordered[int(share * (len(ordered) - 1))] * 1e6, 1)


def end_of_longest_gap(answers):
    """The Unix time of the first answer after the longest time without one."""
    _, end = max((after - before, after) for before, after in zip(answers, answers[1:]))
    return end + time.time() - time.perf_counter()


def measure(engine, options):
    operation = WORKLOADS[options.workload](engine, options)
    recovery = options.workload == "recovery"
    now = Round()
    callers = [Caller(number, operation, now, recovery) for number in range(1, options.callers + 1)]
    # They wait for each other: the first would otherwise slow down the start of the last.
    for caller in callers:
        caller.start()
    now.begin.set()
    now.let_pass(options.warm_up)
    print("ready", flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    now.stage = Stage.MEASURING
    now.let_pass(options.seconds)
    now.stage = Stage.OVER
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    # Not for long: of thousands most still wait for the pool, and their operations do not count.
    patience = time.monotonic() + 1
    for caller in callers:
        caller.join(max(0, patience - time.monotonic()))
    now.let_pass(0)
    latencies = sorted(latency for caller in callers for latency in caller.latencies)
    if not latencies:
        raise RuntimeError("no operation ended within the round")
    figures = {
        "operations": len(latencies),
        "seconds": round(seconds, 4),
        "p50_us": percentile_us(latencies, 0.5),
        "p99_us": percentile_us(latencies, 0.99),
        "cpu_ms": round(cpu * 1e3, 1),
    }
    if recovery:
        answers = sorted(answer for caller in callers for answer in caller.answers)
        figures["resumed_at"] = end_of_longest_gap(answers) if len(answers) > 1 else None
        figures["errors"] = sum(caller.errors for caller in callers)
    return figures


# ---- the command line ------------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(message)


def parse_options():
    parser = Parser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--warm-up", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--pre-ping", action="store_true")
    return parser.parse_args()


def main():
    try:
        options = parse_options()
        if "DATABASE_URI" not in os.environ:
            raise ValueError("DATABASE_URI is not set")
        engine = make_engine(options)
        open_connections(engine, options.connections)
        print(json.dumps(measure(engine, options)), flush=True)
    except Exception as error:
        # Further lines are SQLAlchemy's hints: the statement, a link.
        lines = str(error).partition(" (Background on this error")[0].splitlines() or [type(error).__name__]
        print(f"sqlalchemy: {lines[0]}", file=sys.stderr, flush=True)
        os._exit(1)
    # Python's own exit would wait for callers to give way, which takes seconds if they are thousands.
    os._exit(0)


if __name__ == "__main__":
    main()
