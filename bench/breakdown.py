#!/usr/bin/env python3
"""Says where the instructions and allocations of a statement go: a point select with 256 callers and one I/O thread.

Needs valgrind. scripts/bench --breakdown builds all and starts a server for it; nothing else may ask that server meanwhile.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from counts import IO_LOOP, command, finish, is_of_scheduler, selects, started
from program import conduct
from report import number, table
from server import Server, given_uri

CALLERS = 256
SECONDS = 8.0
START_SECONDS = 2.0  # A run of these is subtracted from the longer one, and with it what the start costs.

# Who a function belongs to: the first pattern that is found in its name, without parameters, counts.
CODE = [
    ("Connector/C", r"libmariadb"),
    ("the allocator", r"malloc|_int_free|\bfree\b|realloc|operator (new|delete)"),
    ("the caller's own code", r"cenote::bench"),
    ("CAF", r"\bcaf::|_ZN3caf"),
    ("cenote: protocol, statements and results", r"cenote::(db|statement|result|row|value|result_builder|detail::first_word)\b"),
    ("cenote: rules of the pool", r"cenote::pool::"),
    ("cenote: rules of a connection", r"cenote::(connection_core|shared_statements|connection_output|reuse_rules)"),
    ("cenote: actors, I/O thread, scheduler, metrics", r"cenote"),
    ("libc and libstdc++", r""),
]

# Who an allocation belongs to: the first pattern that is found in the first two callers outside the standard library.
SITES = [
    ("the start of the benchmark", r"catalogue|OPENSSL|CRYPTO|round_state"),
    ("caller: the text of the statement, and its parameters", r"select_point|make_statement"),
    ("caller: the texts that it copies from the row", r"bench::copy"),
    ("CAF: the handler of the answer", r"^make_counted<caf::detail::default_behavior"),
    ("CAF: three messages", r"^(caf::message caf::)?make_message<"),
    ("CAF: a mailbox element for each", r"^caf::make_mailbox_element"),
    ("cenote: the cells of the result", r"cell_block|^grow \("),
    ("the rest", r""),
]
STANDARD = re.compile(r"operator new|malloc|calloc|realloc|_M_|allocat|construct|emplace|std::|__gnu_cxx|.*\((\w*stl_|alloc|"
                      r"new_alloc|basic_string|shared_ptr|vector|deque|hashtable|unordered_map|char_traits)")


def belongs_to(groups: list[tuple[str, str]], text: str) -> str:
    return next(name for name, pattern in groups if re.search(pattern, text))


def owner(function: str, program: str) -> str:
    """Handlers of messages are functions of CAF with the actor's code in them."""
    if "default_behavior_impl" in function:
        if found := re.search(r"cenote::bench|connection_state|pool_actor_state", function):
            return belongs_to(CODE, found[0] if "::" in found[0] else "cenote::" + found[0])
    name = re.split(r"[<(]", function.replace("(anonymous namespace)::", ""))[0]
    return belongs_to(CODE, f"{name} {Path(program).name if '.so' in program else ''}")


def run(server: Server, tool: list[str], seconds: float) -> int:
    """Runs the side under valgrind, and counts its statements."""
    before = selects(server)
    finish(started(["valgrind", "--quiet", *tool, *command(CALLERS, 1, seconds)]))
    return selects(server) - before


def instructions(server: Server, seconds: float, folder: Path) -> tuple[int, Counter[tuple[str, str]]]:
    """The statements, and the instructions by thread and owner."""
    out = folder / f"instructions-{seconds}"
    statements = run(server, ["--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}"], seconds)
    counted: Counter[tuple[str, str]] = Counter()
    for file in folder.glob(f"{out.name}-*"):
        text = file.read_text()
        if IO_LOOP in text:
            thread = "I/O thread"
        elif is_of_scheduler(text):
            thread = "scheduler thread"
        else:
            continue
        lines = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show-percs=no", file],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        for line in lines:
            if found := re.match(r"\s*([\d,]+) +\S*?:(.*?)(?: \[(\S+)\])?$", line):
                counted[thread, owner(found[2], found[3] or "")] += int(found[1].replace(",", ""))
    return statements, counted


def allocations(server: Server, seconds: float, folder: Path) -> tuple[int, Counter[str]]:
    """The statements, and the allocations by site."""
    out = folder / f"allocations-{seconds}"
    statements = run(server, ["--tool=dhat", "--num-callers=16", f"--dhat-out-file={out}"], seconds)
    found = json.loads(out.read_text())
    counted: Counter[str] = Counter()
    for point in found["pps"]:
        frames = [found["ftbl"][frame].split(": ", 1)[-1] for frame in point["fs"]]
        ours = [frame for frame in frames if not STANDARD.match(frame)]
        counted[belongs_to(SITES, " < ".join(ours[:2]))] += point["tbk"]
    return statements, counted


def main() -> None:
    server = Server(given_uri())
    if not shutil.which("valgrind"):
        raise RuntimeError("needs the package valgrind")
    server.make_tables()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            runs = [instructions(server, seconds, folder) for seconds in (START_SECONDS, SECONDS)]
            blocks = [allocations(server, seconds, folder) for seconds in (START_SECONDS, SECONDS)]
    finally:
        server.drop_tables()
    (few, at_start), (many, by_code) = runs
    by_code.subtract(at_start)
    threads = ["I/O thread", "scheduler thread"]
    lines = [[code, *(number(by_code[thread, code] / (many - few)) for thread in threads)] for code, _ in CODE]
    sums = [sum(x for (of, _), x in by_code.items() if of == thread) / (many - few) for thread in threads]
    print(table(["instructions per statement", *threads], [*lines, ["all", *map(number, sums)]]))
    (few, at_start_sites), (many, by_site) = blocks
    by_site.subtract(at_start_sites)
    rows = [[site, f"{by_site[site] / (many - few):.2f}"] for site, _ in SITES]
    print(table(["allocations per statement", ""], [*rows, ["all", f"{sum(by_site.values()) / (many - few):.2f}"]]), end="")


if __name__ == "__main__":
    conduct(main)
