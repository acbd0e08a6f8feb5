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
from .loss import Loss, latest_heard, latest_seen, loss_of, unseen_commits
from .lost_primary import Gone, connected, find_gone, sightings
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
    gone, heard and seen are what the first one found, see Failover.
    """

    dead: tuple[str, ...] = ()
    to: str | None = None
    maximum_loss: int = 16 * 1024 * 1024
    salvage: bool = True
    fence_commands: tuple[str, ...] = ()
    end_sessions: bool = True
    detached: bool = False
    gone: str | None = None
    heard: str | None = None
    seen: str | None = None


@dataclass(frozen=True)
class Failover:
    """What is done, besides the steps.

    gone: the primary that is replaced, None when no node is known to have been it. reachable: whether its host
    answers. fence_command: whether the user's command has to fence it. promoted: who already is the new primary,
    when an earlier run came that far. candidate: who becomes it. source: from whom that fetches what it lacks.
    salvage_from: the LSN from which on WAL is brought over from the dead primary's disk, None for nothing.
    heard: the furthest LSN that the gone primary told the standbys of. seen: the furthest that a standby had itself.
    """

    plan: Plan
    gone: str | None = None
    reachable: bool = False
    fence_command: bool = False
    promoted: str | None = None
    candidate: str | None = None
    source: str | None = None
    salvage_from: str | None = None
    heard: str | None = None
    seen: str | None = None


def plan_failover(topology: Topology, options: FailoverOptions) -> Failover:
    """Decide. With refusals nothing is promoted; those of a run's first decision come before anything is touched."""
    outcome = _decide(topology, options)
    if not (options.detached and outcome.plan.refusals):
        return outcome
    done = "the standbys are detached" + (f" and {options.gone} is fenced" if options.gone else "")
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
        gone: Gone | Refusal = Gone(topology.member(options.gone) if options.gone else None)
    else:
        gone = find_gone(topology, options.dead)
    if isinstance(gone, Refusal):
        return Failover(Plan.refused(gone))
    if gone.promoted is not None:
        if options.to not in (None, gone.promoted.name):
            return Failover(Plan.refused(_another_was_promoted(gone.promoted, options)))
        return _already(topology, gone)
    refusals = [*sightings(topology, gone), *_unreachable(gone, options)]
    if options.to is not None and topology.member(options.to).declared.never_promote:
        refusals.append(never_promoted(options.to))
    election = elect(topology, (gone.member.name,) if gone.member else (), options.to, gone.member)
    if election.winner is None:
        refusals.append(_no_candidate(election, options))
        return Failover(Plan.refused(*refusals))
    refusals += [*_newer_than(election.winner, topology), *_end_unknown(gone, options)]
    refusals += unseen_commits(topology, gone.member, options.dead)
    heard = latest_heard(topology, Lsn.from_optional(options.heard), election.winner)
    seen = latest_seen(topology, Lsn.from_optional(options.seen), election.winner)
    loss = loss_of(gone.member, election, heard, salvage=options.salvage, seen=seen)
    if loss.bytes_lost is not None and loss.bytes_lost > options.maximum_loss:
        refusals.append(_too_great(loss, options))
    if refusals:
        return Failover(Plan.refused(*refusals))
    outcome = _failover(topology, gone, election, loss, options)
    return replace(outcome, heard=str(heard) if heard else None, seen=str(seen) if seen else None)


def _failover(topology: Topology, gone: Gone, election: Election, loss: Loss, options: FailoverOptions) -> Failover:
    winner = election.winner
    if winner is None:
        raise ValueError("an election without a winner")
    nodes = []
    for member in topology.members:
        if member is winner:
            nodes.append(NodePlan(member.name, PRIMARY, _steps_of_winner(election, loss)))
        elif gone.member is not None and member.name == gone.member.name:
            nodes.append(NodePlan(member.name, "gone", (_fence(gone, options, winner),)))
        else:
            why_not = election.why_not.get(member.name, "")
            kind = FOLLOW if member.node and member.node.running else NONE
            nodes.append(NodePlan(member.name, STANDBY, (Step(kind, why_not),)))
    return Failover(
        Plan(
            winner.name,
            tuple(nodes),
            (),
            (f"loss: {loss.told}", *_held_up(winner, nodes), *_held(winner, options), *connected(topology, gone)),
        ),
        gone=gone.member.name if gone.member else None,
        reachable=gone.reachable,
        fence_command=_needs_command(gone, options),
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


def _fence(gone: Gone, options: FailoverOptions, winner: Member) -> Step:
    if gone.reachable:
        return Step(FENCE, f"was the primary; its server is stopped, and is marked as a standby of {winner.name}")
    if _needs_command(gone, options):
        return Step(FENCE, "was the primary and does not answer: postgres_fence_command has to succeed")
    return Step(NONE, "was the primary; you say that it is dead (failover_primary_is_dead)")


def _needs_command(gone: Gone, options: FailoverOptions) -> bool:
    member = gone.member
    return member is not None and not gone.reachable and member.name not in options.dead


def _unreachable(gone: Gone, options: FailoverOptions) -> list[Refusal]:
    member = gone.member
    if member is None or not _needs_command(gone, options) or member.name in options.fence_commands:
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


def _end_unknown(gone: Gone, options: FailoverOptions) -> list[Refusal]:
    """The old primary's disk is there and cannot be read: what it alone has might be brought over."""
    member = gone.member
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
        f"{loss.told}, more than the {options.maximum_loss:,} bytes that may be lost",
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


def _already(topology: Topology, gone: Gone) -> Failover:
    promoted = gone.promoted
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
        gone=gone.member.name if gone.member else None,
        reachable=gone.reachable,
        promoted=promoted.name,
    )
