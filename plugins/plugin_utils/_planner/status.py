# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as people and machines read it: a small tree, what is wrong, what to watch. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents

from .members import Member
from .refusals import members_newer_than, writable_unseen
from .synchronous import waiting_commits
from .topology import Topology, lies_on


@dataclass(frozen=True)
class NodeStatus:
    """One line of the tree. Lag is what is still to be replayed: bytes, and seconds since the last replayed commit."""

    name: str
    role: str
    state: str
    upstream: str | None
    timeline: int | None
    position: str | None
    lag_bytes: int | None
    lag_seconds: float | None
    slot: str | None

    def line(self) -> str:
        parts = [self.name, self.role, self.state]
        if self.timeline is not None:
            parts.append(f"timeline {self.timeline}")
        if self.position is not None:
            parts.append(f"at {self.position}")
        if self.lag_bytes is not None:
            parts.append(f"lag {self.lag_bytes} bytes, {self.lag_seconds or 0:g} s")
        if self.slot is not None:
            parts.append(f"slot {self.slot}")
        return "  ".join(parts)


@dataclass(frozen=True)
class Status:
    """primary: the one that runs. problems make the cluster unhealthy, warnings do not."""

    primary: str | None
    nodes: tuple[NodeStatus, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        return not self.problems

    def tree(self) -> str:
        """The primary, its standbys below it, whoever is left, then problems and warnings."""
        children = {node.name: [n for n in self.nodes if n.upstream == node.name] for node in self.nodes}
        lines: list[str] = []
        for root in (node for node in self.nodes if node.upstream is None):
            lines.append(root.line())
            lines.extend(_branches(children, root.name, ""))
        lines.extend(f"PROBLEM: {text}" for text in self.problems)
        lines.extend(f"warning: {text}" for text in self.warnings)
        if self.healthy:
            lines.append("healthy")
        return "\n".join(lines)

    def to_plain(self) -> dict[str, Any]:
        return {
            "healthy": self.healthy,
            "primary": self.primary,
            "nodes": [dict(vars(node)) for node in self.nodes],
            "problems": list(self.problems),
            "warnings": list(self.warnings),
        }


def _branches(children: dict[str, list[NodeStatus]], name: str, indent: str) -> Iterator[str]:
    below = children[name]
    for number, child in enumerate(below):
        last = number == len(below) - 1
        yield f"{indent}{'└─' if last else '├─'} {child.line()}"
        yield from _branches(children, child.name, indent + ("   " if last else "│  "))


def status_of(topology: Topology, left_out: Collection[str] = ()) -> Status:
    """Describe the cluster and judge it. left_out: nodes of the inventory that --limit kept out of the play."""
    nodes = tuple(_node_status(member, topology) for member in topology.members)
    primary = topology.primary.name if topology.primary else None
    return Status(primary, nodes, tuple(_problems(topology, left_out)), tuple(_warnings(topology)))


def _node_status(member: Member, topology: Topology) -> NodeStatus:
    node = member.node
    server = node.server if node else None
    upstream = topology.upstream_of(member)
    slot = server.upstream_slot if server and server.in_recovery else None
    return NodeStatus(
        name=member.name,
        role=_role(node),
        state=_state(member, topology),
        upstream=upstream.name if upstream else None,
        timeline=node.timeline if node else None,
        position=str(node.end) if node and node.end is not None else None,
        lag_bytes=_lag_bytes(server, topology),
        lag_seconds=server.lag_seconds if server and server.in_recovery else None,
        slot=slot,
    )


def _role(node: Node | None) -> str:
    if node is None or node.directory != contents.CLUSTER:
        return "-"
    return "standby" if node.standby else "primary"


def _state(member: Member, topology: Topology) -> str:
    node = member.node
    if node is None:
        return "failed" if member.failed else "unreachable"
    if node.being_made:
        return {_node.CLONING: "being cloned", _node.REWINDING: "being rewound"}.get(node.being_made, "being made")
    if node.directory != contents.CLUSTER:
        return {contents.ABSENT: "empty", contents.WRECK: "half-made"}.get(node.directory, "not PostgreSQL's")
    if node.unreadable:
        return "cannot be asked"
    if node.server is None:
        return "stopped"
    if member in topology.foreign:
        return "belongs to another cluster"
    if not node.server.in_recovery:
        return "running"
    upstream = topology.upstream_of(member)
    return "streaming" if upstream and topology.streams(member, upstream) else "not streaming"


def _lag_bytes(server: Server | None, topology: Topology) -> int | None:
    """Bytes between the primary's position and what this standby has replayed; never below 0, since the two
    were not asked at the same instant."""
    primary = topology.primary.server if topology.primary else None
    if server is None or primary is None or not server.in_recovery:
        return None
    if server.replayed is None or primary.position is None:
        return None
    return max(0, primary.position - server.replayed)


def _problems(topology: Topology, left_out: Collection[str]) -> Iterator[str]:
    if left_out:
        yield f"left out by --limit: {', '.join(left_out)}; whether the cluster is in order cannot be told without them"
    unasked = [member.name for member in topology.members if _runs_unasked(member.node)]
    if unasked and not topology.writable:
        yield (
            f"no primary was seen, but a server that could not be asked runs on {' and '.join(unasked)}: it may be the"
            " primary and serve; put right what its line says, and promote nobody before"
        )
    elif not topology.writable and not left_out:
        yield "no primary is running: site.yml starts one that was merely stopped, failover.yml promotes a standby"
    if len(topology.writable) > 1:
        yield f"{' and '.join(m.name for m in topology.writable)} are both primaries: stop the wrong one at once"
    if topology.primary and topology.primary.server:
        yield from _waiting_commits(topology.primary.name, topology.primary.server)
    if topology.primary and topology.primary.node and topology.primary.node.timeline:
        for member, newer in members_newer_than(topology, topology.primary.node.timeline):
            yield (
                f"{member.name} is on timeline {newer}, newer than the {topology.primary.node.timeline} of"
                f" {topology.primary.name}, which takes writes: it may have come up by mistake"
            )
    for member, timeline in writable_unseen(topology):
        yield (
            f"{member.name} does not answer here, and told {topology.told_by(member)} that it is a primary, on timeline"
            f" {timeline}: it accepts writes"
        )
    if topology.promotion_pending:
        yield f"{topology.promotion_pending.name} was told to become a primary and has not become one yet"
    for member in topology.members:
        trouble = _trouble(member, topology)
        if trouble:
            yield f"{member.name}: {trouble}"


def _runs_unasked(node: Node | None) -> bool:
    return node is not None and node.has_postmaster and node.unreadable is not None


def _waiting_commits(name: str, server: Server) -> Iterator[str]:
    why = waiting_commits(
        server.synchronous_standby_names,
        (sender.application_name for sender in server.senders if sender.sync_state in ("sync", "quorum")),
    )
    if why:
        yield (
            f"{name}: commits wait, its {why}; bring such a standby up, or set other names (postgres_settings) and run"
            " site.yml"
        )


def _trouble(member: Member, topology: Topology) -> str | None:
    node = member.node
    if node is None:
        return "this run failed on it, see above" if member.failed else "does not answer"
    if node.unreadable:
        return node.unreadable
    state = _state(member, topology)
    if state in ("running", "streaming"):
        return None
    if state == "not streaming" and topology.primary and topology.primary.node:
        if lies_on(node, topology.primary.node) is False:
            wal = f"its WAL (up to {node.end} on timeline {node.timeline})"
            return f"{wal} is not on the primary's history; rejoin.yml brings it back"
        return "does not stream: see its server's log; site.yml points it to the primary"
    return state


def _warnings(topology: Topology) -> Iterator[str]:
    for member in topology.members:
        if member.node is None:
            continue
        if member.server is not None:
            for text in _server_warnings(member.server, topology):
                yield f"{member.name}: {text}"
        for text in member.node.overridden:
            yield f"{member.name}: {text}; site.yml refuses that"
        if member.node.asides:
            yield f"{member.name}: kept aside: {', '.join(member.node.asides)}"


def _server_warnings(server: Server, topology: Topology) -> Iterator[str]:
    if server.restart_pending:
        yield f"a restart is pending for {', '.join(server.restart_pending)}; restart.yml applies it"
    if server.replay_paused:
        yield "replay is paused"
    if server.archiver_failing:
        yield f"archiving fails, last at {server.archiver_failing}"
    yield from _slot_warnings(server, {member.declared.slot for member in topology.members})
    known = {member.application_name for member in topology.members}
    for sender in server.senders:
        if sender.application_name not in known and sender.state == "streaming":
            yield f"{sender.application_name or 'somebody'} streams from it and is not in the inventory"


def _slot_warnings(server: Server, wanted: set[str]) -> Iterator[str]:
    for slot in server.slots:
        if slot.wal_status == "lost":
            yield f"slot {slot.name} has lost its WAL"
        elif not slot.active and (slot.name in wanted or server.in_recovery):
            yield f"slot {slot.name} is not used and keeps WAL from {slot.restart or 'nowhere'} on"
