# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals that more than one part of the planner makes. Pure."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents

from .members import Declared, Member
from .plan import Refusal
from .topology import Topology


def two_primaries(writable: tuple[Member, ...]) -> Refusal:
    told = " and ".join(
        f"{member.name} (timeline {member.node.timeline}, WAL up to {member.node.end})"
        for member in writable
        if member.node
    )
    return Refusal(
        "two_primaries",
        writable[0].name,
        f"{told} are both primaries of this cluster and accept writes; none of them was touched",
        "Find out which one your clients use and run rejoin.yml -e rejoin_primary=THAT_HOST (what the other one alone"
        " has will be gone); or stop the other's server, give that host hot_standby_replace_data=true (its data is"
        " moved aside, not deleted) and run site.yml again",
    )


def writable_unseen(topology: Topology) -> list[tuple[Member, int | None]]:
    """Members whose host does not answer and whose server told other nodes that it is a primary of this cluster,
    with its timeline."""
    return [
        (member, found.timeline)
        for member in topology.unseen
        for found in [one for one in topology.sightings_of(member) if one.in_recovery is False][:1]
    ]


def primaries_unseen(topology: Topology) -> list[Refusal]:
    """A second primary is one, too, when only other nodes reach it."""
    return [
        Refusal(
            "two_primaries",
            member.name,
            f"its host does not answer, and its server told {topology.told_by(member)} that it is a primary, on"
            f" timeline {timeline}: it accepts writes; no node was touched",
            "Make its host reachable and run again, or switch it off if it is the wrong one; if the primary that"
            " answers is the right one, rejoin.yml -e rejoin_primary=THAT_HOST goes on with it",
        )
        for member, timeline in writable_unseen(topology)
    ]


def unusable_directory(declared: Declared, node: Node) -> Refusal | None:
    if node.directory == contents.OTHER:
        return Refusal(
            "not_a_data_directory",
            declared.name,
            "the data directory is not empty and holds no PostgreSQL cluster",
            "Point postgres_data_directory to an empty or absent directory, or move that content away",
        )
    if node.unreadable:
        return Refusal("unreadable", declared.name, node.unreadable, "Put that right and run again")
    return None


def rewind_under_way(declared: Declared) -> Refusal:
    return Refusal(
        "clone_running",
        declared.name,
        "a rewind of its data directory is under way there; it is not disturbed",
        "Wait until it has ended (pg_rewind on that host) and run again",
    )


def newer_timelines(topology: Topology, than: Member) -> list[Refusal]:
    """What was promoted after this primary has rows that it has not: nobody is brought back to an older timeline."""
    timeline = than.timeline or 0
    return [
        Refusal(
            "newer_timeline",
            member.name,
            f"it is on timeline {newer}, and {than.name}, the primary that runs, only on {timeline}: a promotion, and"
            f" what was written since, would be undone",
            f"If {than.name} came up by mistake, stop its server and run failover.yml or site.yml; if it is the right"
            f" one and what {member.name} has of its own may go, run rejoin.yml -e rejoin_primary={than.name}",
        )
        for member, newer in members_newer_than(topology, timeline)
        if member.name != than.name
    ]


def members_newer_than(topology: Topology, timeline: int) -> list[tuple[Member, int]]:
    """Members of this cluster that are on a newer timeline, running or stopped, seen or known through others."""
    seen = [
        (member, member.node.timeline)
        for member in topology.members
        if member.has_data
        and member not in topology.foreign
        and member.node
        and member.node.timeline is not None
        and member.node.timeline > timeline
    ]
    known = [
        (member, newest)
        for member in topology.unseen
        if (newest := max((found.timeline or 0 for found in topology.sightings_of(member)), default=0)) > timeline
    ]
    return [*seen, *known]


def promotion_pending(member: Member) -> Refusal:
    return Refusal(
        "promotion_pending",
        member.name,
        "its server was told to become a primary and has not become one yet; nothing takes that back while it runs",
        "See its server's log (a restore_command that hangs?). When it has become the primary, run rejoin.yml; if it"
        " shall not, stop its server first (or rejoin.yml -e rejoin_primary=THE_ONE_THAT_RUNS, where one does)",
    )


def unknown_host(name: str, names: list[str]) -> Refusal:
    return Refusal(
        "unknown_host",
        name,
        f"the cluster has no such node; it has {', '.join(names)}",
        "Give the name as the inventory has it",
    )


def replay_is_paused(name: str) -> Refusal:
    return Refusal(
        "replay_paused",
        name,
        "its replay is paused, so it would not come up as the primary with all that it has received",
        "Resume it there (SELECT pg_catalog.pg_wal_replay_resume()), wait until it has caught up, and run again",
    )


def never_promoted(name: str) -> Refusal:
    return Refusal(
        "never_promote",
        name,
        "hot_standby_never_promote is set for it",
        "Name another standby, or take that variable out",
    )
