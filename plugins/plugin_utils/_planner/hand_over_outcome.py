# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a hand-over, and whether the old primary may start again. Pure.

The old primary starts again only when nobody was promoted and nobody can be any more: two primaries are worse than
none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Outcomes. WATCH: the candidate has not told enough, so the old primary's host watches its server for some time.
OVERTAKEN, NOT_STOPPED, WATCH, HANDED_OVER, PENDING, ROLL_BACK = (
    "overtaken", "not_stopped", "watch", "handed_over", "promotion_pending", "roll_back",
)  # fmt: skip

# What the candidate's task said.
PROMOTED = "promoted"  # it is the primary
ENDED = "ended"  # it failed or gave up, and its server was not told to become the primary
TOLD = "told"  # it failed after its server was told
DIED = "died"  # the module ended without a result, and nobody knows how far it had come
SILENT = "silent"  # its host was lost

ENDED_SECONDS = 5


@dataclass(frozen=True)
class HandOver:
    """What is known of a hand-over.

    said: the result of module promote on the candidate, empty when there is none. watched: the result of module
    replication_wait that watched its server, None before that. stop_ordered: whether the old primary was told to stop.
    stop_error, stop_message: what went wrong then. timeout: seconds that the candidate waits, armed.
    """

    primary: str
    candidate: str
    said: Mapping[str, Any]
    watched: Mapping[str, Any] | None
    stop_ordered: bool
    stop_error: str
    stop_message: str
    timeout: int


@dataclass(frozen=True)
class Outcome:
    """name: one of the outcomes. watch_seconds: how long to watch. message: what the operator is told."""

    name: str
    watch_seconds: int = 0
    message: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {"name": self.name, "watch_seconds": self.watch_seconds, "message": self.message}


def hand_over_outcome(known: HandOver) -> Outcome:
    """Decide."""
    state = state_of(known.said)
    if "overtaken" in (known.said.get("error_name"), known.stop_error):
        return Outcome(OVERTAKEN, message=f"[overtaken] {known.primary}: {_why(known)}.")
    if state == PROMOTED:
        return Outcome(HANDED_OVER)
    if not known.stop_ordered and state != TOLD:
        return Outcome(NOT_STOPPED, message=_not_stopped(known, state))
    if known.watched is None and known.said.get("promoted") is not False:
        return Outcome(WATCH, ENDED_SECONDS if state == ENDED else known.timeout)
    watched = known.watched or {}
    if watched.get("promoted"):
        return Outcome(HANDED_OVER)
    if state in (TOLD, DIED) or (state == SILENT and watched.get("answered") is not False):
        return Outcome(PENDING, message=_pending(known))
    return Outcome(ROLL_BACK, message=_rolled_back(known))


def state_of(said: Mapping[str, Any]) -> str:
    """What the candidate's task said, in one word."""
    if said.get("promoted"):
        return PROMOTED
    if said.get("promoted") is False:
        return ENDED
    if said.get("error_name"):
        return TOLD if said.get("promotion_requested") else ENDED
    return SILENT if not said or said.get("unreachable") else DIED


def _why(known: HandOver) -> str:
    said = known.said.get("reason") or known.said.get("msg") or "it did not answer any more"
    return "; ".join(str(text).rstrip(".") for text in (said, known.stop_message) if text)


def _not_stopped(known: HandOver, state: str) -> str:
    armed = (
        f", but not within {known.timeout} s: so long it may still wait for the stop of {known.primary}"
        if state in (DIED, SILENT)
        else ""
    )
    return (
        f"[nothing_changed] {known.primary} was not stopped: {_why(known)}."
        f" Put that right on {known.candidate} and run switchover.yml again{armed}."
    )


def _pending(known: HandOver) -> str:
    return (
        f"[promotion_pending] {known.candidate}: {_why(known)}. {known.primary} stays stopped, so that there are not"
        f" two primaries. When {known.candidate} has become the primary, run rejoin.yml. If it does not, stop its"
        f" server; then site.yml starts {known.primary}, with every row."
    )


def _rolled_back(known: HandOver) -> str:
    return f"{known.candidate} was not promoted: {_why(known)}"
