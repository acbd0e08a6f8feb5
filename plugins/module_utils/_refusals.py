# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals that more than one part of the planner makes. Pure."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._steps import Refusal
from ansible_collections.hotstandby.postgresql.plugins.module_utils._topology import Declared, Member


def two_primaries(writable: tuple[Member, ...]) -> Refusal:
    told = " and ".join(
        f"{member.name} (timeline {member.node.timeline}, WAL up to {member.node.end})"
        for member in writable
        if member.node
    )
    return Refusal(
        "two_primaries",
        writable[0].name,
        f"{told} are both primaries of this cluster and accept writes; none of them was touched",
        "Find out which one your clients use, stop the other's server, give that host hot_standby_replace_data=true"
        " (its data is moved aside, not deleted) and run site.yml again",
    )


def unusable_directory(declared: Declared, node: Node) -> Refusal | None:
    if node.directory == _node.OTHER:
        return Refusal(
            "not_a_data_directory",
            declared.name,
            "the data directory is not empty and holds no PostgreSQL cluster",
            "Point postgres_data_directory to an empty or absent directory, or move that content away",
        )
    if node.unreadable:
        return Refusal("unreadable", declared.name, node.unreadable, "Put that right and run again")
    return None
