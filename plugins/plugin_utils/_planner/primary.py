# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who shall be primary. Pure.

The running primary, whatever the inventory says; without one the server that was surely the last; and only for an
empty cluster the host in the group master.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents

from .members import Member
from .plan import CREATE, NONE, START, Refusal, Step
from .refusals import promotion_pending, two_primaries, unknown_host, unusable_directory
from .topology import Topology


@dataclass(frozen=True)
class Choice:
    """The primary, and what it needs."""

    member: Member
    step: Step


def choose_primary(topology: Topology) -> Choice | tuple[Refusal, ...]:
    """The choice, or what speaks against every one."""
    if len(topology.writable) > 1:
        return (two_primaries(topology.writable),)
    if topology.primary is not None:
        server = topology.primary.server
        timeline = server.timeline if server else "?"
        return Choice(topology.primary, Step(NONE, f"is the running primary, on timeline {timeline}"))
    if topology.identity is None:
        return _seed(topology)
    return _stopped_primary(topology)


def _seed(topology: Topology) -> Choice | tuple[Refusal, ...]:
    """No node has data: only now the groups decide."""
    seeds = [member for member in topology.members if member.declared.seed_primary]
    if len(seeds) != 1:
        named = ", ".join(member.name for member in seeds) or "no host"
        return (
            Refusal(
                "no_master" if not seeds else "several_masters",
                seeds[0].name if seeds else "inventory",
                f"the cluster is empty and the group master holds {named}; it has to hold exactly one host",
                "Put the one host that shall become the primary into the group master, all others into hot_standby",
            ),
        )
    seed = seeds[0]
    unseen = ", ".join(member.name for member in topology.unseen if member is not seed)
    if unseen and seed.node is not None:
        return (
            Refusal(
                "primary_not_seen",
                unseen,
                "no node that answers has data, and this one did not answer: it may hold the cluster, and a new,"
                " empty one must not be made beside it",
                "Make every host reachable and run again; take a host that is gone for good out of the inventory",
            ),
        )
    if seed.node is None:
        return (
            Refusal(
                "master_unreachable",
                seed.name,
                "the cluster is empty and the host in the group master does not answer",
                "Make the host reachable and run site.yml again",
            ),
        )
    refusal = unusable_directory(seed.declared, seed.node)
    if refusal:
        return (refusal,)
    remains = [_half_made(member, member.node) for member in topology.members if member.node]
    if any(remains):
        return tuple(found for found in remains if found)
    return Choice(seed, Step(CREATE, "the cluster is empty and this host is in the group master"))


def _half_made(member: Member, node: Node) -> Refusal | None:
    """Data that was once cloned came from somewhere: an empty cluster is not made beside what is left of it."""
    if node.directory == contents.ABSENT:
        return None
    told = (
        f"half-made ({node.wreck})"
        if node.directory == contents.WRECK
        else f"not empty ({node.unreadable or 'no cluster'})"
    )
    return Refusal(
        "half_made",
        member.name,
        f"the data directory is {told}, and no node has data to clone",
        "If this cluster never held data, move that directory away and run again; if it did, bring the"
        " node that holds it back first",
    )


def _stopped_primary(topology: Topology) -> Choice | tuple[Refusal, ...]:
    """No primary runs. One that was merely stopped may be started, if nothing can have replaced it."""
    unseen = ", ".join(member.name for member in topology.unseen)
    if unseen:
        return (
            Refusal(
                "primary_not_seen",
                unseen,
                "no running primary was seen, and this host did not answer or was left out by --limit",
                "Make every host reachable and run again without --limit; if the primary is lost, run failover.yml",
            ),
        )
    if topology.promotion_pending:
        return (promotion_pending(topology.promotion_pending),)
    ours = [m for m in topology.members if m.node and m.node.system_identifier == topology.identity]
    old_primaries = [m for m in ours if m.node and not m.node.standby and not m.node.running and m.has_data]
    furthest = [m for m in old_primaries if all(_reaches(m.node, other.node) for other in ours)]
    if len(furthest) != 1:
        told = "; ".join(f"{m.name}: {_state(m.node)}" for m in ours)
        return (
            Refusal(
                "primary_gone",
                ", ".join(m.name for m in ours),
                f"no primary runs, and none of the stopped servers is surely the last one ({told})",
                "Start the server that was primary last and run again, or failover.yml promotes the best standby",
            ),
        )
    return Choice(furthest[0], Step(START, "was the primary when it was stopped, and no node has gone past it"))


def _reaches(node: Node | None, other: Node | None) -> bool:
    """Whether node's WAL reaches at least as far as the other's, by timeline first."""
    if node is None or other is None or other is node or other.timeline is None:
        return True
    if node.timeline is None or node.timeline < other.timeline:
        return False
    if node.timeline > other.timeline:
        return True
    return node.end is not None and other.end is not None and node.end >= other.end and other.standby


def _state(node: Node | None) -> str:
    if node is None or node.control is None:
        return "no data"
    kind = "standby" if node.standby else "former primary"
    how = "running" if node.running else node.control.state
    return f"{kind}, {how}, timeline {node.timeline}, WAL up to {node.end or 'an unknown point'}"


def rightful_primary(topology: Topology, wanted: str | None = None) -> Member | Refusal:
    """The running primary; of several the one that was promoted last, unless that is in doubt.

    It is in doubt when the newest timeline is not descended from the others', and when no standby streams from the
    newest: then somebody may have promoted it by mistake. wanted: the user's own word on it.
    """
    if wanted is not None:
        return _as_told(topology, wanted)
    if not topology.writable:
        stopped = ", ".join(m.name for m in topology.members if m.node and m.has_data and not m.node.running)
        return Refusal(
            "no_primary",
            stopped or "cluster",
            "no primary is running, so there is nothing to rejoin",
            "Run site.yml if the primary was merely stopped, or failover.yml to promote the best standby",
        )
    newest = max(topology.writable, key=_timeline)
    others = [member for member in topology.writable if member is not newest]
    followed = _is_followed(newest, topology)
    if others and not (followed and all(_descends(newest, other) for other in others)):
        return two_primaries(topology.writable)
    return newest


def _as_told(topology: Topology, wanted: str) -> Member | Refusal:
    names = [member.name for member in topology.members]
    if wanted not in names:
        return unknown_host(wanted, names)
    member = topology.member(wanted)
    if member not in topology.writable:
        return Refusal(
            "not_a_primary",
            wanted,
            "it shall be the primary (rejoin_primary) and is no running primary",
            "Name the one that your clients use, or leave rejoin_primary out",
        )
    return member


def _timeline(member: Member) -> int:
    return member.timeline or 0


def _descends(newest: Member, other: Member) -> bool:
    """Whether the newest one's history went through the other's timeline."""
    node, source = other.node, newest.node
    if node is None or source is None or source.history is None or node.timeline is None:
        return False
    if source.timeline == node.timeline or not source.history.knows(node.timeline):
        return False
    if node.history is None:
        return True
    try:
        return source.history.fork_point(node.history)[0] == node.timeline
    except ValueError:
        return False


def _is_followed(member: Member, topology: Topology) -> bool:
    return any(topology.streams(other, member) for other in topology.members if other is not member)
