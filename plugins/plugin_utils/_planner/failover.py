# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of failover.yml: whether the primary is gone, who replaces it, what may be lost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import listed
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.slot_name import application_name

from .election import Election, elect, position_of
from .loss import Loss, known_primary_end, latest_seen, loss_of, unseen_commits
from .lost_primary import LostPrimary, connected, find_lost_primary, sightings
from .members import Member
from .plan import CATCH_UP, FENCE, FOLLOW, NONE, PRIMARY, PROMOTE, SALVAGE, STANDBY, NodePlan, Plan, Refusal, Step
from .refusals import members_newer_than, never_promoted, unknown_host
from .synchronous import waiting_commits
from .topology import Topology


@dataclass(frozen=True)
class FailoverOptions:
    """dead: the hosts that the user says are dead. to: the standby that the user prefers. maximum_loss is in bytes.

    salvage: whether WAL is brought over from the dead primary's disk. fence_commands: hosts that have one.
    end_sessions: whether sessions that hold the replay of the candidate back are ended.
    detached: whether this is the second decision of a run: the old primary is fenced, the standbys are detached, and
    old_primary, reachable, primary_end and seen are what the first one found, see Failover.
    """

    dead: tuple[str, ...] = ()
    to: str | None = None
    maximum_loss: int = 16 * 1024 * 1024
    salvage: bool = True
    fence_commands: tuple[str, ...] = ()
    end_sessions: bool = True
    detached: bool = False
    old_primary: str | None = None
    reachable: bool = False
    primary_end: str | None = None
    seen: str | None = None


@dataclass(frozen=True)
class Failover:
    """What is done, besides the steps.

    old_primary: the primary that is replaced, None when no node is known to have been it. reachable: whether its host
    answers. fence_command: whether the user's command has to fence it. promoted: who already is the new primary,
    when an earlier run came that far. candidate: who becomes it. source: from whom that fetches what it lacks.
    salvage_from: the LSN from which on WAL is brought over from the dead primary's disk, None for nothing.
    primary_end: the furthest LSN that the old primary is known to have reached. seen: the furthest that a standby had
    itself.
    """

    plan: Plan
    old_primary: str | None = None
    reachable: bool = False
    fence_command: bool = False
    promoted: str | None = None
    candidate: str | None = None
    source: str | None = None
    salvage_from: str | None = None
    primary_end: str | None = None
    seen: str | None = None


def plan_failover(topology: Topology, options: FailoverOptions) -> Failover:
    """Decide. With refusals nothing is promoted; those of a run's first decision come before anything is touched."""
    outcome = _decide(topology, options)
    if not (options.detached and outcome.plan.refusals):
        return outcome
    done = "the standbys are detached" + (f" and {options.old_primary} is fenced" if options.old_primary else "")
    told = f"Nobody was promoted, and {done} by now: when that is put right, run failover.yml again"
    return replace(
        outcome, plan=Plan.refused(*(replace(one, hint=f"{one.hint}. {told}") for one in outcome.plan.refusals))
    )


def _decide(topology: Topology, options: FailoverOptions) -> Failover:
    names = [member.name for member in topology.members]
    for name in (*options.dead, *([options.to] if options.to else [])):
        if name not in names:
            return Failover(Plan.refused(unknown_host(name, names)))
    if options.detached and not topology.writable:
        known = topology.member(options.old_primary) if options.old_primary else None
        lost: LostPrimary | Refusal = LostPrimary(known)
    else:
        lost = find_lost_primary(topology, options.dead)
    if isinstance(lost, Refusal):
        return Failover(Plan.refused(lost))
    if lost.promoted is not None:
        if options.to not in (None, lost.promoted.name):
            return Failover(Plan.refused(_another_was_promoted(lost.promoted, options)))
        return _already(topology, lost)
    refusals = [*sightings(topology, lost), *_unreachable(lost, options)]
    if options.to is not None and topology.member(options.to).declared.never_promote:
        refusals.append(never_promoted(options.to))
    election = elect(topology, (lost.member.name,) if lost.member else (), options.to, lost.member)
    if election.winner is None:
        refusals.append(_no_candidate(election, options))
        return Failover(Plan.refused(*refusals))
    refusals += [*_newer_than(election.winner, topology), *_end_unknown(lost, options)]
    refusals += unseen_commits(topology, lost.member, options.dead)
    primary_end = known_primary_end(topology, Lsn.from_optional(options.primary_end), election.winner, lost.member)
    seen = latest_seen(topology, Lsn.from_optional(options.seen), election.winner)
    loss = loss_of(lost.member, election, primary_end, salvage=options.salvage, seen=seen)
    if loss.bytes_lost is not None and loss.bytes_lost > options.maximum_loss:
        refusals.append(_too_great(loss, options))
    if refusals:
        return Failover(Plan.refused(*refusals))
    outcome = _failover(topology, lost, election, loss, options)
    return replace(outcome, primary_end=str(primary_end) if primary_end else None, seen=str(seen) if seen else None)


def _failover(
    topology: Topology, lost: LostPrimary, election: Election, loss: Loss, options: FailoverOptions
) -> Failover:
    winner = election.winner
    if winner is None:
        raise ValueError("an election without a winner")
    nodes = []
    for member in topology.members:
        if member is winner:
            nodes.append(NodePlan(member.name, PRIMARY, _steps_of_winner(election, loss)))
        elif lost.member is not None and member.name == lost.member.name:
            nodes.append(NodePlan(member.name, "gone", (_fence(lost, options, winner),)))
        else:
            why_not = election.why_not.get(member.name, "")
            kind = FOLLOW if member.node and member.node.running else NONE
            nodes.append(NodePlan(member.name, STANDBY, (Step(kind, why_not),)))
    return Failover(
        Plan(
            winner.name,
            tuple(nodes),
            (),
            (f"loss: {loss.text}", *_held_up(winner, nodes), *_held(winner, options), *connected(topology, lost)),
        ),
        old_primary=lost.member.name if lost.member else None,
        reachable=lost.reachable,
        fence_command=_needs_command(lost, options),
        candidate=winner.name,
        source=election.source.name if election.source else None,
        salvage_from=str(position_of(election.source or winner)) if loss.salvaged else None,
    )


def _held_up(winner: Member, nodes: list[NodePlan]) -> list[str]:
    """No reason to refuse: what is read is served again, and to wait rather than to commit alone may be wanted."""
    server = winner.server
    following = [application_name(plan.name) for plan in nodes if any(step.kind == FOLLOW for step in plan.steps)]
    why = waiting_commits(server.synchronous_standby_names if server else "", following)
    return [f"note: commits on {winner.name} will wait: its {why}"] if why else []


def _held(winner: Member, options: FailoverOptions) -> list[str]:
    """What may be done to the sessions of others is told before."""
    server = winner.server
    notes = []
    if server and server.held_by:
        done = "they are ended" if options.end_sessions else "while they last it is not (failover_end_sessions=false)"
        notes.append(
            f"note: {winner.name} has to replay all before it is promoted, and waits for other sessions:"
            f" {listed(server.held_by)}; {done}"
        )
    if server and server.apply_delay_ms:
        notes.append(
            f"note: {winner.name} is delayed by recovery_min_apply_delay; its promotion ends the delay and"
            " replays what it has received"
        )
    return notes


def _steps_of_winner(election: Election, loss: Loss) -> tuple[Step, ...]:
    steps = []
    if election.source is not None:
        steps.append(
            Step(CATCH_UP, f"fetches what {election.source.name} has up to {position_of(election.source)} first")
        )
    if loss.salvaged:
        steps.append(Step(SALVAGE, f"{loss.salvaged} bytes of WAL that were never sent are brought over first"))
    return (*steps, Step(PROMOTE, election.why))


def _fence(lost: LostPrimary, options: FailoverOptions, winner: Member) -> Step:
    if lost.reachable:
        return Step(FENCE, f"was the primary; its server is stopped, and is marked as a standby of {winner.name}")
    if _needs_command(lost, options):
        return Step(FENCE, "was the primary and does not answer: postgres_fence_command has to succeed")
    return Step(NONE, "was the primary; you say that it is dead (failover_primary_is_dead)")


def _needs_command(lost: LostPrimary, options: FailoverOptions) -> bool:
    member = lost.member
    return member is not None and not lost.reachable and member.name not in options.dead


def _unreachable(lost: LostPrimary, options: FailoverOptions) -> list[Refusal]:
    member = lost.member
    if member is None or not _needs_command(lost, options):
        return []
    if options.detached and options.reachable:
        # its command was not run, and what it alone has would be lost without a word
        return [
            Refusal(
                "primary_unreachable",
                member.name,
                "it was fenced, and could not be looked at after that, so it is not known what it has",
                "Make it reachable and run this again, or switch it off and go on with"
                f" -e failover_primary_is_dead={member.name}",
            )
        ]
    if member.name in options.fence_commands:
        return []
    return [
        Refusal(
            "primary_unreachable",
            member.name,
            "it is the primary and its host does not answer, so nothing keeps it from accepting writes",
            f"Switch it off and run again with -e failover_primary_is_dead={member.name}, or set postgres_fence_command"
            " for it, a command that switches it off",
        )
    ]


def _no_candidate(election: Election, options: FailoverOptions) -> Refusal:
    told = "; ".join(f"{name}: {why}" for name, why in election.why_not.items())
    return Refusal(
        "no_candidate",
        "cluster",
        f"{election.why} ({told})",
        "Put right what failed on the standbys"
        if options.detached
        else "Bring a standby up (start its server), or start the old primary again",
    )


def _end_unknown(lost: LostPrimary, options: FailoverOptions) -> list[Refusal]:
    """The old primary's disk is there and cannot be read: what it alone has might be brought over."""
    member = lost.member
    if member is None or member.node is None or member.node.end is not None:
        return []
    if not options.salvage:
        return []
    absent = "there is no data directory: is its disk not mounted?"
    why = (member.node.unreadable or "is pg_waldump there?") if member.has_data else absent
    return [
        Refusal(
            "not_salvageable",
            member.name,
            f"its host answers, and where its WAL ends cannot be told ({why})",
            "Put that right and run this again, or promote without what it alone has with -e failover_salvage=false",
        )
    ]


def _newer_than(winner: Member, topology: Topology) -> list[Refusal]:
    """What was promoted already has the newest data, be it stopped now: nobody of an older timeline replaces it."""
    timeline = winner.timeline or 0
    return [
        Refusal(
            "newer_timeline",
            member.name,
            f"it is on timeline {newer}, and {winner.name}, the best that can be promoted, only on"
            f" {timeline}: all that was written since would be lost",
            f"Start its server and run site.yml; if it is lost, go on with -e failover_primary_is_dead={member.name}",
        )
        for member, newer in members_newer_than(topology, timeline)
        if member.node is not None
    ]


def _too_great(loss: Loss, options: FailoverOptions) -> Refusal:
    return Refusal(
        "loss_too_great",
        "cluster",
        f"{loss.text}, more than the {options.maximum_loss:,} bytes that may be lost",
        f"{'A' if options.detached else 'Start the old primary again if that can be done, or a'}ccept it with"
        " -e failover_maximum_loss=BYTES",
    )


def _another_was_promoted(promoted: Member, options: FailoverOptions) -> Refusal:
    return Refusal(
        "another_promoted",
        promoted.name,
        f"it was promoted already, so {options.to} cannot become the primary by a failover",
        f"Run failover.yml without failover_to, which brings the others to {promoted.name}, and then switchover.yml"
        f" -e switchover_to={options.to} if {options.to} has to be the primary",
    )


def _already(topology: Topology, lost: LostPrimary) -> Failover:
    promoted = lost.promoted
    if promoted is None or promoted.node is None:
        raise ValueError("nobody has been promoted")
    nodes = [
        NodePlan(
            member.name,
            PRIMARY if member is promoted else STANDBY,
            (
                Step(NONE, f"is the primary, on timeline {promoted.node.timeline}: the promotion is done")
                if member is promoted
                else Step(FOLLOW, "is pointed to the new primary where it is not"),
            ),
        )
        for member in topology.members
        if member.node is not None
    ]
    return Failover(
        Plan(promoted.name, tuple(nodes), ()),
        old_primary=lost.member.name if lost.member else None,
        reachable=lost.reachable,
        promoted=promoted.name,
    )
