# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do to each node, and why. Pure: check mode prints the very plan that the run carries out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._topology import (
    Declared,
    Member,
    Topology,
    lies_on,
)

PRIMARY = "primary"
STANDBY = "standby"

# The kinds of step.
NONE = "none"
CREATE = "create"
START = "start"
FOLLOW = "follow"
CLONE = "clone"

# What a clone needs on top of the primary's size: WAL that is written meanwhile.
CLONE_MARGIN_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Step:
    kind: str
    reason: str


@dataclass(frozen=True)
class NodePlan:
    name: str
    role: str
    steps: tuple[Step, ...]

    def does(self, kind: str) -> bool:
        return any(step.kind == kind for step in self.steps)


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
class Plan:
    """With refusals, nothing at all is carried out."""

    primary: Optional[str]
    nodes: tuple[NodePlan, ...]
    refusals: tuple[Refusal, ...]

    def lines(self) -> list[str]:
        """The plan as people read it, one line per step."""
        width = max((len(node.name) for node in self.nodes), default=0)
        return [
            f"{node.name:<{width}}  {node.role:<7}  {step.kind:<6}  {step.reason}"
            for node in self.nodes
            for step in node.steps
        ]


def plan_site(topology: Topology) -> Plan:
    """Decide who is primary and what brings every other node to it."""
    primary, step, refusals = choose_primary(topology)
    if primary is None or step is None:
        return Plan(None, (), tuple(refusals))
    nodes = [NodePlan(primary.name, PRIMARY, (step,))]
    for member in topology.members:
        if member.name == primary.name or member.node is None:
            continue
        outcome = plan_standby(member.declared, member.node, primary, topology)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            nodes.append(NodePlan(member.name, STANDBY, outcome))
    return Plan(primary.name, tuple(nodes), tuple(refusals))


def choose_primary(topology: Topology) -> tuple[Optional[Member], Optional[Step], list[Refusal]]:
    """Return the primary, what it needs, and what speaks against going on."""
    if len(topology.writable) > 1:
        return None, None, [_two_primaries(topology.writable)]
    if topology.primary is not None:
        server = topology.primary.node.server if topology.primary.node else None
        timeline = server.timeline if server else "?"
        return topology.primary, Step(NONE, f"is the running primary, on timeline {timeline}"), []
    if topology.identity is None:
        return _seed(topology)
    return _stopped_primary(topology)


def _two_primaries(writable: tuple[Member, ...]) -> Refusal:
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


def _seed(topology: Topology) -> tuple[Optional[Member], Optional[Step], list[Refusal]]:
    """No node has data: only now the groups decide."""
    seeds = [member for member in topology.members if member.declared.seed_primary]
    if len(seeds) != 1:
        named = ", ".join(member.name for member in seeds) or "no host"
        return None, None, [
            Refusal(
                "no_master" if not seeds else "several_masters",
                seeds[0].name if seeds else "inventory",
                f"the cluster is empty and the group master holds {named}; it has to hold exactly one host",
                "Put the one host that shall become the primary into the group master, all others into hot_standby",
            )
        ]
    seed = seeds[0]
    if seed.node is None:
        return None, None, [
            Refusal(
                "master_unreachable",
                seed.name,
                "the cluster is empty and the host in the group master does not answer",
                "Make the host reachable and run site.yml again",
            )
        ]
    refusal = _unusable_directory(seed.declared, seed.node)
    if refusal:
        return None, None, [refusal]
    return seed, Step(CREATE, "the cluster is empty and this host is in the group master"), []


def _stopped_primary(topology: Topology) -> tuple[Optional[Member], Optional[Step], list[Refusal]]:
    """No primary runs. One that was merely stopped may be started, if nothing can have replaced it."""
    unseen = ", ".join(member.name for member in topology.unseen)
    if unseen:
        return None, None, [
            Refusal(
                "primary_not_seen",
                unseen,
                "no running primary was seen, and this host did not answer or was left out by --limit",
                "Make every host reachable and run again without --limit; if the primary is lost for good,"
                " a standby has to be promoted first",
            )
        ]
    ours = [m for m in topology.members if m.node and m.node.system_identifier == topology.identity]
    former = [m for m in ours if m.node and not m.node.standby and not m.node.running and m.has_data]
    furthest = [m for m in former if all(_reaches(m.node, other.node) for other in ours)]
    if len(furthest) != 1:
        told = "; ".join(f"{m.name}: {_state(m.node)}" for m in ours)
        return None, None, [
            Refusal(
                "primary_gone",
                ", ".join(m.name for m in ours),
                f"no primary runs, and none of the stopped servers is surely the last one ({told})",
                "Start the server that was primary last, or promote the standby that shall replace it, and run again",
            )
        ]
    return furthest[0], Step(START, "was the primary when it was stopped, and no node has gone past it"), []


def _reaches(node: Optional[Node], other: Optional[Node]) -> bool:
    """Whether node's WAL reaches at least as far as the other's, by timeline first."""
    if node is None or other is None or other is node or other.timeline is None:
        return True
    if node.timeline is None or node.timeline < other.timeline:
        return False
    if node.timeline > other.timeline:
        return True
    return node.end is not None and other.end is not None and node.end >= other.end and other.standby


def _state(node: Optional[Node]) -> str:
    if node is None or node.control is None:
        return "no data"
    kind = "standby" if node.standby else "former primary"
    how = "running" if node.running else node.control.state
    return f"{kind}, {how}, timeline {node.timeline}, WAL up to {node.end or 'an unknown point'}"


def _unusable_directory(declared: Declared, node: Node) -> Optional[Refusal]:
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


def plan_standby(
    declared: Declared, node: Node, primary: Member, topology: Topology
) -> tuple[Step, ...] | Refusal:
    """The planner's table for a node that shall be a standby of this primary."""
    refusal = _unusable_directory(declared, node)
    if refusal:
        return refusal
    if node.directory == _node.ABSENT:
        return _clone(declared, node, primary, "there is no data directory")
    if node.directory == _node.WRECK:
        return _clone(declared, node, primary, node.wreck or "a clone was cut off here; the wreck is moved aside")
    if topology.identity is not None and node.system_identifier != topology.identity:
        return _foreign(declared, node, primary, topology)
    member = topology.member(declared.name)
    if topology.streams(member, primary):
        return (Step(NONE, f"streams from {primary.name}"),)
    source = primary.node
    if source is None or source.server is None:
        # the primary is started first; it has just been found that nothing has gone past it
        return (Step(NONE if node.running else START, f"belongs to {primary.name}, which is started first"),)
    if node.writable:
        return _two_primaries((primary, member))
    return _attach(declared, node, primary, source)


def _attach(declared: Declared, node: Node, primary: Member, source: Node) -> tuple[Step, ...] | Refusal:
    server = source.server
    on_history = lies_on(node, source)
    place = f"its WAL ends at {node.end or 'an unknown point'} on timeline {node.timeline}"
    if on_history is None:
        return Refusal(
            "end_of_wal_unknown",
            declared.name,
            f"it cannot be told whether its data may follow {primary.name}: {place}",
            "Install pg_waldump there (server package), or start that server as a standby by hand",
        )
    if not on_history:
        if declared.replace_data and not node.running:
            return _clone(declared, node, primary, f"{place}, off the history of {primary.name}; replacing is allowed")
        return Refusal(
            "diverged",
            declared.name,
            f"{place}, which is not on the history of {primary.name}"
            f" (timeline {server.timeline if server else '?'}, WAL up to {source.end}): it has changes of its own",
            "Stop its server and set hot_standby_replace_data=true for this host to have it cloned anew"
            " (its data is moved aside, not deleted)",
        )
    if not node.restores_from_archive and _needs_removed_wal(node, source, declared.slot):
        if declared.allow_clone:
            return _clone(declared, node, primary, f"{primary.name} no longer has the WAL that it needs ({place})")
        return Refusal(
            "wal_removed",
            declared.name,
            f"{primary.name} no longer has the WAL that it needs: {place}",
            "Set hot_standby_allow_clone=true for this host to have it cloned anew, or restore the WAL from an archive",
        )
    follow = Step(FOLLOW, f"{place}, on the history of {primary.name}")
    return (follow,) if node.running else (Step(START, "its server is stopped"), follow)


def _needs_removed_wal(node: Node, source: Node, slot: str) -> bool:
    server = source.server
    if server is None:
        return False
    if any(row.name == slot and row.wal_status == "lost" for row in server.slots):
        return True
    return bool(node.end and server.oldest_wal and node.end < server.oldest_wal)


def _foreign(declared: Declared, node: Node, primary: Member, topology: Topology) -> tuple[Step, ...] | Refusal:
    identifiers = f"system identifier {node.system_identifier}, not {topology.identity}"
    if node.running:
        return Refusal(
            "foreign_server",
            declared.name,
            f"a running server of another cluster uses the data directory ({identifiers})",
            "Stop it, or take this host out of the inventory; a running server is never replaced",
        )
    if declared.replace_data:
        return _clone(declared, node, primary, f"holds another cluster ({identifiers}); replacing is allowed")
    return Refusal(
        "foreign_data",
        declared.name,
        f"the data directory belongs to another cluster ({identifiers})",
        "Set hot_standby_replace_data=true for this host to have it moved aside and cloned anew",
    )


def _clone(declared: Declared, node: Node, primary: Member, reason: str) -> tuple[Step, ...] | Refusal:
    server = primary.node.server if primary.node else None
    needed = (server.size_bytes or 0) + CLONE_MARGIN_BYTES if server else CLONE_MARGIN_BYTES
    if node.free_bytes is not None and node.free_bytes < needed:
        return Refusal(
            "disk_too_small",
            declared.name,
            f"the clone needs {needed:,} bytes where the data directory is, and {node.free_bytes:,} are free",
            "Make room, or move postgres_data_directory to a larger file system",
        )
    return (Step(CLONE, reason), Step(START, "after the clone"))
