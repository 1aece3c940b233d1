"""What came out: medians and ratios over the rounds, as Markdown and as JSON."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from workloads import CENOTE, GROUPS, Cell, Entry

Figures = dict[str, float]


@dataclass
class Result:
    """All rounds of a cell."""

    cell: Cell
    rounds: dict[str, dict[int, Figures]] = field(default_factory=dict)  # By the entry's name, then by round.
    problems: dict[str, str] = field(default_factory=dict)  # Why an entry has no (further) rounds.

    def add(self, entry: Entry, number: int, figures: Figures) -> None:
        self.rounds.setdefault(entry.name, {})[number] = figures

    def entries(self) -> list[str]:
        return [x.name for x in self.cell.entries if x.name in self.rounds]

    def medians(self, entry: str) -> Figures:
        rounds = list(self.rounds[entry].values())
        return {key: median(x[key] for x in rounds) for key in rounds[0]}

    def ratios(self, entry: str) -> list[float]:
        """Beside the reference, round by round; empty for the reference itself or without it."""
        reference = self.rounds.get(self.cell.reference, {})
        if entry not in self.rounds or entry == self.cell.reference or self.cell.workload == "recovery":
            return []
        key = self.cell.compared
        return [x[key] / reference[n][key] for n, x in self.rounds[entry].items() if reference.get(n, {}).get(key)]


@dataclass
class Report:
    about: dict[str, str]
    missing: dict[str, str]  # Sides that could not be built, and why.
    results: list[Result]


# ---- Markdown --------------------------------------------------------------------------------------------------------


def number(x: float) -> str:
    """About three digits that mean something, thousands set apart."""
    if x >= 100:
        return f"{x:,.0f}".replace(",", " ")
    return f"{x:.1f}" if x >= 10 else f"{x:.2f}" if x >= 1 else f"{x:.2g}"


def latency(p50_us: float, p99_us: float) -> str:
    if p99_us < 10_000:
        return f"{number(p50_us)} / {number(p99_us)} us"
    return f"{number(p50_us / 1000)} / {number(p99_us / 1000)} ms"


def ratio(xs: list[float]) -> str:
    if not xs:
        return ""
    middle = f"**{median(xs):.2f}**"
    return middle if len(xs) == 1 else f"{middle} ({min(xs):.2f} - {max(xs):.2f})"


def table(header: list[str], lines: Iterable[list[str]]) -> str:
    rows = [header, ["---"] + ["---:"] * (len(header) - 1), *lines]
    return "".join(f"| {' | '.join(x)} |\n" for x in rows)


UNITS = {"transaction": "transactions", "checkout": "checkouts", "large": "results"}


def cell_table(result: Result) -> str:
    """One line per entry; those with a problem get a footnote."""
    cell = result.cell
    recovery = cell.workload == "recovery"
    header = ["", "answers again after, ms" if recovery else f"{UNITS.get(cell.workload, 'statements')}/s",
              "failed calls" if recovery else "p50 / p99", "client CPU ms per 1000", "peak memory MiB", "threads",
              "rounds", f"{'p99' if cell.compared == 'p99_us' else 'ratio'} to {cell.reference} (lowest - highest)"]
    if not any(map(result.ratios, result.entries())):
        header.pop()
    marks = {entry: f" [{i}]" for i, entry in enumerate(result.problems, 1)}
    lines = [[x.name + marks.get(x.name, ""), *cell_line(result, x.name)][:len(header)] for x in cell.entries]
    footnotes = "".join(f"\n[{i}] {note}\n" for i, note in enumerate(result.problems.values(), 1))
    return f"### {cell.title}\n\n{table(header, lines)}{footnotes}\n"


def cell_line(result: Result, entry: str) -> list[str]:
    if entry not in result.rounds:
        return ["-"] * 7
    x = result.medians(entry)
    if "resumed_ms" in x:
        first = [number(x["resumed_ms"]), f"{x['errors']:.0f}"]
    else:
        first = [number(x["per_second"]), latency(x["p50_us"], x["p99_us"])]
    return [*first, number(x["cpu_ms_per_1000"]), number(x["peak_mib"]), f"{x['threads']:.0f}",
            str(len(result.rounds[entry])), ratio(result.ratios(entry))]


def overviews(results: list[Result]) -> str:
    """Ratios and latencies of all cells on one page: a pair of tables for each group of entries."""
    grouped = {entry.name for _, entries in GROUPS for entry in entries}
    others = dict.fromkeys(y for x in results for y in x.entries() if y not in grouped)
    groups = [*((what, [x.name for x in entries]) for what, entries in GROUPS), ("others", [*others])]
    return "".join(overview(what, names, results) for what, names in groups)


def overview(what: str, group: list[str], results: list[Result]) -> str:
    """The cells of a group. cenote stands in each one, but makes none alone."""
    results = [x for x in results if x.cell.workload != "recovery" and set(x.entries()) & set(group) - {CENOTE.name}]
    names = [x for x in group if any(x in y.rounds for y in results)]
    compared = [x for x in results if x.cell.compared == "per_second" and any(map(x.ratios, names))]
    text = ""
    for reference in dict.fromkeys(x.cell.reference for x in compared):
        heading = f"Operations per second, as a ratio to {reference}: {what}"
        text += overview_table(heading, [x for x in names if x != reference],
                               [x for x in compared if x.cell.reference == reference], median_ratio)
    if results:
        text += overview_table(f"p50 / p99: {what}", names, results, median_latency)
    return text


def overview_table(heading: str, names: list[str], results: list[Result], cell: Callable[[Result, str], str]) -> str:
    cells = {y: [cell(x, y) if y in x.rounds else "-" for x in results] for y in names}
    names = [x for x in names if set(cells[x]) != {"-"}]
    lines = [[x.cell.title] + [cells[y][i] for y in names] for i, x in enumerate(results)]
    return f"### {heading}\n\n{table(['', *names], lines)}\n"


def median_ratio(result: Result, entry: str) -> str:
    ratios = result.ratios(entry)
    return f"{median(ratios):.2f}" if ratios else "-"


def median_latency(result: Result, entry: str) -> str:
    figures = result.medians(entry)
    return latency(figures["p50_us"], figures["p99_us"])


def to_markdown(report: Report) -> str:
    text = "".join(f"- {what}: {value}\n" for what, value in report.about.items())
    text += "".join(f"- missing: {side} ({why})\n" for side, why in report.missing.items())
    return f"{text}\n{overviews(report.results)}{''.join(map(cell_table, report.results))}".rstrip() + "\n"


# ---- JSON ------------------------------------------------------------------------------------------------------------


def to_json(report: Report) -> str:
    def entry(result: Result, name: str) -> dict:
        ratios = result.ratios(name)
        about_ratio = {"median": median(ratios), "lowest": min(ratios), "highest": max(ratios)} if ratios else None
        return {"medians": result.medians(name), "ratio": about_ratio, "rounds": result.rounds[name]}

    cells = [{
        "name": x.cell.name,
        "title": x.cell.title,
        "workload": x.cell.workload,
        "callers": x.cell.callers,
        "transport": x.cell.transport.name,
        "compared": x.cell.compared,
        "reference": x.cell.reference,
        "entries": {name: entry(x, name) for name in x.entries()},
        "problems": x.problems,
    } for x in report.results]
    return json.dumps({"about": report.about, "missing": report.missing, "cells": cells}, indent=2) + "\n"
