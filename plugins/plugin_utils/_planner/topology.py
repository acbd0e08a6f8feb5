# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From nodes to a cluster: who is primary, who follows whom, and who does not belong. Pure.

The servers say who is primary. The inventory's groups are looked at only where no server has an opinion.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory

from .members import Member


@dataclass(frozen=True)
class Topology:
    """The cluster that the members form.

    identity: the cluster's system identifier, None while there is none.
    writable: members of this cluster whose server runs read-write; one in health.
    foreign: members whose data belongs to another cluster.
    """

    members: tuple[Member, ...]
    identity: str | None
    writable: tuple[Member, ...]
    foreign: tuple[Member, ...]

    @classmethod
    def of(cls, members: tuple[Member, ...]) -> Topology:
        identity = _identity(members)
        holders = [member for member in members if member.has_data and member.node is not None]
        return cls(
            members=members,
            identity=identity,
            writable=tuple(
                member
                for member in holders
                if member.node and member.node.writable and member.node.system_identifier == identity
            ),
            foreign=tuple(
                member for member in holders if member.node and member.node.system_identifier not in (None, identity)
            ),
        )

    @property
    def unseen(self) -> tuple[Member, ...]:
        """Members whose host did not answer."""
        return tuple(member for member in self.members if member.node is None)

    @property
    def primary(self) -> Member | None:
        """The one running primary; None when there is none, or more than one."""
        return self.writable[0] if len(self.writable) == 1 else None

    def member(self, name: str) -> Member:
        """Raises KeyError when no member has that name."""
        for member in self.members:
            if member.name == name:
                return member
        raise KeyError(name)

    @property
    def promotion_pending(self) -> Member | None:
        """A standby that was told to become a primary and has not become one yet."""
        pending = [member for member in self.members if member.node and member.node.promotion_pending]
        return pending[0] if pending else None

    def sightings_of(self, member: Member) -> tuple[Sighting, ...]:
        """What other nodes have learned of a member's server from itself; only of a server of this cluster."""
        return tuple(
            found
            for other in self.members
            if other.node is not None and other.name != member.name
            for found in other.node.sightings
            if found.endpoint == member.declared.endpoint and found.system_identifier in (None, self.identity)
        )

    def told_by(self, member: Member) -> str:
        """The nodes, as "a and b", to which a member's server said that it is a primary of this cluster."""
        return " and ".join(
            other.name
            for other in self.members
            if other.node is not None
            for found in other.node.sightings
            if found.in_recovery is False and found in self.sightings_of(member)
        )

    @property
    def unknown(self) -> tuple[Member, ...]:
        """Members whose host did not answer and of which nobody knows that they are a standby of this cluster."""
        return tuple(
            member
            for member in self.unseen
            if not any(found.in_recovery and found.system_identifier for found in self.sightings_of(member))
        )

    def upstream_of(self, member: Member) -> Member | None:
        """The member that a running standby is configured to follow."""
        server = member.server
        if server is None or not server.in_recovery or not server.upstream_host:
            return None
        upstream = (server.upstream_host, server.upstream_port)
        for other in self.members:
            if other.name != member.name and (other.declared.address, other.declared.port) == upstream:
                return other
        return None

    def streams(self, member: Member, upstream: Member) -> bool:
        """Whether a standby streams from this upstream, read on both sides."""
        server = member.server
        source = upstream.server
        if server is None or source is None or self.upstream_of(member) != upstream:
            return False
        if server.receiver is not None and server.receiver.status != "streaming":
            return False
        return any(
            sender.application_name == member.application_name and sender.state in ("streaming", "catchup")
            for sender in source.senders
        )

    def streams_along(self, member: Member, primary: Member) -> bool:
        """Whether a standby of the primary's own timeline and history streams, be it through others, from the primary.

        Their positions were not read at one instant, so that it may seem to be ahead.
        """
        node, source = member.node, primary.node
        if node is None or source is None or source.server is None or node.timeline != source.server.timeline:
            return False
        if node.history is not None and source.history is not None and node.history.parts_from(source.history):
            return False
        below: Member | None = member
        passed: list[str] = []
        while below is not None and below.name not in passed:
            if below == primary:
                return True
            passed.append(below.name)
            server = below.server
            receives = server is not None and server.receiver is not None and server.receiver.status == "streaming"
            below = self.upstream_of(below) if receives else None
        return False


def endpoints_to_ask(topology: Topology, candidate: str | None, old_primary: str | None = None) -> list[str]:
    """Where another primary may be: the old primary's endpoint, and those of nodes not seen, or not since a task failed
    on them. The word of the user that a host is dead does not keep it from being asked."""
    return [
        member.declared.endpoint
        for member in topology.members
        if member.name != candidate and (member.node is None or member.name == old_primary)
    ]


def lies_on(node: Node, primary: Node) -> bool | None:
    """Whether all of a node's WAL lies on the primary's history; None when its end is not known.

    On the primary's own timeline it must not reach past the primary: pg_rewind does not see that kind of
    divergence. On an older one it must not reach past the point where that was left.
    """
    if node.timeline is None or primary.server is None:
        return None
    history = primary.history or TimelineHistory.root(primary.server.timeline)
    if not history.knows(node.timeline):
        return False
    if _parts_from(node, history):
        return False
    if node.end is None:
        return None
    if node.timeline == primary.server.timeline:
        if node.control is not None and not node.standby:
            return False  # two servers that were both primary on one timeline have each its own WAL from somewhere on
        return primary.server.position is None or node.end <= primary.server.position
    return history.contains(node.timeline, node.end)


def _parts_from(node: Node, history: TimelineHistory) -> bool:
    """Whether the node's own history leaves this one: two promotions may have given a timeline the same number."""
    if node.history is None:
        return False
    try:
        timeline, left_at = history.fork_point(node.history)
    except ValueError:
        return True
    return left_at is not None and timeline != node.timeline


def _identity(members: tuple[Member, ...]) -> str | None:
    """The system identifier that most members have; of equals, the one of the group master."""
    held = [
        (member.node.system_identifier, member.declared.seed_primary)
        for member in members
        if member.has_data and member.node and member.node.system_identifier
    ]
    if not held:
        return None
    counts = Counter(identifier for identifier, dummy in held)
    seeds = {identifier for identifier, seed in held if seed}
    return max(counts, key=lambda identifier: (counts[identifier], identifier in seeds))
