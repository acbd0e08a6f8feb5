# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failover loses, as far as it can be told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._election import Election, position_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._topology import Member, Topology


@dataclass(frozen=True)
class Loss:
    """bytes_lost: None when it cannot be told. salvaged: bytes that are brought over from the dead primary's disk."""

    told: str
    bytes_lost: int | None
    salvaged: int = 0


def loss_of(gone: Member | None, election: Election, heard: Lsn | None, *, salvage: bool) -> Loss:
    """Compare the end of the dead primary's WAL with how far the candidate comes.

    heard: how far it reached when it last told the standbys, the least that it had if its disk cannot be read.
    """
    winner = election.winner
    reached = position_of(election.source or winner) if winner else None
    if winner is None or reached is None:
        return Loss("cannot be told", None)
    if gone is None:
        return Loss(f"nothing that is known of: no node has more than {winner.name} will have ({reached})", 0)
    node = gone.node
    if node is None or node.end is None:
        return _from_hearsay(gone, heard, reached)
    if winner.node is None or node.timeline != winner.node.timeline:
        return _across_timelines(gone, winner, node.end)
    if node.end <= reached:
        return Loss(f"nothing: the WAL of {gone.name} ends at {node.end}, and {winner.name} will have all of it", 0)
    missing = node.end - reached
    if salvage:
        return Loss(
            f"nothing, if the {missing} bytes from {reached} to {node.end} can be brought over from {gone.name}",
            0,
            missing,
        )
    return Loss(f"{missing} bytes of WAL, from {reached} to {node.end}, that only {gone.name} has", missing)


def _across_timelines(gone: Member, winner: Member, end: Lsn) -> Loss:
    """The candidate is on a newer timeline: what the gone one wrote past the point where its own was left is lost."""
    history = winner.node.history if winner.node else None
    timeline = (gone.node.timeline if gone.node else None) or 0
    if history is not None and history.contains(timeline, end):
        return Loss(f"nothing: the WAL of {gone.name} ends at {end} on timeline {timeline}, which {winner.name} has", 0)
    return Loss(f"cannot be told: {gone.name} is on timeline {timeline} up to {end}, {winner.name} on another", None)


def latest_heard(topology: Topology, before: Lsn | None, winner: Member) -> Lsn | None:
    """The furthest LSN that any standby has, or that its receiver has heard of, now or at an earlier look; and what a
    standby that is not reached told another node. Only of those whose WAL is of the winner's history."""
    standbys = [
        member.node.server
        for member in topology.members
        if member.node and member.node.server and _of_one_history(member, winner, topology)
    ]
    heard = [server.receiver.latest_end for server in standbys if server.receiver]
    had = [server.position for server in standbys if server.in_recovery]
    told = [found.position for member in topology.unseen for found in topology.sightings_of(member)]
    return max((lsn for lsn in (before, *heard, *had, *told) if lsn is not None), default=None)


def _of_one_history(member: Member, winner: Member, topology: Topology) -> bool:
    """Whether what it has is of the cluster and its history: not of a promotion that the winner knows nothing of."""
    mine, theirs = member.node, winner.node
    if member in topology.foreign or mine is None or theirs is None:
        return False
    if mine.history is None or theirs.history is None:
        return True
    return not mine.history.parts_from(theirs.history)


def _from_hearsay(gone: Member, heard: Lsn | None, reached: Lsn) -> Loss:
    """The primary's disk cannot be read; what it last told the standbys is the least that it had."""
    if heard is not None and heard > reached:
        return Loss(
            f"at least {heard - reached} bytes of WAL, from {reached} to {heard}, which {gone.name} told of, or"
            " another standby had at the first look",
            heard - reached,
        )
    return Loss(f"cannot be told: the disk of {gone.name} cannot be read; what it wrote after {reached} is lost", None)
