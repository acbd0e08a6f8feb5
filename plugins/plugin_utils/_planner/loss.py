# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failover loses, as far as it can be told. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn

from .election import Election, position_of
from .members import Member
from .plan import Refusal
from .synchronous import SynchronousNames
from .topology import Topology


@dataclass(frozen=True)
class Loss:
    """bytes_lost: None when it cannot be told. salvaged: bytes that are brought over from the dead primary's disk."""

    told: str
    bytes_lost: int | None
    salvaged: int = 0


def loss_of(
    gone: Member | None, election: Election, heard: Lsn | None, *, salvage: bool, seen: Lsn | None = None
) -> Loss:
    """Compare the end of the dead primary's WAL with how far the candidate comes.

    heard: how far it reached when it last told the standbys, the least that it had if its disk cannot be read.
    seen: the furthest LSN that any standby had itself, now or at the first look: that was there, whoever wrote it.
    """
    winner = election.winner
    reached = position_of(election.source or winner) if winner else None
    if winner is None or reached is None:
        return Loss("cannot be told", None)
    found = _of_the_primary(gone, winner, reached, heard, salvage=salvage)
    kept = reached
    if found.salvaged and gone is not None and gone.node is not None and gone.node.end is not None:
        kept = max(reached, gone.node.end)
    if seen is None or seen <= kept or (found.bytes_lost or 0) >= seen - kept:
        return found
    told = f"at least {seen - kept} bytes of WAL, from {kept} to {seen}, which a standby had that cannot be asked now"
    return Loss(told, seen - kept, found.salvaged)


def _of_the_primary(gone: Member | None, winner: Member, reached: Lsn, heard: Lsn | None, *, salvage: bool) -> Loss:
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
    timeline = gone.timeline or 0
    if history is not None and history.contains(timeline, end):
        return Loss(f"nothing: the WAL of {gone.name} ends at {end} on timeline {timeline}, which {winner.name} has", 0)
    return Loss(f"cannot be told: {gone.name} is on timeline {timeline} up to {end}, {winner.name} on another", None)


def latest_heard(topology: Topology, before: Lsn | None, winner: Member) -> Lsn | None:
    """The furthest LSN that any standby has, or that its receiver has heard of, now or at an earlier look; and what a
    standby that is not reached told another node. Only of those whose WAL is of the winner's history."""
    heard = [server.receiver.latest_end for server in _servers(topology, winner) if server.receiver]
    return _furthest(before, latest_seen(topology, None, winner), *heard)


def latest_seen(topology: Topology, before: Lsn | None, winner: Member) -> Lsn | None:
    """The furthest LSN that any standby has itself, not only heard of: that may be the middle of a record."""
    had = [server.position for server in _servers(topology, winner) if server.in_recovery]
    told = [
        found.position for member in topology.unseen for found in topology.sightings_of(member) if found.in_recovery
    ]
    return _furthest(before, *had, *told)


def _furthest(*positions: Lsn | None) -> Lsn | None:
    return max((lsn for lsn in positions if lsn is not None), default=None)


def _servers(topology: Topology, winner: Member) -> list[Server]:
    return [
        member.node.server
        for member in topology.members
        if member.node and member.node.server and _of_one_history(member, winner, topology)
    ]


def unseen_commits(topology: Topology, gone: Member | None, dead: Collection[str]) -> list[Refusal]:
    """A synchronous commit may have been confirmed by standbys of which nothing is known, and by nobody else."""
    if gone is not None and gone.node is not None and gone.node.end is not None:
        return []
    settings = {
        member.node.server.synchronous_standby_names
        for member in topology.members
        if member.node and member.node.server and member not in topology.foreign
    }
    unseen = {
        member.application_name: member.name
        for member in topology.unseen
        if not (gone is not None and member.name == gone.name)
        and member.name not in dead
        and all(found.position is None for found in topology.sightings_of(member))
    }
    for setting in sorted(settings):
        wanted = SynchronousNames.parse(setting)
        matching = [unseen[name] for name in wanted.matching(unseen)]
        if 0 < wanted.needed <= len(matching):
            return [_synchronous_unseen(setting, matching)]
    return []


def _synchronous_unseen(setting: str, names: list[str]) -> Refusal:
    return Refusal(
        "synchronous_unseen",
        " and ".join(names),
        f"does not answer, and by synchronous_standby_names ({setting!r}) may have confirmed commits that no node that"
        " answers has",
        "Make it reachable; what is off for good is named with -e failover_primary_is_dead="
        + ",".join(names)
        + " (beside the old primary, if that is named): then such commits may be lost",
    )


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
