# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plain records that playbooks carry to the cluster's types, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node

from .plan import Plan
from .topology import Declared, Member


def members_from(records: Mapping[str, Mapping[str, Any]]) -> tuple[Member, ...]:
    """Read {name: {"declared": ..., "observed": node or None, "failed": bool}}. Raises KeyError or ValueError."""
    return tuple(
        Member(
            _declared_from(name, record["declared"]),
            _node_from(record.get("observed")),
            bool(record.get("failed", False)),
        )
        for name, record in records.items()
    )


def _declared_from(name: str, plain: Mapping[str, Any]) -> Declared:
    return Declared(
        name=name,
        groups=tuple(plain["groups"]),
        address=str(plain["address"]),
        port=int(plain["port"]),
        version=str(plain["version"] or ""),
        slot=str(plain["slot"]),
        has_password=bool(plain["has_password"]),
        allow_clone=bool(plain["allow_clone"]),
        replace_data=bool(plain["replace_data"]),
        priority=int(plain["priority"]),
        never_promote=bool(plain["never_promote"]),
    )


def _node_from(plain: Mapping[str, Any] | None) -> Node | None:
    return Node.from_plain(plain) if plain else None


def plan_to_plain(plan: Plan) -> dict[str, Any]:
    """The plan as playbooks use it: each node's role and the kinds of its steps."""
    return {
        "primary": plan.primary,
        "lines": plan.lines(),
        "left": list(plan.left),
        "refusals": [str(refusal) for refusal in plan.refusals],
        "refusal_names": [refusal.name for refusal in plan.refusals],
        "nodes": {
            node.name: {
                "role": node.role,
                "steps": [step.kind for step in node.steps],
                "reasons": [step.reason for step in node.steps],
            }
            for node in plan.nodes
        },
    }
