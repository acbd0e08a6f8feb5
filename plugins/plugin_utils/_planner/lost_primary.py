# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node was the primary that is gone, and whether anybody still sees it alive. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import (
    PRIMARY_STATES,
    SHUT_DOWN,
)

from .members import Member
from .plan import Refusal
from .refusals import promotion_pending, two_primaries
from .topology import Topology

# A message of the primary that is not older than this shows that it lives. It sends one with all that is written; where
# nothing is, a standby asks for one at half of its wal_receiver_timeout (60 s by default).
FRESH_SECONDS = 10


@dataclass(frozen=True)
class LostPrimary:
    """member: the primary that is gone, None when no node is known to have been it (all of them are standbys).

    promoted: the new primary, when an earlier run has promoted it already.
    """

    member: Member | None
    promoted: Member | None = None

    @property
    def reachable(self) -> bool:
        return self.member is not None and self.member.node is not None


def find_lost_primary(topology: Topology, dead: Collection[str]) -> LostPrimary | Refusal:
    """Find it: by what the stopped servers were, by whom the standbys follow, by the user's word on who is dead.

    A standby that was never pointed to a new primary still follows the one before that. So a stopped server that was
    primary on the newest timeline comes first, whoever is followed.
    """
    if len(topology.writable) > 1:
        return two_primaries(topology.writable)
    if topology.primary is not None:
        return _beside(topology.primary, topology, dead)
    old_primaries = [member for member in topology.members if _was_primary(member, topology)]
    newest = max((_timeline(member) for member in topology.members if _runs_as_standby(member)), default=0)
    current = [member for member in old_primaries if _timeline(member) >= newest]
    followed = _followed(topology)
    upstreams = [
        member
        for member in topology.members
        if member.name in followed and member not in old_primaries and not _runs_as_standby(member)
    ]
    # a clone that was never started looks like a fenced primary: whom others follow is the better witness then
    if current and not (upstreams and all(map(_is_fenced, current))):
        return _last_of(current, topology, [member for member in topology.unknown if member.name not in dead])
    for choice in (
        upstreams,
        list(topology.unknown),
        old_primaries,
        [member for member in topology.members if member.has_data and not _runs_as_standby(member)],
    ):
        if len(choice) == 1:
            return LostPrimary(choice[0])
        known = [member for member in choice if member.name in dead]
        if choice and len(known) == len(choice):
            return LostPrimary(known[0])
        if choice:
            return _doubtful(choice)
    return LostPrimary(None)


def sightings(topology: Topology, lost: LostPrimary) -> list[Refusal]:
    """Refusals for whatever may accept writes: a server that cannot be asked, a lost host whose server answers, an old
    primary that a standby still hears of, a standby that is becoming a primary."""
    return [found for member in topology.members if (found := _sighting(member, topology, lost)) is not None]


def _sighting(member: Member, topology: Topology, lost: LostPrimary) -> Refusal | None:
    is_old_primary = lost.member is not None and member.name == lost.member.name
    node = member.node
    if node is not None and node.promotion_pending:
        return promotion_pending(member)
    if node is not None and node.has_postmaster and (is_old_primary or not (node.server or node.recovery_signal)):
        return _seen(member.name, f"its server runs ({node.unreadable or 'in recovery'})")
    # those of the old primary are ended by its fence
    if node is not None and node.orphans and not (is_old_primary or node.recovery_signal):
        orphans = f"its postmaster has ended, but {node.orphans} processes of its server may still write"
        return _seen(member.name, orphans)
    if node is not None and not is_old_primary:
        return None
    told = [found for found in topology.sightings_of(member) if found.in_recovery is not None]
    writer = next((found for found in told if not found.in_recovery), None)
    if writer is not None:
        told_us = f"its server told {topology.told_by(member)} that it is a primary, on timeline {writer.timeline}"
        return _seen(member.name, f"it is alive: {told_us}")
    if told and not is_old_primary:
        return None  # a standby, which just the controller does not reach
    endpoint = member.declared.endpoint
    seen_by = [other.name for other in topology.members if other.node and endpoint in other.node.answering]
    if seen_by:
        answer = f"its server answers {' and '.join(seen_by)}"
        return _seen(member.name, f"it is alive: {answer}") if is_old_primary else _may_be(member, answer)
    heard = _heard_by(member, topology) if is_old_primary and node is None else []
    if heard:
        return _seen(member.name, f"it is alive: {' and '.join(heard)} heard of it within {FRESH_SECONDS} s")
    return None


def _heard_by(upstream: Member, topology: Topology) -> list[str]:
    """Standbys that stream from it and have had a message of it just now: the connections of a server that was killed
    end at once, and one whose host has vanished says nothing more."""
    return [
        member.name
        for member in topology.members
        if (receiver := member.receiver) is not None
        and receiver.status == "streaming"
        and topology.upstream_of(member) == upstream
        and receiver.heard_seconds is not None
        and receiver.heard_seconds <= FRESH_SECONDS
    ]


def connected(topology: Topology, lost: LostPrimary) -> list[str]:
    """A server that hangs says as little as one whose host has vanished: the connection stands with both."""
    old_primary = lost.member
    if old_primary is None or old_primary.node is not None:
        return []
    return [
        f"note: the connection of {member.name} to {old_primary.name} still stands: should its server only hang, switch"
        " its host off before it wakes up"
        for member in topology.members
        if (receiver := member.receiver) is not None
        and receiver.status == "streaming"
        and (receiver.heard_seconds or 0) > FRESH_SECONDS
        and topology.upstream_of(member) == old_primary
    ]


def _was_primary(member: Member, topology: Topology) -> bool:
    """Whether a stopped server ended as a primary. A fenced one did, although it would start as a standby now."""
    node = member.node
    if node is None or node.server is not None or not member.has_data or member in topology.foreign:
        return False
    return not node.recovery_signal or (node.control is not None and node.control.state in PRIMARY_STATES)


def _last_of(old_primaries: list[Member], topology: Topology, doubted: list[Member]) -> LostPrimary | Refusal:
    """Of those that were primary on the newest timeline, the one that was it last."""
    followed = _followed(topology)

    def rank(member: Member) -> tuple[bool, bool]:
        return member.name in followed, not _is_fenced(member)

    last = [member for member in old_primaries if rank(member) == max(map(rank, old_primaries))]
    if len(last) > 1:
        return _doubtful(last)
    if (_is_fenced(last[0]) or _was_shut_down(last[0])) and doubted:
        return _may_have_replaced(last[0], doubted)
    return LostPrimary(last[0])


def _was_shut_down(member: Member) -> bool:
    """Whether it ended in good order, as a primary does that hands over to another one."""
    return member.node is not None and member.node.control is not None and member.node.control.state == SHUT_DOWN


def _is_fenced(member: Member) -> bool:
    return member.node is not None and member.node.recovery_signal


def _timeline(member: Member) -> int:
    return member.timeline or 0


def _beside(primary: Member, topology: Topology, dead: Collection[str]) -> LostPrimary | Refusal:
    """A primary runs. It is the new one if another node is the old one: an earlier run was cut off."""
    timeline = primary.timeline
    left_behind = [
        member
        for member in topology.members
        if member.name != primary.name and (member.name in dead or _is_behind(member, primary, topology, timeline))
    ]
    if not left_behind or primary.name in dead:
        standbys = [member.name for member in topology.members if topology.streams(member, primary)]
        told = f", and {' and '.join(standbys)} stream from it" if standbys else ""
        return _alive(primary.name, f"it runs and accepts writes{told}")
    followed = _followed(topology)
    olds = [
        member
        for member in topology.members
        if member is not primary and not _runs_as_standby(member) and (member in left_behind or member.name in followed)
    ]

    def rank(member: Member) -> tuple[bool, int]:
        """Others may have been left behind by earlier failovers."""
        return _was_primary(member, topology), _timeline(member)

    return LostPrimary(max(olds, key=rank, default=None), promoted=primary)


def _is_behind(member: Member, primary: Member, topology: Topology, timeline: int | None) -> bool:
    """Whether a node is on an older timeline and follows somebody else, or is stopped there."""
    node = member.node
    if node is None or node.timeline is None or timeline is None or node.timeline >= timeline:
        return False
    return not topology.streams(member, primary)


def _followed(topology: Topology) -> set[str]:
    """Names of the nodes that a running standby is pointed to."""
    return {upstream.name for member in topology.members if (upstream := topology.upstream_of(member)) is not None}


def _runs_as_standby(member: Member) -> bool:
    return member.server is not None and member.server.in_recovery


def _alive(name: str, told: str) -> Refusal:
    return Refusal(
        "primary_alive",
        name,
        told,
        "Nothing has to fail over: use switchover.yml to move the primary, or stop its server first",
    )


def _seen(name: str, told: str) -> Refusal:
    return Refusal(
        "primary_alive",
        name,
        told,
        "If it serves its clients, put right why it cannot be reached or asked; if it has to go, stop its server there"
        " or switch its host off, and run this again",
    )


def _may_be(member: Member, told: str) -> Refusal:
    why = "a task failed on it (see above)" if member.failed else "its host does not answer"
    return Refusal(
        "primary_unknown",
        member.name,
        f"{why} and {told}: it may be a primary, or have more than the others",
        "Make its host reachable, or switch it off, and run this again",
    )


def _may_have_replaced(old_primary: Member, doubted: list[Member]) -> Refusal:
    names = " and ".join(member.name for member in doubted)
    return Refusal(
        "primary_unknown",
        names,
        f"does not answer, and may have been promoted by the switchover or failover that stopped {old_primary.name}",
        "Make it reachable; if it is off for certain, say so with -e failover_primary_is_dead="
        + ",".join(member.name for member in doubted),
    )


def _doubtful(choice: list[Member]) -> Refusal:
    names = " and ".join(member.name for member in choice)
    return Refusal(
        "primary_unknown",
        names,
        "one of these was the primary, and it cannot be told which",
        "Make them reachable and start the one that was it; those that are off for certain are named with"
        " -e failover_primary_is_dead=HOST,HOST",
    )
