#!/usr/bin/env python3
"""Measures cenote beside its rivals and a hand-written side. scripts/bench builds all and starts a server for it."""

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import network
import picture
import report
import sides
import workloads
from program import conduct
from server import Server, given_uri
from workloads import Cell, Entry, Transport

BEFORE_CRASH_SECONDS = 0.5


@dataclass
class Plan:
    """How long and how often."""

    rounds: int
    warm_up: float
    seconds: float
    connections: int

    def length(self, cell: Cell) -> float:
        return cell.seconds or self.seconds

    def warm_up_of(self, entry: Entry) -> float:
        return max(self.warm_up, entry.min_warm_up)

    def order(self, cells: list[Cell]) -> list[tuple[int, Cell, Entry]]:
        """All runs. In each round of a cell another one begins, so that a machine that slows down favours none."""
        runs = []
        for number in range(self.rounds):
            for i, cell in enumerate(cells):
                turns = [(number, cell, x) for x in cell.entries]
                first = (number + i) % len(turns)
                runs += turns[first:] + turns[:first]
        return runs

    def duration(self, cell: Cell, entry: Entry) -> float:
        """About how long a run takes, its start and end included."""
        return self.warm_up_of(entry) + self.length(cell) + 0.4


class Bench:
    def __init__(self, plan: Plan, cells: list[Cell], server: Server, networks: dict[Transport, network.SlowNetwork]):
        self.plan, self.server, self.networks = plan, server, networks
        self.results = {x.name: report.Result(x) for x in cells}

    def run_all(self) -> None:
        runs = self.plan.order([x.cell for x in self.results.values()])
        total = sum(self.plan.duration(cell, entry) for _, cell, entry in runs)
        say(f"{len(runs)} runs, about {total / 60:.0f} minutes")
        begin, done = time.monotonic(), 0.0
        for number, cell, entry in runs:
            result = self.results[cell.name]
            # What failed once is not tried again: its time is better spent on the others.
            if entry.name not in result.problems:
                outcome = self.run_one(cell, entry)
                if outcome.figures:
                    result.add(entry, number, outcome.figures)
                if outcome.problem:
                    result.problems[entry.name] = outcome.problem
            else:
                outcome = sides.Outcome(problem="left out: it failed before")
            done += self.plan.duration(cell, entry)
            left = (time.monotonic() - begin) / done * (total - done)
            say(f"round {number + 1}/{self.plan.rounds}, {cell.name}, {entry.name}: {summary(outcome)} "
                f"({left:.0f} s left)")

    def run_one(self, cell: Cell, entry: Entry) -> sides.Outcome:
        try:
            if cell.workload == "recovery":
                return self.run_recovery(cell, entry)
            if cell.workload == "transaction":
                return self.run_transactions(cell, entry)
            return self.run_side(cell, entry)
        except (OSError, RuntimeError) as error:
            return sides.Outcome(problem=str(error))

    def run_side(self, cell: Cell, entry: Entry, **options) -> sides.Outcome:
        arguments = [*cell.arguments(entry), "--connections", str(self.plan.connections)]
        return sides.run(entry.side, self.uri(cell.transport), arguments, self.plan.warm_up_of(entry),
                         self.plan.length(cell), **options)

    def uri(self, way: Transport) -> str:
        if way is workloads.UNIX:
            return self.server.unix_uri()
        return self.server.uri(self.networks[way].port if way in self.networks else None)

    def run_transactions(self, cell: Cell, entry: Entry) -> sides.Outcome:
        self.server.reset_transactions()
        outcome = self.run_side(cell, entry)
        done = outcome.figures["operations"] if outcome.figures else 0
        if wrong := self.server.audit_transactions(int(done)):
            return sides.Outcome(problem=wrong)
        return outcome

    def run_recovery(self, cell: Cell, entry: Entry) -> sides.Outcome:
        if not self.server.folder:
            return sides.Outcome(problem="needs a server that may be killed: --server-dir")
        ready = greeted = 0.0

        def crash() -> None:
            nonlocal ready, greeted
            ready = time.time()
            time.sleep(BEFORE_CRASH_SECONDS)
            self.server.crash()
            greeted = self.server.revive()

        outcome = self.run_side(cell, entry, at_ready=crash)
        if not outcome.figures:
            return outcome
        resumed = outcome.figures.pop("resumed_at", 0)
        if resumed < ready + BEFORE_CRASH_SECONDS:
            left = ready + self.plan.length(cell) - greeted
            return sides.Outcome(problem=f"no answer in the {left:.1f} s that were left when the server greeted again"
                                 if left > 0 else "the server itself was not back in time")
        # The side may have been greeted before us.
        outcome.figures["resumed_ms"] = max(0, 1000 * (resumed - greeted))
        return outcome


def summary(outcome: sides.Outcome) -> str:
    if not outcome.figures:
        return outcome.problem
    if "resumed_ms" in outcome.figures:
        return f"{outcome.figures['resumed_ms']:.0f} ms"
    return f"{report.number(outcome.figures['per_second'])}/s"


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def build_sides(cells: list[Cell]) -> dict[str, str]:
    """Builds all that take part; returns those that cannot."""
    names = dict.fromkeys(entry.side for cell in cells for entry in cell.entries)
    missing = {}
    for name in names:
        if why := sides.build(name):
            missing[name] = why
            say(f"missing: {name} ({why})")
    return missing


def caf_settings(entries: list[Entry]) -> str:
    """What cenote's program says of the settings of CAF that it uses, for each way to run it."""
    users: dict[str, list[str]] = {}
    for entry in entries:
        users.setdefault(sides.caf_settings(entry.options), []).append(entry.name)
    return "; ".join(f"{what} ({', '.join(names)})" for what, names in users.items())


def cores() -> str:
    if workloads.CORES == os.cpu_count():
        return f"{workloads.CORES} hardware threads, shared with the server"
    return f"{workloads.CORES} of {os.cpu_count()} hardware threads"


def but_for(usual: float, each: dict[str, float]) -> str:
    """Some seconds, and who has others."""
    others = ", ".join(f"{name}: {x:g} s" for name, x in each.items() if x != usual)
    return f"{usual:g} s" + (f" ({others})" if others else "")


def describe(plan: Plan, server: Server, load: float, results: list[report.Result]) -> dict[str, str]:
    entries = list(dict.fromkeys(x for result in results for x in result.cell.entries if x.name in result.rounds))
    seconds = but_for(plan.seconds, {x.cell.name: plan.length(x.cell) for x in results})
    warm_up = but_for(plan.warm_up, {x.side: plan.warm_up_of(x) for x in entries})
    about = {
        "connections": f"{plan.connections} for each side",
        "threads": "hand-written, blocking, at most one per connection: with more callers than that their latency lacks "
                   "the wait for a connection",
        "rounds": f"{plan.rounds} for all sides, of {seconds} each after {warm_up} of warm-up, all sides in turn; "
                  "medians; ratios are those of a round, latencies those of the operations that ended in it",
        "machine": f"{cores()}, load average {load:.1f} before",
        "versions": ", ".join([f"server {server.version}", f"Linux {platform.release()}", *sides.versions()]),
    }
    if cenote := [x for x in entries if x.side == "cenote"]:
        about["CAF's scheduler"] = caf_settings(cenote)
    if round_trips := sorted({x.cell.transport.round_trip_ms for x in results} - {0}):
        about["per round trip"] = network.describe(round_trips)
    audited = [x for x in results if x.cell.workload == "transaction"]
    if audited:
        torn = any(y.startswith("audit:") for x in audited for y in x.problems.values())
        about["audit of the transactions"] = (
            "FAILED, see the footnotes" if torn else
            "after each run SUM(balance) equals COUNT(*) of the entries, and none that a side reported is lost")
    return about


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description="Measures cenote beside its rivals and a hand-written side: all of bench/sides. Writes Markdown to "
        "stdout, progress to stderr. The environment variable DATABASE_URI names a server on this machine; its tables "
        "bench_* are replaced and, at the end, removed.",
        epilog="Cells: " + ", ".join(x.name for x in workloads.CELLS) + ". Only if named: "
        + ", ".join(x.name for x in workloads.CELLS if x.on_request) + ".")
    lengths = parser.add_mutually_exclusive_group()
    lengths.add_argument("--quick", action="store_true", help="about 15 minutes: 2 rounds (the default)")
    lengths.add_argument("--full", action="store_true", help="about 70 minutes: 5 longer rounds")
    parser.add_argument("--only", default="", metavar="CELL,...", help="cells: names, parts of them, patterns with *")
    parser.add_argument("--sides", default="", metavar="SIDE,...", help="sides: " + ", ".join(workloads.SIDES))
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds")
    parser.add_argument("--seconds", type=float, metavar="S", help="measured seconds of a run")
    parser.add_argument("--connections", type=int, default=10, metavar="N", help="connections of each side")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all rounds")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="what goes to stdout")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="a picture")
    parser.add_argument("--server-dir", type=Path, metavar="DIR",
                        help="the server's folder, if scripts/mariadb started it: it may be killed then (recovery)")
    parser.add_argument("--server-with", type=int, metavar="PID", help="it was started --with PID --remove")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse(sys.argv[1:])
    # Ends like Ctrl-C: what was started is ended, the tables are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cells = workloads.chosen(*([x for x in y.split(",") if x] for y in (options.only, options.sides)))
    if not cells:
        say("error: nothing to measure: no cell or side has such a name (--help lists them)")
        return 2
    rounds, warm_up, seconds = (5, 1.5, 2.0) if options.full else (2, 0.5, 0.7)
    plan = Plan(options.rounds or rounds, warm_up, options.seconds or seconds, options.connections)
    load = os.getloadavg()[0]
    if load > (os.cpu_count() or 1) / 2:
        say(f"warning: the machine is busy (load average {load:.1f}), its figures will vary")
    uri = given_uri()
    missing = build_sides(cells)
    cells = [x for x in (y.without(missing) for y in cells) if x.entries]
    folder = options.server_dir and options.server_dir.resolve()
    server = Server(uri, folder, options.server_with)
    with ExitStack() as stack:
        networks = {x: stack.enter_context(network.SlowNetwork(server.port, x.round_trip_ms))
                    for x in dict.fromkeys(y.transport for y in cells) if x.round_trip_ms}
        bench = Bench(plan, cells, server, networks)
        try:
            server.make_tables()
            bench.run_all()
        finally:
            server.drop_tables()
    results = list(bench.results.values())
    outcome = report.Report(describe(plan, server, load, results), missing, results)
    text = report.to_markdown(outcome)
    print(text, end="")
    for file, content in ((options.markdown, text), (options.json, report.to_json(outcome)),
                          (options.svg, picture.draw(outcome))):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    return 1 if "FAILED" in outcome.about.get("audit of the transactions", "") else 0


if __name__ == "__main__":
    conduct(main)
