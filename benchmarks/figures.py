# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of one run: median, spread, count, and ratios to another figure of the same run."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Figure:
    """What one kind of thing took, again and again.

    seconds: by the clock; cpu: of the controller, in seconds; first: until a client's first acknowledged row;
    unwritable: how long that client got none.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    tasks: str = ""
    first: list[float] = field(default_factory=list)
    unwritable: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_cpu(self) -> float:
        return statistics.median(self.cpu)


def short(values: Sequence[float]) -> str:
    """Median and spread in one cell."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "-"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = (header, ("---",) * len(header), *rows)
    return "\n".join(f"| {' | '.join(cell.replace('|', '-') for cell in row)} |" for row in lines)


def cells(figure: Figure, base: Figure | None = None, digits: int = 1) -> list[str]:
    """Name, median, spread and count; then the ratio of the medians, when there is a base of the same run.

    What was never taken has dashes.
    """
    if not figure.seconds:
        return [figure.name, "-", "-", "0", *(["-"] if base else [])]
    ratio = []
    if base:
        ratio = [f"{figure.median / base.median:.2f}" if base.seconds and base.median else "-"]
    median, least, most = (
        f"{seconds:.{digits}f}" for seconds in (figure.median, min(figure.seconds), max(figure.seconds))
    )
    return [figure.name, median, f"{least} to {most}", str(len(figure.seconds)), *ratio]


def table(figures: Sequence[Figure], base: Figure) -> str:
    """As Markdown, with the ratio of the medians to those of base, which was taken in the same run."""
    header = ["", "median s", "min to max s", "n", f"to {base.name}", "controller's CPU s", "executed/skipped per host"]
    clients = ["start to first row s", f"that to {base.name}", "nobody could write s"]
    clients = clients if any(one.unwritable for one in figures) else []
    rows = []
    for one in figures:
        row = [*cells(one, base), f"{one.median_cpu:.1f}", one.tasks]
        if clients:
            row += [short(one.first), cells(Figure("", one.first), base)[-1], short(one.unwritable)]
        rows.append(row)
    return markdown([*header, *clients], rows)


def machine(versions: Iterable[str]) -> str:
    """One line on what the figures were taken with."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    cores = f"{len(models)} cores ({models[0]})" if models else "unknown cores"
    return ", ".join([cores, f"Linux {platform.release()}", f"Python {platform.python_version()}", *versions])
