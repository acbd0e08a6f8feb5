# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of. Immutable, and every step and refusal carries its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PRIMARY = "primary"
STANDBY = "standby"

# The kinds of step.
NONE = "none"
CREATE = "create"
START = "start"
FOLLOW = "follow"
REWIND = "rewind"
CLONE = "clone"
FENCE = "fence"
CATCH_UP = "catch_up"
SALVAGE = "salvage"
PROMOTE = "promote"
HAND_OVER = "hand_over"
RESTART = "restart"

# The parts of a node that the inventory declares; each is brought to its place by one module, and is a kind of step.
SERVICE = "service"
ACCESS = "access"
OF_A_PRIMARY = ("user", "slots")
PARTS = ("passfile", "settings", SERVICE, "guard", ACCESS, *OF_A_PRIMARY)
# How a standby follows its primary.
CONNECTION = "connection"


@dataclass(frozen=True)
class Step:
    """source: of a clone, and of a rewind that may become one, the node that is copied."""

    kind: str
    reason: str
    source: str = ""


@dataclass(frozen=True)
class NodePlan:
    """parts: which of its parts are due; all of them where nothing was compared."""

    name: str
    role: str
    steps: tuple[Step, ...]
    parts: tuple[str, ...] = (*PARTS, CONNECTION)

    def does(self, kind: str) -> bool:
        return any(step.kind == kind for step in self.steps)

    @property
    def clone_source(self) -> str:
        """The node that it is cloned from, "" for the primary."""
        return next((step.source for step in self.steps if step.source), "")


@dataclass(frozen=True)
class Refusal:
    """Why nothing is done. name is stable; host is where; hint is what to do next."""

    name: str
    host: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"[{self.name}] {self.host}: {self.message}. {self.hint}."


@dataclass(frozen=True)
class Left:
    """A node that stays as it is, and why. expected: whether the plan means it so; anything else is a failure of the
    run that ends with it."""

    node: str
    text: str
    expected: bool = False


@dataclass(frozen=True)
class Plan:
    """With refusals, nothing at all is carried out.

    notes: what a person should know besides, such as what is lost. left: what this plan leaves undone.
    """

    primary: str | None
    nodes: tuple[NodePlan, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()

    @classmethod
    def refused(cls, *refusals: Refusal) -> Plan:
        return cls(None, (), refusals)

    def lines(self) -> list[str]:
        """The plan as people read it, one line per step."""
        width = max((len(node.name) for node in self.nodes), default=0)
        kinds = max([6, *(len(step.kind) for node in self.nodes for step in node.steps)])
        steps = [
            f"{node.name:<{width}}  {node.role:<7}  {step.kind:<{kinds}}  {step.reason}"
            for node in self.nodes
            for step in node.steps
        ]
        return [*steps, *self.notes, *(f"left: {left.text}" for left in self.left)]

    def to_plain(self) -> dict[str, Any]:
        """The plan as playbooks use it: each node's role and the kinds of its steps."""
        return {
            "primary": self.primary,
            "lines": self.lines(),
            "left": [vars(left) for left in self.left],
            "refusals": [str(refusal) for refusal in self.refusals],
            "refusal_names": [refusal.name for refusal in self.refusals],
            "nodes": {
                node.name: {
                    "role": node.role,
                    "steps": [step.kind for step in node.steps],
                    "reasons": [step.reason for step in node.steps],
                    "parts": list(node.parts),
                    "clone_source": node.clone_source or self.primary,
                }
                for node in self.nodes
            },
        }
