"""The results as a picture: a panel of bars per cell, as SVG."""

from collections.abc import Iterator
from html import escape

from report import UNITS, Report, Result, number

COLUMNS = 3
MARGIN, GAP = 28, 30  # Around all, between panels.
WIDTH, HEAD, BAR, STEP = 372, 46, 15, 20  # Of a panel: its width, its title, a bar, from one bar to the next.
NAME, VALUE = 118, 62  # Room for a name on the left, for a figure on the right.
ACCENT, REFERENCE, OTHER = "#c2410c", "#334155", "#b6c1cf"
INK, FAINT = "#0f172a", "#64748b"
FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"


class Panel:
    """The bars of one figure of a cell, best first."""

    def __init__(self, result: Result, key: str, unit: str, scale: float = 1):
        what, _, how = result.cell.title.partition(", ")
        self.title, self.subtitle = what[0].upper() + what[1:], f"{how} \u2013 {unit}"
        self.bars = sorted(((x, result.medians(x)[key] * scale) for x in result.entries()), key=lambda x: x[1],
                           reverse=key == "per_second")
        self.without = [x for x in result.problems if x not in result.rounds]
        self.height = HEAD + STEP * (len(self.bars) + len(self.without))

    def draw(self, x: float, y: float) -> Iterator[str]:
        yield text(x, y + 14, self.title, 14, weight=600)
        yield text(x, y + 32, self.subtitle, 11.5, FAINT)
        longest = max(value for _, value in self.bars) or 1
        for i, (name, value) in enumerate(self.bars):
            top = y + HEAD + i * STEP
            ours = name.startswith("cenote")
            colour = ACCENT if ours else REFERENCE if name.startswith("threads") else OTHER
            # Negative if a side answered before the benchmark itself was greeted.
            length = max(value, 0) / longest * (WIDTH - NAME - VALUE)
            weight = 600 if ours else 400
            yield text(x + NAME - 8, top + 12, name, 12, anchor="end", weight=weight)
            yield (f'<rect x="{x + NAME}" y="{top}" width="{max(length, 1):.1f}" height="{BAR}" rx="2" '
                   f'fill="{colour}"/>')
            yield text(x + NAME + length + 6, top + 12, number(value), 12, weight=weight)
        for i, name in enumerate(self.without, len(self.bars)):
            top = y + HEAD + i * STEP
            yield text(x + NAME - 8, top + 12, name, 12, FAINT, anchor="end")
            yield text(x + NAME, top + 12, "\u2013", 12, FAINT)


def text(x: float, y: float, words: str, size: float, colour: str = INK, anchor: str = "start",
         weight: int = 400) -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def panels_of(result: Result) -> Iterator[Panel]:
    cell = result.cell
    if not result.entries():
        return
    if cell.workload == "recovery":
        yield Panel(result, "resumed_ms", "ms, less is better")
    elif cell.compared == "p99_us":
        yield Panel(result, "p99_us", "p99 in ms, less is better", 1e-3)
    else:
        yield Panel(result, "per_second", f"{UNITS.get(cell.workload, 'statements')}/s")
    if cell.name == "crowd":
        yield Panel(result, "peak_mib", "peak memory in MiB, less is better")


def draw(report: Report) -> str:
    panels = [panel for result in report.results for panel in panels_of(result)]
    connections = report.about["connections"].partition(" ")[0]
    body = [
        text(MARGIN, MARGIN + 16, f"MariaDB through {connections} connections", 20, weight=600),
        text(MARGIN, MARGIN + 38, "Medians of closed loops, best first in each panel; client and server share one "
             "machine. threads: hand-written, blocking, on Connector/C.", 12.5, FAINT),
    ]
    y = MARGIN + 64.0
    for i in range(0, len(panels), COLUMNS):
        row = panels[i:i + COLUMNS]
        for column, panel in enumerate(row):
            body += panel.draw(MARGIN + column * (WIDTH + GAP), y)
        y += max(x.height for x in row) + GAP
    width, height = 2 * MARGIN + COLUMNS * (WIDTH + GAP) - GAP, y - GAP + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" font-family="{FONT}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>', *body, "</svg>\n"])
