# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of restart.yml: who is restarted, in which order. Pure.

A standby must not have less of a hot-standby parameter than the primary: what is raised is raised on the standbys
first, what is lowered is lowered on the primary first.
"""

from __future__ import annotations

from dataclasses import dataclass

from .members import Member
from .plan import NONE, PRIMARY, RESTART, STANDBY, START, NodePlan, Plan, Refusal, Step
from .primary import Choice, choose_primary
from .refusals import two_primaries
from .topology import Topology

RAISED, LOWERED = "raised", "lowered"


@dataclass(frozen=True)
class Restart:
    """before, after: standbys that are restarted before and after the primary. primary: whether it is restarted.
    starts: whether it does not run, so that it is only started. hands_over: whether a switchover restarts it."""

    plan: Plan
    before: tuple[str, ...] = ()
    primary: bool = False
    after: tuple[str, ...] = ()
    starts: bool = False
    hands_over: bool = False


def plan_restart(
    topology: Topology, *, everything: bool = False, by_switchover: bool = False, switchover_to: str | None = None
) -> Restart:
    """Decide. everything: restart nodes without a pending setting too. switchover_to: to whom the primary is handed."""
    if len(topology.writable) > 1:
        return Restart(Plan.refused(two_primaries(topology.writable)))
    primary = topology.primary
    if primary is None:
        return _started_again(topology, everything=everything)
    unwell = [
        member.name
        for member in topology.members
        if member is not primary and not topology.streams(member, primary)
    ]
    if unwell:
        return Restart(Plan.refused(_not_healthy(primary, unwell)))
    due = {m.name: why for m in topology.members if (why := _why(m, everything=everything))}
    directions = {direction for m in topology.members for direction in _directions(m)}
    if directions == {RAISED, LOWERED}:
        return Restart(Plan.refused(_mixed(topology)))
    lowered = LOWERED in directions
    if lowered and by_switchover and primary.name in due:
        return Restart(Plan.refused(_lowered_by_switchover(primary)))
    if by_switchover and primary.name in due and switchover_to == primary.name:
        return Restart(Plan.refused(_to_itself(primary)))
    standbys = tuple(m.name for m in topology.members if m is not primary and m.name in due)
    before, after = ((), standbys) if lowered else (standbys, ())
    order = [*before, *([primary.name] if primary.name in due else []), *after]
    nodes = [_planned(member, primary, due, order, by_switchover=by_switchover) for member in topology.members]
    restarted = primary.name in due
    plan = Plan(primary.name, tuple(nodes), ())
    return Restart(plan, before, restarted, after, hands_over=restarted and by_switchover)


def _started_again(topology: Topology, *, everything: bool) -> Restart:
    """A run was cut off, or gave up, between stop and start: the primary is started, then come the standbys."""
    for member in topology.members:
        if member.node and member.node.has_postmaster and member.node.unreadable:
            hint = "If it is still stopping, run this again when it has stopped; else put that right first"
            return Restart(Plan.refused(Refusal("unreadable", member.name, member.node.unreadable, hint)))
    choice = choose_primary(topology)
    if not isinstance(choice, Choice) or choice.step.kind != START:
        return Restart(Plan.refused(_no_primary()))
    primary = choice.member
    due = {m.name: why for m in topology.members if m is not primary and (why := _why(m, everything=everything))}
    order = [primary.name, *due]
    due = {primary.name: f"its server is stopped: it {choice.step.reason}", **due}
    nodes = [_planned(member, primary, due, order, by_switchover=False) for member in topology.members]
    return Restart(Plan(primary.name, tuple(nodes), ()), (), True, tuple(order[1:]), starts=True)


def _planned(
    member: Member, primary: Member, due: dict[str, str], order: list[str], *, by_switchover: bool
) -> NodePlan:
    role = PRIMARY if member is primary else STANDBY
    if member.name not in due:
        return NodePlan(member.name, role, (Step(NONE, "nothing waits for a restart"),))
    how = ", handing over to a standby first" if member is primary and by_switchover else ""
    number = f"{order.index(member.name) + 1} of {len(order)}"
    return NodePlan(member.name, role, (Step(RESTART, f"{number}: {due[member.name]}{how}"),))


def _why(member: Member, *, everything: bool) -> str | None:
    server = member.server
    if server is None:
        return None
    if server.restart_pending:
        return ", ".join(f"{name} becomes {server.pending_values.get(name, '?')}" for name in server.restart_pending)
    return "restart_all is set" if everything else None


def _directions(member: Member) -> set[str]:
    """Which way the hot-standby parameters go that wait for a restart."""
    server = member.server
    found = set()
    for name, now in (server.parameters if server else {}).items():
        then = server.pending_values.get(name) if server else None
        if then is not None and then.isdigit() and now.isdigit() and then != now:
            found.add(RAISED if int(then) > int(now) else LOWERED)
    return found


def _no_primary() -> Refusal:
    return Refusal(
        "no_primary", "cluster", "no primary is running", "Run site.yml, or failover.yml if the primary is gone"
    )


def _not_healthy(primary: Member, unwell: list[str]) -> Refusal:
    return Refusal(
        "not_healthy",
        ", ".join(unwell),
        f"does not stream from {primary.name}; restarting the others now would leave even fewer",
        "Bring it back first (rejoin.yml)",
    )


def _mixed(topology: Topology) -> Refusal:
    told = "; ".join(f"{m.name}: {_why(m, everything=False)}" for m in topology.members if m.node and _directions(m))
    return Refusal(
        "mixed_directions",
        "cluster",
        f"some hot-standby parameters are raised and others lowered, which needs opposite orders ({told})",
        "Change them in two steps: raise, site.yml, restart.yml; then lower, site.yml, restart.yml",
    )


def _to_itself(primary: Member) -> Refusal:
    return Refusal(
        "handed_to_itself",
        primary.name,
        "it is the primary, and a switchover to itself (switchover_to) does not restart it",
        "Name a standby in switchover_to, or leave that out; or run restart.yml with restart_primary_by=restart",
    )


def _lowered_by_switchover(primary: Member) -> Refusal:
    return Refusal(
        "lowered_by_switchover",
        primary.name,
        "a hot-standby parameter is lowered, so the primary has to be restarted before the standbys, in its place",
        "Run restart.yml with restart_primary_by=restart",
    )
