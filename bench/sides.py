"""Builds the sides, runs one of them, and watches it meanwhile."""

import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent
SIDES = BENCH / "sides"
BUILD = BENCH.parent / "build" / "bench"  # With a folder for each side.
DOES_NOT_APPLY = 3
# Whose versions are worth telling.
PACKAGES = ("libmariadb3", "golang-go", "golang-github-go-sql-driver-mysql-dev", "default-jdk-headless",
            "libhikaricp-java", "libmariadb-java", "python3-sqlalchemy", "python3-pymysql", "nodejs", "libpoco-dev",
            "libsoci-dev")
SAMPLE_SECONDS = 0.05
SPARE_SECONDS = 90  # How long a side may take to start and stop, 10 000 threads too, before it is taken for hanging.


@dataclass
class Outcome:
    """What one run of a side came to: figures, or why there are none."""

    figures: dict[str, float] | None = None
    problem: str = ""


def build(side: str) -> str:
    """Builds a side; returns what is missing, or what went wrong, empty if it is ready to run."""
    script = SIDES / side / "build"
    if not script.exists():
        return "there is no such side"
    done = subprocess.run([script, BUILD / side], stdout=sys.stderr, stderr=subprocess.PIPE, text=True, process_group=0)
    if done.returncode == 0:
        return ""
    line = error_line(done.stderr)
    return line if done.returncode == DOES_NOT_APPLY else f"does not build: {line}"


def run(side: str, uri: str, arguments: list[str], warm_up: float, seconds: float,
        at_ready: Callable[[], None] = lambda: None) -> Outcome:
    """Runs a side once. `at_ready` is called when it begins to measure."""
    command = [SIDES / side / "run", BUILD / side, *arguments, "--warm-up", f"{warm_up:g}", "--seconds", f"{seconds:g}"]
    # In a process group of its own, so that Ctrl-C reaches only us.
    with (tempfile.TemporaryFile("w+", errors="replace") as errors,
          subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, process_group=0,
                           env=os.environ | {"DATABASE_URI": uri}) as process):
        try:
            output, peak = watch(process, SPARE_SECONDS + 2 * (warm_up + seconds), at_ready)
        except TimeoutError as error:
            return Outcome(problem=str(error))
        finally:
            process.kill()
        errors.seek(0)
        why = error_line(errors.read())
    if process.returncode != 0:
        return Outcome(problem=why or f"ended with code {process.returncode}, without a word")
    try:
        printed = json.loads(last_line(output))
        if printed["operations"] == 0:
            return Outcome(problem="no operation ended in the time")
        return Outcome(figures_of(printed) | peak)
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        return Outcome(problem=f"printed no figures ({type(error).__name__}: {error})")


def caf_settings(options: Sequence[str]) -> str:
    """What cenote's side, run with these options, says of the settings of CAF."""
    done = subprocess.run([SIDES / "cenote" / "run", BUILD / "cenote", "point", *options, "--show-caf-settings"],
                          capture_output=True, text=True, process_group=0)
    return last_line(done.stdout) if done.returncode == 0 else error_line(done.stderr)


def watch(process: subprocess.Popen, limit: float, at_ready: Callable[[], None]) -> tuple[str, dict[str, float]]:
    """Follows a process to its end; returns what it printed and the most it took."""
    assert process.stdout
    deadline = time.monotonic() + limit
    output, ready = b"", False
    peak = {"peak_mib": 0.0, "threads": 0.0}
    while True:
        if select.select([process.stdout], [], [], SAMPLE_SECONDS)[0]:
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            output += data
        if not ready and output.startswith(b"ready\n"):
            ready = True
            at_ready()
        sample(process.pid, peak)
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not end within {limit:.0f} s")
    try:
        process.wait(deadline - time.monotonic() + 1)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"did not end within {limit:.0f} s") from None
    return output.decode(errors="replace"), peak


def sample(pid: int, peak: dict[str, float]) -> None:
    """Raises the peak to what /proc says at the moment."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return
    now = dict(x.split(":", 1) for x in lines if ":" in x)
    # A process that has ended, but was not waited for, has no memory any more.
    if "VmHWM" in now:
        peak["peak_mib"] = int(now["VmHWM"].split()[0]) / 1024
        peak["threads"] = max(peak["threads"], float(now["Threads"]))


def figures_of(printed: dict[str, float]) -> dict[str, float]:
    """What is reported of what a side printed; bench/sides/README.md says what that is."""
    operations = printed["operations"]
    figures = {
        "operations": operations,
        "per_second": operations / printed["seconds"],
        "p50_us": printed["p50_us"],
        "p99_us": printed["p99_us"],
        "cpu_ms_per_1000": 1000 * printed["cpu_ms"] / operations,
    }
    return figures | {x: printed[x] for x in ("resumed_at", "errors") if x in printed}


def versions() -> list[str]:
    """The installed packages that the sides use."""
    command = ["dpkg-query", "--show", "--showformat=${Package} ${Version} ${db:Status-Status}\n", *PACKAGES]
    try:
        lines = subprocess.run(command, text=True, capture_output=True).stdout.splitlines()
    except OSError:
        lines = []
    locked = json.loads((SIDES / "mysql2" / "package-lock.json").read_text())["packages"]
    found = [x.removesuffix(" installed") for x in lines if x.endswith(" installed")]
    return [*found, f"mysql2 {locked['node_modules/mysql2']['version']}"]


def last_line(text: str) -> str:
    lines = [x.strip() for x in text.splitlines() if x.strip()]
    return lines[-1] if lines else ""


def error_line(text: str) -> str:
    """The last line of what a side said on stderr, without its name in front."""
    return re.sub(r"^[\w-]+: (error: )?", "", last_line(text))[:300]
