# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: one execution of a playbook, and whether it may claim a node that another run has claimed. Pure.

A run claims every node that answers with its first look, and acts on a node only while that node bears its claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

# After so many seconds without an act on a node a run of another controller is taken for dead there. A run that works
# on a node leaves a sign of life every few seconds.
STALE_SECONDS = 60


@dataclass(frozen=True)
class Run:
    """Who acts.

    id: unique to the execution. who: the user on the controller. host: the controller's name. playbook: its file name.
    since: when it began, ISO 8601 in UTC by the controller's clock. controller: names the space in which the
    controller's process numbers are unique, "" when it is not known. process: Ansible's process there.
    ended: whether it has released the node.
    """

    id: str
    who: str = ""
    host: str = ""
    playbook: str = ""
    since: str = ""
    controller: str = ""
    process: str = ""
    ended: bool = False

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Run:
        """Read back what to_plain made; what is missing or more does not matter. Raises KeyError without an id."""
        known = {field.name: plain[field.name] for field in fields(cls) if field.name in plain}
        ended = bool(known.pop("ended", False))
        texts = {name: str(value or "") for name, value in known.items()}
        texts["id"] = str(plain["id"])
        return cls(**texts, ended=ended)

    def to_plain(self) -> dict[str, Any]:
        return dict(vars(self))

    def __str__(self) -> str:
        return f"{self.playbook or 'a playbook'} of {self.who or 'somebody'} on {self.host or 'another controller'}"


@dataclass(frozen=True)
class Claimant:
    """The run that wants a node. neighbours: the Ansible processes that live on its controller, None when that is not
    known. take_over: whether the user wants it to overtake a run that may still be at work."""

    run: Run
    neighbours: tuple[str, ...] | None = None
    take_over: bool = False


def may_claim(claimant: Claimant, holder: Run | None, age_seconds: float) -> bool:
    """Whether the node may be claimed. age_seconds: since the holder's last act there, by the node's clock.

    A holder from the same controller lives as long as its process does; one from elsewhere as long as it acts.
    """
    if holder is None or holder.ended or holder.id == claimant.run.id or claimant.take_over:
        return True
    if holder.controller and holder.controller == claimant.run.controller and claimant.neighbours is not None:
        return holder.process not in claimant.neighbours
    return age_seconds > STALE_SECONDS
