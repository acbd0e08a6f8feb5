# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of switchover.yml: every check that can be made before anything is stopped. Pure.

What only a connection can tell (whether the candidate lets the old primary in) the playbook tries before it stops
anything, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import listed
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Server

from .election import elect
from .members import Member
from .plan import FOLLOW, HAND_OVER, NONE, PRIMARY, PROMOTE, STANDBY, Left, NodePlan, Plan, Refusal, Step
from .refusals import never_promoted, replay_is_paused, two_primaries, unknown_host
from .synchronous import waiting_commits
from .topology import Topology


@dataclass(frozen=True)
class SwitchoverOptions:
    """to: the wanted primary, None for the best standby. maximum_lag: bytes that the candidate may lack.

    maximum_archive_backlog: WAL files that may wait for the archive; a stop waits until they are archived.
    """

    to: str | None = None
    maximum_lag: int = 16 * 1024 * 1024
    maximum_archive_backlog: int = 16


@dataclass(frozen=True)
class Switchover:
    """candidate: None when nobody has to be promoted. promoted: the primary, when it is the wanted one already and
    others do not follow it yet: an earlier run was cut off."""

    plan: Plan
    candidate: str | None = None
    promoted: str | None = None


def plan_switchover(topology: Topology, options: SwitchoverOptions) -> Switchover:
    """Decide. With refusals the primary is not touched."""
    names = [member.name for member in topology.members]
    if options.to is not None and options.to not in names:
        return Switchover(Plan.refused(unknown_host(options.to, names)))
    if len(topology.writable) > 1:
        return Switchover(Plan.refused(two_primaries(topology.writable)))
    primary = topology.primary
    if primary is None:
        return Switchover(
            Plan.refused(
                Refusal(
                    "no_primary",
                    "cluster",
                    "no primary is running, so there is nothing to hand over",
                    "Run site.yml if it was merely stopped, or failover.yml if it is gone",
                )
            )
        )
    if options.to == primary.name:
        return _already(topology, primary)
    candidate = _candidate(topology, primary, options)
    if isinstance(candidate, Refusal):
        return Switchover(Plan.refused(*_of_primary(primary, options), candidate))
    refusals = (*_of_primary(primary, options), *_of_candidate(candidate, primary, topology, options))
    if refusals:
        return Switchover(Plan.refused(*refusals))
    return Switchover(_plan(topology, primary, candidate), candidate.name)


def _already(topology: Topology, primary: Member) -> Switchover:
    """Who is wanted is the primary; the others are brought to it."""
    behind = [
        member
        for member in topology.members
        if member.node is not None and member is not primary and not topology.streams_along(member, primary)
    ]
    nodes = [
        NodePlan(primary.name, PRIMARY, (Step(NONE, "is the primary already"),)),
        *(NodePlan(member.name, STANDBY, (Step(FOLLOW, f"is pointed to {primary.name}"),)) for member in behind),
    ]
    left = tuple(_unseen(member) for member in topology.unseen)
    plan = Plan(primary.name, tuple(nodes), (), (), left)
    return Switchover(plan, promoted=primary.name if behind or topology.unseen else None)


def _plan(topology: Topology, primary: Member, candidate: Member) -> Plan:
    nodes = [
        NodePlan(
            candidate.name,
            PRIMARY,
            (Step(PROMOTE, f"the moment it has the shutdown checkpoint of {primary.name}"),),
        ),
        NodePlan(primary.name, STANDBY, (Step(HAND_OVER, f"is stopped, then follows {candidate.name}"),)),
    ]
    left = []
    for member in topology.members:
        if member.name in (primary.name, candidate.name):
            continue
        if member.node is None:
            left.append(_unseen(member))
        elif topology.streams(member, primary):
            nodes.append(NodePlan(member.name, STANDBY, (Step(FOLLOW, f"is pointed to {candidate.name}"),)))
        else:
            told = f"{member.name} does not stream from {primary.name} now; site.yml or rejoin.yml bring it back"
            left.append(Left(member.name, told))
    notes = []
    if primary.node and primary.node.control and not primary.node.control.can_rewind:
        notes.append(
            f"note: {primary.name} has neither data checksums nor wal_log_hints: should it ever diverge,"
            " it has to be cloned"
        )
    return Plan(candidate.name, tuple(nodes), (), tuple(notes), tuple(left))


def _unseen(member: Member) -> Left:
    return Left(member.name, f"{member.name} does not answer; rejoin.yml brings it back later")


def _candidate(topology: Topology, primary: Member, options: SwitchoverOptions) -> Member | Refusal:
    if options.to is not None:
        return topology.member(options.to)
    deaf = {m.name for m in topology.members if m is not primary and not topology.streams(m, primary)}
    slow = {m.name for m in topology.members if (server := m.server) and _slow(server)}
    election = elect(topology, {primary.name, *deaf, *slow})
    if election.winner is None:
        election = elect(topology, {primary.name, *deaf})  # it is refused by its own name
    if election.winner is not None:
        return election.winner
    told = "; ".join(
        f"{name}: {'does not stream from ' + primary.name if name in deaf and why == 'was the primary' else why}"
        for name, why in election.why_not.items()
        if name != primary.name
    )
    return Refusal(
        "no_candidate",
        primary.name,
        f"no standby can take over ({told or 'there is none'})",
        "Bring a standby up and let it stream (site.yml, rejoin.yml)",
    )


def _of_primary(primary: Member, options: SwitchoverOptions) -> Iterator[Refusal]:
    node = primary.node
    if node is None or node.server is None:
        return
    if node.server.archiver_failing:
        yield Refusal(
            "archiver_failing",
            primary.name,
            f"archiving fails, last at {node.server.archiver_failing}; a stop would wait for it",
            "Put archive_command right and wait until the backlog is gone",
        )
    if node.archive_ready > options.maximum_archive_backlog:
        yield Refusal(
            "archive_backlog",
            primary.name,
            f"{node.archive_ready} WAL files wait to be archived, and a stop waits until they are",
            "Wait until they are archived, or allow more with -e switchover_maximum_archive_backlog=FILES",
        )


def _of_candidate(
    candidate: Member, primary: Member, topology: Topology, options: SwitchoverOptions
) -> Iterator[Refusal]:
    name, node = candidate.name, candidate.node
    server = node.server if node else None
    if node is None or server is None or not topology.streams(candidate, primary):
        yield Refusal(
            "candidate_not_streaming",
            name,
            f"it does not stream from {primary.name}" if server else "its server does not run, or does not answer",
            "Bring it back first (status.yml tells what is wrong; site.yml or rejoin.yml)",
        )
        return
    if candidate.declared.never_promote:
        yield never_promoted(name)
    if server.replay_paused:
        yield replay_is_paused(name)
    yield from _slowed(name, server)
    yield from _room(candidate, topology)
    yield from _lowered(primary, server)
    yield from _held_up(name, server, primary, topology)
    source = primary.server
    if source is None or source.position is None or server.replayed is None:
        return
    behind = source.position - server.replayed if source.position > server.replayed else 0
    if behind > options.maximum_lag:
        yield Refusal(
            "candidate_lagging",
            name,
            f"it still has {behind:,} bytes to receive or replay, more than {options.maximum_lag:,}",
            "Wait until it has caught up, choose another one, or allow more with -e switchover_maximum_lag=BYTES",
        )


def _slow(server: Server) -> bool:
    """Whether it would not have replayed all in time."""
    return bool(server.replay_paused or server.apply_delay_ms or server.held_by)


def _slowed(name: str, server: Server) -> Iterator[Refusal]:
    if server.apply_delay_ms:
        yield Refusal(
            "candidate_delayed",
            name,
            f"it replays each commit {server.apply_delay_ms / 1000:,.0f} s late (recovery_min_apply_delay), and nobody"
            " could write for so long",
            "Choose another one, or set that to 0 there and wait until it has caught up",
        )
    if server.held_by:
        yield Refusal(
            "candidate_not_replaying",
            name,
            f"its replay waits for other sessions: {listed(server.held_by)}",
            f"Wait until they have ended, end them ({name}: SELECT pg_catalog.pg_terminate_backend(PID)), or choose"
            " another one",
        )


def _lowered(primary: Member, taking_over: Server) -> Iterator[Refusal]:
    """A standby does not start with less of a hot-standby parameter than its primary has."""
    server = primary.server
    for name, then in (server.pending_values if server else {}).items():
        there = taking_over.parameters.get(name, "")
        if then.isdigit() and there.isdigit() and int(then) < int(there):
            yield Refusal(
                "parameter_lowered",
                primary.name,
                f"its {name} becomes {then} when it starts again, less than the {there} of the new primary, and it"
                " could not follow it",
                "Run restart.yml first: it restarts the primary in its place, then the standbys",
            )


def _held_up(name: str, taking_over: Server, primary: Member, topology: Topology) -> Iterator[Refusal]:
    """Clients of the new primary would wait for standbys that it does not have."""
    standbys = [m for m in topology.members if m is primary or (m.name != name and topology.streams(m, primary))]
    why = waiting_commits(taking_over.synchronous_standby_names, (m.application_name for m in standbys))
    if why:
        yield Refusal(
            "commits_would_wait",
            name,
            f"every commit on it would wait once it is the primary: its {why}",
            "Set names there that fit whoever is the primary (postgres_settings, for example"
            " synchronous_standby_names: 'ANY 1 (*)') and run site.yml, or bring the missing standby back first",
        )


def _room(candidate: Member, topology: Topology) -> Iterator[Refusal]:
    """Walsenders and slots that the candidate needs for all the others, beside what is in use there now."""
    server = candidate.server
    if server is None:
        return
    needed = len(topology.members) - 1
    ours = {member.application_name for member in topology.members}
    others = [sender for sender in server.senders if sender.application_name not in ours]
    if server.max_wal_senders - len(others) < needed:
        yield Refusal(
            "no_free_walsender",
            candidate.name,
            f"max_wal_senders is {server.max_wal_senders}, {len(others)} are in use there, and {needed} standbys"
            " have to stream from it",
            "Raise max_wal_senders (site.yml sets enough, restart.yml applies it)",
        )
    wanted = {member.declared.slot for member in topology.members if member is not candidate}
    foreign = [slot for slot in server.slots if slot.name not in wanted]
    if server.max_replication_slots - len(foreign) < needed:
        yield Refusal(
            "no_free_slot",
            candidate.name,
            f"max_replication_slots is {server.max_replication_slots}, {len(foreign)} are taken there,"
            f" and {needed} are needed",
            "Raise max_replication_slots (site.yml sets enough, restart.yml applies it), or drop unneeded slots",
        )
