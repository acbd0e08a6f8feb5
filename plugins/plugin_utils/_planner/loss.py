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
    """text: the sentence. bytes_lost: None when it cannot be told. salvaged: bytes that are brought over from the old
    primary's disk."""

    text: str
    bytes_lost: int | None
    salvaged: int = 0


def loss_of(
    old_primary: Member | None, election: Election, primary_end: Lsn | None, *, salvage: bool, seen: Lsn | None = None
) -> Loss:
    """Compare the end of the dead primary's WAL with how far the candidate comes.

    primary_end: how far it is known to have reached, the least that it had if its disk cannot be read.
    seen: the furthest LSN that any standby had itself, now or at the first look: that was there, whoever wrote it.
    """
    winner = election.winner
    reached = position_of(election.source or winner) if winner else None
    if winner is None or reached is None:
        return Loss("cannot be told", None)
    found = _of_the_primary(old_primary, winner, reached, primary_end, salvage=salvage)
    kept = reached
    if found.salvaged and old_primary is not None and old_primary.node is not None and old_primary.node.end is not None:
        kept = max(reached, old_primary.node.end)
    if seen is None or seen <= kept or (found.bytes_lost or 0) >= seen - kept:
        return found
    told = f"at least {seen - kept} bytes of WAL, from {kept} to {seen}, which a standby had that cannot be asked now"
    return Loss(told, seen - kept, found.salvaged)


def _of_the_primary(
    old_primary: Member | None, winner: Member, reached: Lsn, primary_end: Lsn | None, *, salvage: bool
) -> Loss:
    if old_primary is None:
        return Loss(f"nothing that is known of: no node has more than {winner.name} will have ({reached})", 0)
    node = old_primary.node
    if node is None or node.end is None:
        return _from_hearsay(old_primary, primary_end, reached)
    if winner.node is None or node.timeline != winner.node.timeline:
        return _across_timelines(old_primary, winner, node.end)
    if node.end <= reached:
        text = f"nothing: the WAL of {old_primary.name} ends at {node.end}, and {winner.name} will have all of it"
        return Loss(text, 0)
    missing = node.end - reached
    if salvage:
        return Loss(
            f"nothing, if the {missing} bytes from {reached} to {node.end} can be brought over from {old_primary.name}",
            0,
            missing,
        )
    return Loss(f"{missing} bytes of WAL, from {reached} to {node.end}, that only {old_primary.name} has", missing)


def _across_timelines(old_primary: Member, winner: Member, end: Lsn) -> Loss:
    """The candidate is on a newer timeline: what was written past the point where its own was left is lost."""
    history = winner.node.history if winner.node else None
    timeline = old_primary.timeline or 0
    if history is not None and history.contains(timeline, end):
        text = f"nothing: the WAL of {old_primary.name} ends at {end} on timeline {timeline}, which {winner.name} has"
        return Loss(text, 0)
    text = f"cannot be told: {old_primary.name} is on timeline {timeline} up to {end}, {winner.name} on another"
    return Loss(text, None)


def known_primary_end(
    topology: Topology, before: Lsn | None, winner: Member, old_primary: Member | None = None
) -> Lsn | None:
    """The furthest LSN that the old primary's own disk, any standby or its receiver knows of, now or at an earlier
    look; and what a standby that is not reached told another node. Only of those whose WAL is of the winner's history.
    """
    told = [server.receiver.latest_end for server in _servers(topology, winner) if server.receiver]
    own = old_primary.node.end if old_primary and old_primary.node and old_primary.timeline == winner.timeline else None
    return _furthest(before, own, latest_seen(topology, None, winner), *told)


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
        member.server
        for member in topology.members
        if member.server and _of_one_history(member, winner, topology)
    ]


def unseen_commits(topology: Topology, old_primary: Member | None, dead: Collection[str]) -> list[Refusal]:
    """A synchronous commit may have been confirmed by standbys of which nothing is known, and by nobody else."""
    if old_primary is not None and old_primary.node is not None and old_primary.node.end is not None:
        return []
    settings = {
        member.server.synchronous_standby_names
        for member in topology.members
        if member.server and member not in topology.foreign
    }
    unseen = {
        member.application_name: member.name
        for member in topology.unseen
        if not (old_primary is not None and member.name == old_primary.name)
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


def _from_hearsay(old_primary: Member, primary_end: Lsn | None, reached: Lsn) -> Loss:
    """The primary's disk cannot be read; what it last told the standbys is the least that it had."""
    if primary_end is not None and primary_end > reached:
        return Loss(
            f"at least {primary_end - reached} bytes of WAL, from {reached} to {primary_end}, which {old_primary.name}"
            " told of, or another standby had at the first look",
            primary_end - reached,
        )
    text = f"cannot be told: the disk of {old_primary.name} cannot be read; what it wrote after {reached} is lost"
    return Loss(text, None)
