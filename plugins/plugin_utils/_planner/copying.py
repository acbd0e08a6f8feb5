# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whence a node is cloned, and whether that can be. Pure."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import clone_obstacle
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import SUPPORTED, Dialect

from .members import Declared, Member
from .plan import CLONE, REWIND, Plan, Refusal, Step
from .preflight import is_loopback
from .topology import Topology

# What a clone needs on top of its source's size: WAL that is written meanwhile.
CLONE_MARGIN_BYTES = 256 * 1024 * 1024


def with_source(
    steps: tuple[Step, ...], declared: Declared, node: Node, primary: Member, topology: Topology
) -> tuple[Step, ...] | Refusal:
    """The steps, with the node that a clone is copied from, or why it cannot be made.

    A rewind may turn out to be impossible when it is tried: a source that is not fit for the clone that follows keeps
    nobody from trying, and the primary is cloned then.
    """
    source = clone_source(declared, primary, topology)
    done: list[Step] = []
    for step in steps:
        outcome: Step | Refusal = step
        if step.kind == CLONE:
            outcome = source if isinstance(source, Refusal) else _clone(step, declared, node, source, primary)
        elif step.kind == REWIND and isinstance(source, Member):
            outcome = replace(step, source=source.name)
        if isinstance(outcome, Refusal):
            return outcome
        done.append(outcome)
    return tuple(done)


def clone_source(declared: Declared, primary: Member, topology: Topology) -> Member | Refusal:
    """The node that a clone is copied from. A primary that is only being made, or is started by this run, has no
    clients yet that could be spared, and no standby streams from it."""
    name = declared.clone_from
    if name in ("", primary.name) or topology.identity is None or primary.server is None:
        return primary
    names = [member.name for member in topology.members]
    if name not in names:
        return Refusal(
            "unknown_host",
            declared.name,
            f"hot_standby_clone_from is {name}, and the cluster has no such node; it has {', '.join(names)}",
            "Give the name as the inventory has it, or leave it empty to clone the primary",
        )
    source = topology.member(name)
    unfit = _unfit(source, declared, primary, topology)
    if unfit is None:
        return source
    return Refusal(
        "clone_source_unfit",
        declared.name,
        f"it has to be cloned, and hot_standby_clone_from is {name}: {unfit}",
        "Put that right, name another standby, or leave it empty to clone the primary",
    )


def _unfit(source: Member, declared: Declared, primary: Member, topology: Topology) -> str | None:
    """Why a node cannot be cloned from this one, None when nothing speaks against it."""
    server = source.server
    if source.name == declared.name:
        return "that is the node itself"
    if source.node is None:
        return "its host does not answer"
    if server is None:
        return "its server does not run"
    if not server.in_recovery or source in topology.foreign:
        return "it is no standby of this cluster"
    if not topology.streams_along(source, primary):
        return f"it does not stream what {primary.name} writes"
    if server.replay_paused:
        return "its replay is paused, so that the copy would end with what the primary may no longer have"
    if server.apply_delay_ms:
        return "its replay is delayed, so that the copy would end with what the primary may no longer have"
    if server.held_by:
        return f"its replay is held back by {', '.join(server.held_by)}"
    if declared.version in SUPPORTED and not Dialect.for_version(declared.version).has_immediately_reserve:
        return f"PostgreSQL {declared.version} keeps no WAL in a slot that nobody has used yet"
    return None


def _clone(step: Step, declared: Declared, node: Node, source: Member, primary: Member) -> Step | Refusal:
    reason = step.reason
    unreadable = clone_obstacle(source.node.files) if source.node else None
    if unreadable:
        return Refusal(
            "source_unreadable",
            source.name,
            f"{declared.name} has to be cloned ({reason}), and a base backup fails at what the server's account cannot"
            f" read in the data directory of {source.name}: {unreadable}",
            "Give it to that account (chown, chmod), or move it out of the data directory",
        )
    only_on = _listens_only_on(source)
    if only_on is not None:
        return Refusal(
            "not_listening",
            source.name,
            f"{declared.name} has to be cloned ({reason}), and the server of {source.name} listens on {only_on} only",
            "Set listen_addresses in its postgresql.conf to what postgres_listen_addresses says, and restart it when"
            " its clients can bear that; then run this again",
        )
    if node.being_made == _node.CLONING:
        reason = f"a clone of an earlier run still works there: it is ended, and begun anew; {reason}"
    if source.name != primary.name:
        reason += f"; it is copied from {source.name}"
    server = source.server
    needed = (server.size_bytes or 0) + CLONE_MARGIN_BYTES if server else CLONE_MARGIN_BYTES
    if node.free_bytes is not None and node.free_bytes < needed:
        return Refusal(
            "disk_too_small",
            declared.name,
            f"the clone needs {needed:,} bytes where the data directory is, and {node.free_bytes:,} are free",
            "Make room, or move postgres_data_directory to a larger file system",
        )
    return replace(step, reason=reason, source=source.name)


def _listens_only_on(source: Member) -> str | None:
    """Where a running server listens, when that is on its own host only and others have to reach it."""
    if source.server is None or is_loopback(source.declared.address):
        return None
    text = source.server.listen_addresses
    own = all(address == "" or is_loopback(address) for address in map(str.strip, text.split(",")))
    return (text or "its socket") if own else None


def to_measure(plan: Plan, topology: Topology) -> list[str]:
    """The nodes that are cloned, or may be when a rewind turns out to be impossible, and whose size is not known."""
    sources = {step.source for node in plan.nodes for step in node.steps if step.kind in (CLONE, REWIND)}
    if sources and plan.primary is not None:
        sources = {source or plan.primary for source in sources}
    return [
        member.name
        for member in topology.members
        if member.name in sources and member.server is not None and member.server.size_bytes is None
    ]
