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
    """What one kind of thing took, again and again. seconds: by the clock; cpu: of the controller, in seconds."""

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    tasks: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_cpu(self) -> float:
        return statistics.median(self.cpu)


def table(figures: Sequence[Figure], base: Figure) -> str:
    """As Markdown. The last column is the ratio of the medians to those of base, which was taken in the same run."""
    rows = [
        ("", "median s", "min to max s", "n", "controller's CPU s", "executed/skipped per host", f"to {base.name}"),
        ("---",) * 7,
        *(
            (
                one.name,
                f"{one.median:.1f}",
                f"{min(one.seconds):.1f} to {max(one.seconds):.1f}",
                str(len(one.seconds)),
                f"{one.median_cpu:.1f}",
                one.tasks,
                f"{one.median / base.median:.2f}",
            )
            for one in figures
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def machine(versions: Iterable[str]) -> str:
    """One line on what the figures were taken with."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    cores = f"{len(models)} cores ({models[0]})" if models else "unknown cores"
    return ", ".join([cores, f"Linux {platform.release()}", f"Python {platform.python_version()}", *versions])
