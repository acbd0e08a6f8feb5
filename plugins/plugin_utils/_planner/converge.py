# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of site.yml, of rejoin.yml, and of what follows a promotion. Pure.

Check mode prints the very plan that the run carries out.
"""

from __future__ import annotations

from .members import Member
from .plan import CLONE, NONE, PRIMARY, REWIND, STANDBY, Left, NodePlan, Plan, Refusal, Step
from .primary import Choice, choose_primary, rightful_primary
from .refusals import members_newer_than, newer_timelines, primaries_unseen, promotion_pending
from .standby import plan_standby
from .topology import Topology


def plan_site(topology: Topology) -> Plan:
    """Decide who is primary and what brings every other node to it; nothing that has changes of its own is touched."""
    choice = choose_primary(topology)
    if not isinstance(choice, Choice):
        return Plan.refused(*choice)
    primary = choice.member
    newer = newer_timelines(topology, primary) if primary.node and primary.node.writable else []
    unseen = primaries_unseen(topology) if primary.node and primary.node.writable else []
    return _around(primary, choice.step, topology, (*newer, *unseen), rejoin=False)


def plan_rejoin(topology: Topology, wanted_primary: str | None = None) -> Plan:
    """What brings every node back to the running primary, by the cheapest safe path.

    wanted_primary: who it is when two servers accept writes and it cannot be told.
    """
    primary = rightful_primary(topology, wanted_primary)
    if isinstance(primary, Refusal):
        return Plan.refused(primary)
    server = primary.server
    step = Step(NONE, f"is the primary, on timeline {server.timeline if server else '?'}")
    doubts = [*newer_timelines(topology, primary), *primaries_unseen(topology)]
    if topology.promotion_pending is not None:
        doubts.append(promotion_pending(topology.promotion_pending))
    return _around(primary, step, topology, () if wanted_primary is not None else tuple(doubts), rejoin=True)


def plan_repoint(topology: Topology, name: str, old_primary: str | None = None) -> Plan:
    """After a promotion: who can simply follow the new primary does; the rest is named, and left to rejoin.yml.

    old_primary: the old primary of a failover. It is not started here: first somebody has to know why it died.
    """
    primary = topology.member(name)
    server = primary.server
    if server is None or server.in_recovery:
        return Plan.refused(
            Refusal(
                "not_promoted",
                name,
                "it was to be promoted, and could not be seen as a running primary after that",
                "See with status.yml what runs, and its server's log. If it is the primary, rejoin.yml goes on;"
                " if it is not, site.yml starts an old primary that was merely"
                " stopped, failover.yml promotes the best standby",
            )
        )
    nodes = [NodePlan(name, PRIMARY, (Step(NONE, f"is the primary, on timeline {server.timeline}"),))]
    left: list[Left] = []
    newer = {member.name: timeline for member, timeline in members_newer_than(topology, server.timeline)}
    for member in topology.members:
        if member.name == name:
            continue
        if member in topology.writable:
            told = f"two primaries: {member.name} accepts writes, too; stop the wrong one at once"
            left.append(Left(member.name, told))
            continue
        if member.name == old_primary:
            told = f"{old_primary} was the primary; rejoin.yml brings it back when it is known why it died"
            left.append(Left(member.name, told, expected=True))
            continue
        if member.node is None:
            left.append(Left(member.name, f"{member.name} did not answer"))
            continue
        outcome = plan_standby(member.declared, member.node, primary, topology, rejoin=True)
        if member.name in newer:
            told = f"{member.name} is on a newer timeline ({newer[member.name]}) than {name}, and is left there"
            left.append(Left(member.name, told))
        elif isinstance(outcome, Refusal):
            left.append(Left(member.name, f"{member.name}: {outcome.message}"))
        elif any(step.kind in (REWIND, CLONE) for step in outcome):
            left.append(Left(member.name, f"{member.name} has to be brought back: {outcome[-2].reason}"))
        else:
            nodes.append(NodePlan(member.name, STANDBY, outcome))
    return Plan(name, tuple(nodes), (), (), tuple(left))


def _around(primary: Member, step: Step, topology: Topology, found: tuple[Refusal, ...], *, rejoin: bool) -> Plan:
    nodes = [NodePlan(primary.name, PRIMARY, (step,))]
    if found:
        return Plan.refused(*found)
    refusals: list[Refusal] = []
    for member in topology.members:
        if member.name == primary.name or member.node is None:
            continue
        outcome = plan_standby(member.declared, member.node, primary, topology, rejoin=rejoin)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            nodes.append(NodePlan(member.name, STANDBY, outcome))
    return Plan(primary.name, tuple(nodes), tuple(refusals))
