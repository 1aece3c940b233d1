"""What every proof with real processes does around it: looks for its programs, keeps or removes its folder, reports."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from processes import Fault, Program


def conduct(name: str, options: argparse.Namespace, needed: list[str], opening: str, make: Callable[[Path, Path], object],
            prove: Callable[[object], list[str]], programs_of: Callable[[object], Iterable[Program]], praise: str) -> int:
    """Returns the exit code: 0, or 1 for a fault in what is tested, 2 for one in the use.

    @param options has `build`, `keep` and `seed`, needed the programs of the build folder, opening what the first line
    says after the seed, make makes the world of a build folder and a folder of its own, prove returns what is wrong,
    programs_of names those whose last words help after a fault, praise is said if nothing is wrong.
    """

    def say(text: str) -> None:
        print(f"{name}: {text}", flush=True)

    build = options.build.resolve()
    for program in needed:
        if not os.access(build / "bin" / program, os.X_OK):
            print(f"{name}: error: {build}/bin/{program} is missing: ninja -C {build} {' '.join(needed)}", file=sys.stderr)
            return 2
    if options.keep and options.keep.exists():
        print(f"{name}: error: {options.keep} exists already: --keep wants a new folder", file=sys.stderr)
        return 2
    folder = options.keep.resolve() if options.keep else Path(tempfile.mkdtemp(prefix=f"cenote-{name}."))
    folder.mkdir(exist_ok=True, parents=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say(f"seed {options.seed}, {opening}{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}")
    world = make(build, folder)
    try:
        problems = prove(world)
    except Fault as fault:
        problems = [str(fault)]
        for each in programs_of(world):
            say(f"the last words of {each.name}:\n{each.last_lines()}")
    finally:
        world.end()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for text in problems[:20]:
        say(f"FAULT: {text}")
    say(f"{len(problems)} faults" if problems else praise)
    return 1 if problems else 0
