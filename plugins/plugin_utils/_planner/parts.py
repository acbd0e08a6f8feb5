# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a node are not as the inventory declares them: each is a step of the plan. Pure.

A part is what one module brings to its place. The look compares them (module node_info). All are due on a node that is
made, rewound or cloned, and where nothing was compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .members import Member
from .plan import (
    CLONE,
    CONNECTION,
    CREATE,
    FENCE,
    FOLLOW,
    NONE,
    OF_A_PRIMARY,
    PARTS,
    PRIMARY,
    REWIND,
    SERVICE,
    STANDBY,
    START,
    NodePlan,
    Plan,
    Step,
)
from .topology import Topology

REMAKES = (CREATE, REWIND, CLONE, FENCE)
INSTANCE = "instance"
BEFORE_FOLLOWING = ("passfile", "settings")
AFTER_FOLLOWING = ("guard", SERVICE, "access")
UNFINISHED = Step(INSTANCE, "the creation of its instance was cut off; it is completed")

ORDER = (
    NONE, CREATE, INSTANCE, "passfile", FENCE, REWIND, CLONE, "settings", FOLLOW, "guard", START, SERVICE, "access",
    *OF_A_PRIMARY,
)  # fmt: skip
"""In this order playbooks/parts/converge.yml carries the steps out."""


def with_parts(plan: Plan, topology: Topology) -> Plan:
    """The plan with what is due on each of its nodes."""
    if plan.primary is None:
        return plan
    primary = topology.member(plan.primary)
    return replace(plan, nodes=tuple(_with_parts(node, topology.member(node.name), primary) for node in plan.nodes))


def has_work(node: NodePlan) -> bool:
    """Whether anything is done to the node to bring it to its role."""
    return bool(node.parts) or any(step.kind != NONE for step in node.steps)


def is_prepared(node: NodePlan, member: Member) -> bool:
    """Whether anything is made or written before the node follows or serves: packages, instance, data, settings."""
    seen = member.node
    complete = seen is not None and seen.has_instance and seen.has_psycopg2 and seen.version is not None
    remade = any(node.does(kind) for kind in REMAKES)
    return remade or not complete or any(part in node.parts for part in BEFORE_FOLLOWING)


def is_served(node: NodePlan) -> bool:
    """Whether anything is done to how its server is started, or to whom it lets in."""
    return node.does(START) or any(part in node.parts for part in AFTER_FOLLOWING)


def leaves_behind(node: NodePlan, member: Member) -> bool:
    """Whether a standby has something left over from another role or an earlier clone, or will have."""
    seen = member.node
    if node.role != STANDBY or seen is None:
        return False
    remade = seen.server is None or any(node.does(kind) for kind in (REWIND, CLONE))
    return remade or bool(seen.server and seen.server.slots) or bool(seen.asides)


def _with_parts(node: NodePlan, member: Member, primary: Member) -> NodePlan:
    of_role = [part for part in PARTS if node.role == PRIMARY or part not in OF_A_PRIMARY]
    if member.due is None or any(node.does(kind) for kind in REMAKES):
        return replace(node, parts=(*of_role, *_connection(node)))
    due = {part: reason for part, reason in member.due.items() if part in of_role}
    steps = [Step(part, reason) for part, reason in due.items() if not (part == SERVICE and node.does(START))]
    if member.node is not None and not member.node.has_instance:
        steps.append(UNFINISHED)
    parts: list[str] = list(due)
    if node.role == STANDBY and member.follows != primary.declared.endpoint:
        parts += _connection(node)
        steps += _following(node, primary)
    ordered = sorted((*node.steps, *steps), key=lambda step: ORDER.index(step.kind))
    return replace(node, parts=tuple(parts), steps=tuple(ordered))


def _connection(node: NodePlan) -> Iterable[str]:
    return (CONNECTION,) if node.role == STANDBY else ()


def _following(node: NodePlan, primary: Member) -> list[Step]:
    """It streams, but not as declared: under another name, or from another slot."""
    if any(step.kind != NONE for step in node.steps):
        return []
    return [Step(FOLLOW, f"its connection to {primary.name} is not as declared")]
