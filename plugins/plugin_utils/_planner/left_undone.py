# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a promotion leaves undone at the end of its run, and what of it makes the run fail. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .plan import Left


@dataclass(frozen=True)
class Ending:
    """How a run ended, beside its plan.

    old_primary: that of a failover, of which nothing is expected. failed: nodes on which a task has failed. objections:
    by node, what could not be configured. checkpoint_failed: why the new primary could not make its first checkpoint,
    None when it has made it.
    """

    primary: str
    old_primary: str | None = None
    failed: tuple[str, ...] = ()
    objections: Mapping[str, Sequence[str]] | None = None
    checkpoint_failed: str | None = None


def left_undone(planned: Iterable[Left], ending: Ending) -> list[Left]:
    """What the plan leaves, and what has failed since."""
    found = list(planned)

    def add(node: str, text: str) -> None:
        found.append(Left(node, f"{node}{text}", expected=node == ending.old_primary))

    for node in ending.failed:
        add(node, ": a task failed on it")
    for node, texts in (ending.objections or {}).items():
        add(node, f" is not configured as declared: {'; '.join(text.rstrip('.') for text in texts)}")
    if ending.checkpoint_failed is not None:
        add(
            ending.primary,
            f": its first checkpoint as a primary failed ({ending.checkpoint_failed}); run CHECKPOINT there before"
            " another node is rewound",
        )
    return found


def checkpoint_missing(promotion: Mapping[str, object], control_timeline: int, timeline: int) -> str | None:
    """Why the first checkpoint failed, unless the server has made it by itself since.

    promotion: what module promote returned. control_timeline: the timeline of the last checkpoint in pg_control.
    """
    failed = promotion.get("checkpoint_failed")
    return str(failed) if failed is not None and control_timeline < timeline else None
