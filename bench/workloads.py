"""What is measured: the sides, the ways to run them, and the cells of the result."""

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from fnmatch import fnmatch

REFERENCE = "threads"


@dataclass(frozen=True)
class Entry:
    """One way to run a side: a line of a cell."""

    name: str
    side: str  # The folder in bench/sides.
    options: tuple[str, ...] = ()

    @property
    def min_warm_up(self) -> float:
        """Seconds of warm-up that the side needs, however short that of the others is."""
        return MIN_WARM_UP.get(self.side, 0)


CORES = len(os.sched_getaffinity(0))  # That the sides may use.

# In the order of the report: what is compared first, then its rivals.
LOCAL = ("cenote", "threads", "go", "hikaricp", "mysql2", "sqlalchemy", "poco", "soci")
# The pool in a process of its own, beside the one in the process of its callers.
REMOTE = ("cenote-remote", "cenote-remote-tls")
SIDES = LOCAL + REMOTE
# Seconds: Java compiles what is called often, and later once more with what it has learnt.
MIN_WARM_UP = {"hikaricp": 4.0}

# Each side in its default configuration, cenote with one scheduler thread.
PLAIN = tuple(Entry(side, side) for side in LOCAL)
CENOTE = PLAIN[0]
# Those that prepare their statements if they are told to; cenote does so by itself, the others cannot or do so each time.
PREPARED = tuple(Entry(f"{side} prepared", side, ("--prepared",)) for side in ("threads", "go", "hikaricp", "mysql2"))
# Other ways to use cenote: actors on the pool's own thread, and threads that block.
FACES = tuple(Entry(f"cenote {face}", "cenote", (f"--{face}",)) for face in ("beside", "blocking"))
# cenote's settings for CAF with as many scheduler threads as CAF takes, and CAF without any settings.
CAF = (Entry("cenote threads", "cenote", ("--workers", "0")), Entry("cenote plain CAF", "cenote", ("--plain-caf",)))
# With the text of each statement, as without the setting pool.prepared-statements.
TEXT = (Entry("cenote text", "cenote", ("--prepared-statements", "0")),)
AWAY = tuple(Entry(side, side) for side in REMOTE)

# What stands in one table of the overview.
GROUPS = (
    ("default configuration", PLAIN),
    ("with prepared statements", (CENOTE, *PREPARED)),
    ("ways to use cenote", (CENOTE, *FACES, *CAF, *TEXT, *AWAY)),
)


@dataclass(frozen=True)
class Transport:
    """A way to the server."""

    name: str  # In the names of cells.
    title: str
    round_trip_ms: float = 0  # What a network adds to each round trip; zero: there is none.


TCP = Transport("tcp", "TCP")
UNIX = Transport("unix", "unix socket")
# Within a data centre, and between two in the same city.
NEAR = Transport("network-0.2ms", "TCP, 0.2 ms per round trip", 0.2)
FAR = Transport("network-1ms", "TCP, 1 ms per round trip", 1)


@dataclass(frozen=True)
class Cell:
    """A workload with so many callers on such a way to the server, and who takes part."""

    name: str
    title: str
    workload: str
    callers: int
    transport: Transport = TCP
    options: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = PLAIN
    compared: str = "per_second"  # The figure whose ratio to the reference is given.
    reference: str = REFERENCE
    seconds: float | None = None  # A length of its own, if the usual one does not do.
    on_request: bool = False  # Only if --only names it.

    def arguments(self, entry: Entry) -> list[str]:
        return [self.workload, "--callers", str(self.callers), *self.options, *entry.options]

    def without(self, sides: Collection[str]) -> "Cell":
        return replace(self, entries=tuple(x for x in self.entries if x.side not in sides))


def point(callers: int, way: Transport, entries: tuple[Entry, ...] = PLAIN) -> Cell:
    title = f"point select, {callers} caller{'s' if callers > 1 else ''}, {way.title}"
    return Cell(f"point-{callers}-{way.name}", title, "point", callers, way, entries=entries)


def transaction(way: Transport, entries: tuple[Entry, ...] = PLAIN) -> Cell:
    name = "transaction" if way is TCP else f"transaction-{way.name}"
    return Cell(name, f"transaction of 2 statements, 64 callers, {way.title}", "transaction", 64, way, entries=entries)


def mix(callers: int) -> Cell:
    """What slow statements do to the fast ones beside them, with and without pipelining."""
    entries = tuple(Entry(f"cenote depth {depth}", "cenote", ("--depth", str(depth))) for depth in (1, 16))
    title = f"point select beside 1 % that take 100 ms, {callers} callers, TCP"
    return Cell(f"mix-{callers}", title, "point", callers, options=("--slow-share", "0.01"), entries=entries,
                compared="p99_us", reference="cenote depth 1", seconds=2, on_request=True)


def io_threads(callers: int) -> Cell:
    """What large results do to the small ones beside them, on the same I/O thread and on another."""
    beside = ("--large-readers", "2")
    entries = (
        Entry("cenote alone", "cenote"),
        Entry("cenote 1 I/O thread", "cenote", beside),
        Entry("cenote 2 I/O threads", "cenote", ("--io-threads", "2", *beside)),
    )
    title = f"point select beside two callers that read 10 MB each time, {callers} callers, TCP"
    return Cell(f"io-threads-{callers}", title, "point", callers, entries=entries, compared="p99_us",
                reference="cenote 1 I/O thread", seconds=2, on_request=True)


def cores(workload: str, callers: int) -> Cell:
    """What further I/O threads and scheduler threads add, as far as there are cores for them. Large results keep the
    first I/O thread busy on two cores already."""
    threads = [(io, workers) for workers in (1, 2, 4) for io in (1, 2, 4) if io + workers <= max(3, CORES)]
    entries = tuple(Entry(f"cenote {io} I/O + {workers} CAF", "cenote",
                          ("--io-threads", str(io), "--workers", str(workers))) for io, workers in threads)
    what = {"point": "point select", "large": "result of 10 000 rows of 1 000 bytes"}[workload]
    title = f"{what}, {callers} callers, TCP, by I/O threads and scheduler threads"
    return Cell(f"cores-{workload}-{callers}", title, workload, callers, entries=entries, reference=entries[0].name,
                seconds=2, on_request=True)


def retrier(callers: int) -> Cell:
    """What a retrier before the pool costs."""
    entries = (Entry("cenote", "cenote"), Entry("cenote retrier", "cenote", ("--retrier",)))
    title = f"point select with a retrier, {callers} caller{'s' if callers > 1 else ''}, TCP"
    return Cell(f"retrier-{callers}", title, "point", callers, entries=entries, reference="cenote", on_request=True)


CELLS = (
    *(point(n, TCP, PLAIN + PREPARED + FACES + CAF + TEXT + AWAY) for n in (1, 10, 256)),
    *(point(n, UNIX) for n in (1, 10, 256)),
    Cell("pre-ping", "point select, 10 callers, TCP, every checkout pings first", "point", 10, options=("--pre-ping",)),
    transaction(TCP, PLAIN + PREPARED + FACES + CAF),
    *(point(n, NEAR) for n in (1, 10, 256)),
    transaction(NEAR),
    point(256, FAR),
    transaction(FAR),
    Cell("large", "result of 10 000 rows of 1 000 bytes, 1 caller, TCP", "large", 1),
    Cell("crowd", "point select, 10 000 callers, TCP", "point", 10_000, seconds=2),
    Cell("checkout", "checkout and return, 1 caller", "checkout", 1, entries=PLAIN + FACES),
    Cell("recovery", "recovery from a crash of the server, 10 callers: its first greeting to the first answer",
         "recovery", 10, compared="resumed_ms", seconds=6),
    mix(10),
    mix(64),
    mix(256),
    io_threads(4),
    cores("point", 256),
    cores("point", 1_024),
    cores("large", 8),
    retrier(1),
    retrier(10),
    retrier(256),
    Cell("many", "point select, 100 000 callers, TCP", "point", 100_000, seconds=4, on_request=True,
         entries=(Entry("cenote", "cenote"),)),
)


def chosen(patterns: list[str], sides: list[str]) -> list[Cell]:
    """The cells whose name matches a pattern or has it as a part, without the entries of other sides.

    No pattern means all but those on request, no side means all.
    """

    def wanted(cell: Cell) -> bool:
        if not patterns:
            return not cell.on_request
        return any(fnmatch(cell.name, x) or f"-{x}-" in f"-{cell.name}-" for x in patterns)

    def takes_part(entry: Entry) -> bool:
        return not sides or entry.side in sides or entry.name in sides

    cells = [replace(x, entries=tuple(y for y in x.entries if takes_part(y))) for x in CELLS if wanted(x)]
    return [x for x in cells if x.entries]
