# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which standby becomes the primary, and for every other node why not. Pure.

Ranked by timeline, then by the furthest LSN received or replayed (received alone falls back after a
restart), then by the user's priority, then by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory

from .members import Member
from .topology import Topology


@dataclass(frozen=True)
class Election:
    """winner: who is promoted. source: the standby that has more than the winner, who fetches it from there first."""

    winner: Member | None
    why: str
    why_not: Mapping[str, str]
    source: Member | None = None


def elect(
    topology: Topology, excluded: Collection[str] = (), preferred: str | None = None, old_primary: Member | None = None
) -> Election:
    """Elect among the running standbys. excluded: the primary, say. preferred wins over any of the same timeline.

    old_primary: nobody whose history parts from its own, or if that is not known or older from that of most standbys,
    is promoted or gives WAL to the winner: what it has was written elsewhere.
    """
    obstacles = {
        member.name: obstacle for member in topology.members if (obstacle := _obstacle(member, topology, excluded))
    }
    leading = _references(topology, old_primary)
    own = [member.node.history for member in topology.members if member.name == preferred and member.node]
    asked = [history for history in leading if history in own]
    if len(leading) > 1 and not asked:
        return Election(None, "histories part, and it cannot be told which one is the cluster's", obstacles)
    history = (asked or leading or [None])[0]
    for member in topology.members:
        if member.name not in obstacles and _parts(member, history):
            obstacles[member.name] = f"its history (timeline {_timeline(member)}) parts from that of the cluster"
    standing = [member for member in topology.members if member.name not in obstacles]
    ranked = sorted(standing, key=_rank, reverse=True)
    if not ranked:
        return Election(None, "no standby can be promoted", obstacles)
    winner, why = ranked[0], _why(ranked)
    if preferred is not None and preferred != winner.name:
        chosen = [member for member in ranked if member.name == preferred]
        if not chosen:
            return Election(None, f"{preferred} cannot be promoted", obstacles)
        if _timeline(chosen[0]) < _timeline(winner):
            told = f"is on timeline {_timeline(chosen[0])}, {winner.name} is on {_timeline(winner)}"
            return Election(None, f"{preferred} cannot be promoted", {**obstacles, preferred: told})
        winner, why = chosen[0], "is the one that was asked for"
    elsewhere = [
        member
        for member in topology.members
        if member.name not in excluded and member.name != winner.name and _can_give(member, winner, topology)
        and not _parts(member, history)
    ]
    source = max(elsewhere, key=_rank, default=None)
    losers = {member.name: _compared(member, winner) for member in ranked if member is not winner}
    return Election(winner, why, {**obstacles, **losers}, source)


def _references(topology: Topology, old_primary: Member | None) -> list[TimelineHistory | None]:
    """The history that counts: the old primary's unless standbys are on a newer timeline, else that with which most
    running standbys agree. Several when as many agree with each of them, and they part; none when nobody tells."""
    told = [
        member.node.history
        for member in topology.members
        if member not in topology.foreign
        and member.node
        and member.node.server
        and member.node.server.in_recovery
        and member.node.history is not None
    ]
    last = old_primary.node.history if old_primary is not None and old_primary.node is not None else None
    if last is not None and all(last.timeline >= history.timeline for history in told):
        return [last]

    def agreement(history: TimelineHistory) -> tuple[int, int]:
        return sum(not history.parts_from(other) for other in told), history.timeline

    first = max(told, key=agreement, default=None)
    if first is None:
        return []
    rivals = [one for one in told if agreement(one) == agreement(first) and one.parts_from(first)]
    return [first, *dict.fromkeys(rivals)]


def _parts(member: Member, history: TimelineHistory | None) -> bool:
    own = member.node.history if member.node else None
    return own is not None and history is not None and own.parts_from(history)


def position_of(member: Member) -> Lsn | None:
    """The furthest LSN that a running standby has received or replayed."""
    server = member.server
    return server.position if server else None


def _obstacle(member: Member, topology: Topology, excluded: Collection[str]) -> str | None:
    """Why a member does not stand for election; None when it does."""
    node = member.node
    if member.name in excluded:
        return "was the primary"
    if node is None:
        return "a task failed on it, see above" if member.failed else "does not answer"
    if not member.has_data:
        return "has no data"
    if member in topology.foreign:
        return "belongs to another cluster"
    if node.server is None:
        return node.unreadable or "its server is stopped"
    if not node.server.in_recovery:
        return "is no standby"
    if member.declared.never_promote:
        return "hot_standby_never_promote is set for it"
    if node.server.position is None:
        return "it has received and replayed nothing yet"
    return None


def _can_give(member: Member, winner: Member, topology: Topology) -> bool:
    """Whether a standby, be it one that may not be promoted, has WAL of the same timeline that the winner lacks."""
    node = member.node
    if node is None or node.server is None or not node.server.in_recovery or member in topology.foreign:
        return False
    mine, theirs = position_of(winner), position_of(member)
    return _timeline(member) == _timeline(winner) and mine is not None and theirs is not None and theirs > mine


def _timeline(member: Member) -> int:
    return member.timeline or 0


def _free(member: Member) -> bool:
    """Whether nothing holds its replay back."""
    server = member.server
    return server is None or not (server.held_by or server.apply_delay_ms)


def _rank(member: Member) -> tuple[int, Lsn, bool, int, tuple[int, ...]]:
    # of equals the first by name: its letters count downwards
    name = tuple(-ord(letter) for letter in member.name)
    return (_timeline(member), position_of(member) or Lsn(0), _free(member), member.declared.priority, name)


def _why(ranked: list[Member]) -> str:
    first = ranked[0]
    if len(ranked) == 1:
        return f"is the only standby that can be promoted, at {position_of(first)} on timeline {_timeline(first)}"
    second = ranked[1]
    at = f"at {position_of(first)} on timeline {_timeline(first)}"
    if _timeline(first) != _timeline(second):
        return f"{at}, the newest timeline"
    if position_of(first) != position_of(second):
        return f"{at}, further than any other"
    if _free(first) != _free(second):
        return f"{at}, and nothing holds its replay back"
    if first.declared.priority != second.declared.priority:
        return f"{at}, and has the highest priority of those that are as far"
    return f"{at}, as far as others of its priority, and the first by name"


def _compared(member: Member, winner: Member) -> str:
    if _timeline(member) < _timeline(winner):
        return f"is on timeline {_timeline(member)}, {winner.name} is on {_timeline(winner)}"
    mine, theirs = position_of(member), position_of(winner)
    if mine is not None and theirs is not None and mine != theirs:
        if mine < theirs:
            return f"at {mine}, {theirs - mine} bytes behind {winner.name}"
        return f"at {mine}; {winner.name} fetches what it lacks first"
    if _free(winner) and not _free(member):
        return f"as far as {winner.name}, but its replay is held back or delayed"
    if member.declared.priority < winner.declared.priority:
        return f"as far as {winner.name}, with a lower priority ({member.declared.priority})"
    return f"as far as {winner.name}, which comes first"
