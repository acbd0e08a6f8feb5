# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several servers that accept writes is the primary. Pure."""

from __future__ import annotations

from .plan import Refusal
from .refusals import two_primaries, unknown_host
from .topology import Member, Topology


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
    return (member.node.timeline if member.node else None) or 0


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
