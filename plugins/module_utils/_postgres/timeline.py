# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timelines and where one leaves another. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .lsn import Lsn


@dataclass(frozen=True)
class TimelineHistory:
    """A timeline and its ancestors, as a file such as 00000003.history tells them.

    switches: (ancestor, LSN at which it was left), from the root on.
    """

    timeline: int
    switches: tuple[tuple[int, Lsn], ...] = ()

    @classmethod
    def root(cls, timeline: int = 1) -> TimelineHistory:
        """A timeline without ancestors; it has no history file."""
        return cls(timeline)

    @classmethod
    def parse(cls, timeline: int, text: str) -> TimelineHistory:
        """Read the text of a history file. Raises ValueError that names the line."""
        switches: list[tuple[int, Lsn]] = []
        for number, line in enumerate(text.split("\n"), start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            switches.append(_switch(timeline, number, words, switches))
        return cls(timeline, tuple(switches))

    def switch_point(self, timeline: int) -> Lsn | None:
        """LSN at which an ancestor was left; None for the current timeline.

        Raises ValueError for a timeline that is not part of this history (ask knows first).
        """
        if timeline == self.timeline:
            return None
        for ancestor, left_at in self.switches:
            if ancestor == timeline:
                return left_at
        raise ValueError(f"timeline {timeline} is not in the history of timeline {self.timeline}")

    def knows(self, timeline: int) -> bool:
        """Whether a timeline is the current one or an ancestor."""
        return timeline == self.timeline or any(ancestor == timeline for ancestor, dummy in self.switches)

    def contains(self, timeline: int, lsn: Lsn) -> bool:
        """Whether WAL that ends at this position of that timeline is a part of this history.

        A server whose WAL ends there can follow without a rewind: the *end* of its last record has to lie
        at or before the switch point.
        """
        if not self.knows(timeline):
            return False
        left_at = self.switch_point(timeline)
        return left_at is None or lsn <= left_at

    def fork_point(self, other: TimelineHistory) -> tuple[int, Lsn | None]:
        """The last timeline that both share, and the LSN up to which they share it.

        The LSN is None when both are the same history. Raises ValueError when they share nothing.
        """
        shared: tuple[int, Lsn | None] | None = None
        for (mine, left_at), (theirs, other_left_at) in zip(self._stretches(), other._stretches()):
            if mine != theirs:
                break
            shared = mine, _earlier(left_at, other_left_at)
            if left_at != other_left_at:
                break
        if shared is None:
            raise ValueError(f"timelines {self.timeline} and {other.timeline} have no common ancestor")
        return shared

    def parts_from(self, other: TimelineHistory) -> bool:
        """Whether each of both has a stretch that the other has not: two promotions, be it to the same number."""
        try:
            timeline, left_at = self.fork_point(other)
        except ValueError:
            return True
        return left_at is not None and timeline not in (self.timeline, other.timeline)

    def _stretches(self) -> tuple[tuple[int, Lsn | None], ...]:
        return (*self.switches, (self.timeline, None))


def _earlier(left: Lsn | None, right: Lsn | None) -> Lsn | None:
    """None stands for a timeline that was not left."""
    return min((lsn for lsn in (left, right) if lsn is not None), default=None)


def _switch(timeline: int, number: int, words: list[str], before: list[tuple[int, Lsn]]) -> tuple[int, Lsn]:
    where = f"line {number} of the history of timeline {timeline}"
    try:
        ancestor, left_at = int(words[0]), Lsn.parse(words[1])
    except (ValueError, IndexError):
        raise ValueError(f"{where} has no timeline and LSN: {' '.join(words)!r}") from None
    previous, previous_left_at = before[-1] if before else (0, Lsn(0))
    if not previous < ancestor < timeline:
        raise ValueError(f"{where}: {ancestor} does not lie between {previous} and {timeline}")
    if left_at < previous_left_at:
        raise ValueError(f"{where} leaves timeline {ancestor} at {left_at}, before {previous_left_at}")
    return ancestor, left_at
