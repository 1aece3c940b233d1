#!/usr/bin/env python3
"""Proves that pool nodes and their clients tell the truth under faults, with real processes.

Starts a private MariaDB, pool nodes (`cenote serve`) and clients without an account of the database (`node-worker`), all
with TLS for both sides, and a network between them that can be cut. Then causes one fault after another: kills, stops
and restarts processes, cuts the network in one direction and both, slows it down. In the end

- no acknowledged write is missing, none is there twice, none is there that was said not to be done; no money is lost;
- every request was answered in its time;
- no client, session, connection, descriptor or actor is left over once the clients have gone.

    faults.py --short               under a minute, as the test nodes.faults does
    faults.py                       100 000 writes, 50 clients at the end: some minutes; build the release preset first:
                                    cmake --preset release && ninja -C build/release cenote node-worker
    faults.py --only cut-node ...   these faults alone

Exit codes: 0, or 1 for a fault in what is tested, 2 for one in the use.
"""

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bench"))

from audit import ACCOUNTS, TABLES, audit  # noqa: E402
from faulty_network import FaultyNetwork  # noqa: E402
from injection import FAULTS, Injector  # noqa: E402
from processes import Fault, Node, Worker, await_true, clean_environment  # noqa: E402
from proof import conduct  # noqa: E402
from server import Server  # noqa: E402

# How late a node's answer may be beyond the limit of a request, and what the machine adds: three times the longest time
# for which it had no processor for a thread of this test.
GRACE = 2.0
SLACK = 1.0
STALLS = 3
# Outcomes that a client may be told of while processes and networks fail; others are faults.
PERMITTED = ("unknown", "unavailable", "not_sent", "rolled_back", "session_ended rejected")
# What may be repeated gets over the loss of a node or of a connection to the server.
REPEATABLE = ("read: ", "idempotent write: ")
GOT_OVER = ("pool_gone unknown", "connection_lost unknown")
STALLED = 1.0  # A machine that stops for so long may use up the time for that.


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    nodes: int
    connections: int  # Of each node.
    heartbeat: float
    give_up: float
    phases: tuple["Phase", ...]


@dataclass(frozen=True)
class Phase:
    """So many clients, and so many writes that are acknowledged to them."""

    clients: int
    callers: int
    writes: int
    gap: int  # Writes between two faults.


SHORT = Size(2, 4, 0.3, 1.5, (Phase(3, 6, 3_000, 60),))
FULL = Size(3, 6, 0.5, 2.5, (Phase(6, 8, 70_000, 1_500), Phase(50, 4, 30_000, 1_500)))


def say(text: str) -> None:
    print(f"faults: {text}", flush=True)


def wait_until_at_most(what: str, limit: int, count: Callable[[], int], seconds: float = 20) -> None:
    try:
        await_true(what, lambda: count() <= limit, seconds)
    except Fault:
        raise Fault(f"{what}: {count()}, and {limit} before the clients came") from None


class StallWatch:
    """Finds out for how long at a time the machine leaves a thread without a processor."""

    NAP = 0.05

    def __init__(self):
        self.longest = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            begin = time.monotonic()
            time.sleep(self.NAP)
            self.longest = max(self.longest, time.monotonic() - begin - self.NAP)


class World:
    """All that runs."""

    def __init__(self, size: Size, build: Path, folder: Path, seed: int):
        self.size, self.folder, self.seed = size, folder, seed
        self.random = random.Random(seed)
        self.network = FaultyNetwork(seed)
        self.server: Server | None = None
        self.nodes: list[Node] = []
        self.workers: list[Worker] = []
        self.killed: set[int] = set()
        self.ledgers: dict[int, Path] = {}
        self.before = 0  # Acknowledged to clients that have gone.
        self.binaries = {x: build / "bin" / x for x in ("cenote", "node-worker")}
        self.base: dict[str, tuple[int, int]] = {}
        self.stalls = StallWatch()

    def set_up(self) -> None:
        uri = subprocess.run([ROOT / "scripts/mariadb", "start", self.folder / "server", "--with", str(os.getpid()),
                              "--remove"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.server = Server(uri, self.folder / "server", os.getpid())
        self.server.sql(TABLES)
        subprocess.run([ROOT / "scripts/certificates", self.folder / "tls"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env=clean_environment())
        for i in range(self.size.nodes):
            node = Node(f"node{i + 1}", self.binaries["cenote"], self.node_options(), uri, self.folder)
            self.nodes.append(node)
            self.start_node(node)
        for node in self.nodes:
            await_true(f"{node.name} has all its connections", lambda x=node: self.is_full(x), 30)

    def node_options(self) -> list[str]:
        tls = self.folder / "tls"
        return [f"--pool-size={self.size.connections}", "--pool-max-overflow=0", "--pool-breaker-after=0",
                f"--node-heartbeat={self.size.heartbeat}s", f"--node-give-up={self.size.give_up}s",
                f"--node-certificate={tls}/node.pem", f"--node-key={tls}/node.key", f"--node-ca={tls}/ca.pem"]

    def start_node(self, node: Node) -> None:
        node.start()
        self.network.set_node(node.name, node.port)

    def is_full(self, node: Node) -> bool:
        return node.status()["status"]["checked_in"] >= self.size.connections

    def add_worker(self, callers: int) -> Worker:
        tls, number = self.folder / "tls", len(self.ledgers) + 1
        options = ["--callers", str(callers), "--accounts", str(ACCOUNTS), "--heartbeat", str(self.size.heartbeat),
                   "--give-up", str(self.size.give_up), "--certificate", tls / "client.pem", "--key",
                   tls / "client.key", "--ca", tls / "ca.pem"]
        worker = Worker(number, self.binaries["node-worker"], options, self.folder)
        self.workers.append(worker)
        self.ledgers[number] = worker.ledger
        worker.start([self.network.door(worker.name, x.name) for x in self.nodes], self.folder)
        return worker

    def acknowledged(self) -> int:
        return self.before + sum(x.count_acknowledged() for x in self.workers)

    def await_writes(self, more: int, seconds: float = 60) -> None:
        """So many further writes are acknowledged: the clients have got over what has happened."""
        goal = self.acknowledged() + more

        def is_reached() -> bool:
            for each in [*self.workers, *self.nodes]:
                if not each.is_alive():
                    raise Fault(f"{each.name} has ended by itself with code {each.process.returncode}; its last words:\n"
                                f"{each.last_lines()}")
            return self.acknowledged() >= goal

        await_true(f"{more} further writes are acknowledged", is_reached, seconds)

    def forget(self, worker: Worker) -> None:
        """It has ended."""
        self.before += worker.count_acknowledged()
        self.workers.remove(worker)
        self.network.close_doors(worker.name)

    def node_of(self, worker: Worker) -> Node | None:
        """The one that serves it."""
        for node in self.nodes:
            if any(x["name"] == worker.name for x in node.clients()):
                return node
        return None

    def await_gone(self, worker: Worker, seconds: float) -> None:
        """The nodes have neither it nor a session of it any more."""

        def is_gone() -> bool:
            return not any(x["name"] == worker.name for node in self.nodes for x in node.clients()) and not any(
                x["owner"] == f"worker {worker.number}" for node in self.nodes for x in node.sessions())

        await_true(f"{worker.name} is gone from the nodes, with its sessions", is_gone, seconds)

    # -- what must be left at the end

    def note_base(self) -> None:
        """How many descriptors and actors nodes have that have nothing to do: after they have had something to do."""
        self.await_calm()
        time.sleep(1)
        for node in self.nodes:
            self.base[node.name] = (len(self.descriptors(node)), node.actors())

    def descriptors(self, node: Node) -> list[str]:
        """Without connections to the server: those are counted there."""
        return node.descriptors(self.server.port)

    def await_calm(self) -> None:
        """Nothing of any client is left at the nodes and at the server."""
        for node in self.nodes:
            await_true(f"{node.name} has no clients, no requests and no sessions", lambda x=node: self.is_calm(x), 30)
        own = sum(x.status()["status"]["total_connections"] for x in self.nodes)
        # Each pool may keep one further session, from which it stops statements.
        await_true(f"the server has only the {own} sessions of the pools", lambda: self.server_sessions()
                   <= own + len(self.nodes), 20)
        await_true("no transaction is open at the server",
                   lambda: self.server.sql("SELECT COUNT(*) FROM information_schema.innodb_trx")[0][0] == "0", 20)

    def is_calm(self, node: Node) -> bool:
        told = node.status()
        pool = told["status"]
        return (not told["node"]["clients"] and not node.sessions() and pool["checked_out"] == pool["waiting"] == 0
                and pool["in_flight"] == 0 and pool["checked_in"] == self.size.connections)

    def server_sessions(self) -> int:
        rows = self.server.sql("SELECT user FROM information_schema.processlist WHERE id <> CONNECTION_ID()")
        return sum(x[0] == self.server.user for x in rows)

    def check_base(self) -> None:
        """Nothing is left in the nodes of clients that have gone."""
        for node in self.nodes:
            descriptors, actors = self.base[node.name]
            wait_until_at_most(f"{node.name}: descriptors", descriptors, lambda x=node: len(self.descriptors(x)))
            wait_until_at_most(f"{node.name}: actors", actors, node.actors)

    def end(self) -> None:
        """Whatever state they are in."""
        for each in [*self.workers, *self.nodes]:
            if each.is_alive():
                each.kill()
        self.network.close()
        subprocess.run([ROOT / "scripts/mariadb", "stop", self.folder / "server"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


class Verdict:
    """What the clients told at their ends."""

    def __init__(self, stalls: StallWatch):
        self.stalls = stalls
        self.outcomes = Counter()
        self.latest = (0.0, "")
        self.problems: list[str] = []

    def add(self, worker: Worker, told: dict) -> None:
        self.outcomes.update(told["outcomes"])
        self.latest = max(self.latest, (told["beyond_limit"], told["latest"]))
        if told["unanswered"] or told["callers_left"]:
            self.problems.append(f"{worker.name}: {told['unanswered']} requests were never answered")
        if told["untrue_reads"]:
            self.problems.append(f"{worker.name}: {told['untrue_reads']} reads did not find what had been acknowledged")
        if told["beyond_limit"] > GRACE + SLACK + STALLS * self.stalls.longest:
            self.problems.append(f"{worker.name}: an answer came {told['beyond_limit']:.1f} s after the limit of its "
                                 f"request ({told['latest']})")
        for what in told["outcomes"]:
            repeatable = what.startswith(REPEATABLE) and what.endswith(GOT_OVER)
            if not what.endswith((": ok", *PERMITTED)) or repeatable and self.stalls.longest < STALLED:
                self.problems.append(f"{worker.name}: {told['outcomes'][what]} requests failed as they must not: {what}")


def run_phase(world: World, phase: Phase, names: list[str], verdict: Verdict) -> None:
    say(f"{phase.clients} clients with {phase.callers} callers each, {phase.writes} writes")
    begin, before = time.monotonic(), world.acknowledged()
    goal = before + phase.writes
    for _ in range(phase.clients):
        world.add_worker(phase.callers)
    world.await_writes(phase.gap, 120)
    injector = Injector(world, phase.callers)
    while names and (world.acknowledged() < goal or injector.round < 1):
        for name in world.random.sample(names, len(names)):
            if world.acknowledged() >= goal and injector.round:
                break
            started, had = time.monotonic(), world.acknowledged()
            detail = injector.cause(name)
            world.await_writes(phase.gap, 120)
            say(f"  {name}{detail}: {time.monotonic() - started:.1f} s, {world.acknowledged() - had} writes")
        injector.round += 1
    world.await_writes(max(0, goal - world.acknowledged()), 600)
    seconds, written = time.monotonic() - begin, world.acknowledged() - before
    for worker in world.workers:
        worker.release()
    for worker in list(world.workers):
        verdict.add(worker, worker.report(90))
        world.forget(worker)
    say(f"  all clients have ended; {written} writes in {seconds:.0f} s")
    world.await_calm()


def prove(world: World, names: list[str]) -> list[str]:
    world.set_up()
    verdict = Verdict(world.stalls)
    # What nodes open when it is first needed is open then.
    run_phase(world, replace(world.size.phases[0], writes=0), [], verdict)
    world.note_base()
    for phase in world.size.phases:
        run_phase(world, phase, names, verdict)
        world.check_base()
    for node in world.nodes:
        node.stop(30)
    books = audit(world.server, world.ledgers, world.killed)
    say(f"writes: {books}")
    failures = {k: v for k, v in sorted(verdict.outcomes.items()) if not k.endswith(": ok")}
    say(f"requests: {verdict.outcomes.total()} answered, {sum(failures.values())} with a failure")
    for what, count in failures.items():
        say(f"  {count} {what}")
    say(f"latest answer: {verdict.latest[0]:.2f} s after the limit of its request ({verdict.latest[1] or 'none was late'}); "
        f"the machine's longest stall was {world.stalls.longest:.2f} s")
    return books.problems + verdict.problems


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/nodes/faults.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="every fault once, about 3 000 writes")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", metavar="DIR",
                        help="build folder with the programs (default: build/release)")
    parser.add_argument("--seed", type=int, default=15, metavar="N", help="for the order and the victims of faults")
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), metavar="FAULT",
                        help="faults: " + ", ".join(FAULTS))
    parser.add_argument("--writes", type=int, metavar="N", help="acknowledged writes of each phase")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder for logs and ledgers, which stays")
    return parser.parse_args()


def main() -> int:
    options = parse()
    size = SHORT if options.short else FULL
    if options.writes:
        size = replace(size, phases=tuple(replace(x, writes=options.writes) for x in size.phases))
    return conduct("faults", options, ["cenote", "node-worker"], f"{size.nodes} nodes, ",
                   lambda build, folder: World(size, build, folder, options.seed),
                   lambda world: prove(world, options.only or list(FAULTS)), lambda world: world.nodes,
                   "all is as it should be: 0 lost, 0 doubled, all answered in time")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
