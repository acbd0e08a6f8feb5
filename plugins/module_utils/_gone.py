# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node was the primary that is gone, and whether anybody still sees it alive. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._refusals import two_primaries
from ansible_collections.hotstandby.postgresql.plugins.module_utils._steps import Refusal
from ansible_collections.hotstandby.postgresql.plugins.module_utils._topology import Member, Topology


@dataclass(frozen=True)
class Gone:
    """member: the primary that is gone, None when no node is known to have been it (all of them are standbys).

    promoted: the new primary, when an earlier run has promoted it already.
    """

    member: Member | None
    promoted: Member | None = None

    @property
    def reachable(self) -> bool:
        return self.member is not None and self.member.node is not None


def find_gone(topology: Topology, dead: str | None) -> Gone | Refusal:
    """Find it: by whom the standbys follow, by whose data is no standby's, by the user's word."""
    if len(topology.writable) > 1:
        return two_primaries(topology.writable)
    if topology.primary is not None:
        return _beside(topology.primary, topology, dead)
    missing = [member for member in topology.members if not _runs_as_standby(member)]
    followed = _followed(topology)
    for choice in (
        [member for member in missing if member.name in followed],
        [member for member in missing if member.has_data and member.node and not member.node.standby],
        [member for member in missing if member.name == dead],
        [member for member in missing if member.node is None],
        [member for member in missing if member.has_data],
    ):
        if len(choice) == 1:
            return Gone(choice[0])
        if choice:
            return _doubtful(choice)
    return Gone(None)


def sightings(topology: Topology, gone: Gone) -> list[Refusal]:
    """Refusals for everybody who sees the gone primary alive: its own host, and each node that it answers."""
    if gone.member is None:
        return []
    name, place = gone.member.name, gone.member.declared.place
    seen_by = [
        member.name
        for member in topology.members
        if member.name != name and member.node is not None and place in member.node.answering
    ]
    if gone.member.node is not None and gone.member.node.has_postmaster:
        return [_alive(name, f"its server runs ({gone.member.node.unreadable or 'in recovery'})")]
    return [_alive(name, f"it is alive: its server answers {' and '.join(seen_by)}")] if seen_by else []


def _beside(primary: Member, topology: Topology, dead: str | None) -> Gone | Refusal:
    """A primary runs. It is the new one if another node is the old one: an earlier run was cut off."""
    timeline = primary.node.timeline if primary.node else None
    left_behind = [
        member
        for member in topology.members
        if member.name != primary.name and (member.name == dead or _is_behind(member, primary, topology, timeline))
    ]
    if not left_behind or dead == primary.name:
        standbys = [member.name for member in topology.members if topology.streams(member, primary)]
        told = f", and {' and '.join(standbys)} stream from it" if standbys else ""
        return _alive(primary.name, f"it runs and accepts writes{told}")
    followed = _followed(topology)
    olds = [
        member
        for member in topology.members
        if member is not primary and not _runs_as_standby(member) and (member in left_behind or member.name in followed)
    ]
    return Gone(olds[0] if olds else None, promoted=primary)


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
    return member.node is not None and member.node.server is not None and member.node.server.in_recovery


def _alive(name: str, told: str) -> Refusal:
    return Refusal(
        "primary_alive",
        name,
        told,
        "Nothing has to fail over: use switchover.yml to move the primary, or stop its server first",
    )


def _doubtful(choice: list[Member]) -> Refusal:
    names = " and ".join(member.name for member in choice)
    return Refusal(
        "primary_unknown",
        names,
        "one of these was the primary, and it cannot be told which",
        "Say which is dead with -e failover_primary_is_dead=HOST",
    )
