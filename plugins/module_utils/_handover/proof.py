# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an armed standby may promote itself, and when it may not. Pure.

The proof of a clean stop is a CHECKPOINT_SHUTDOWN that ends the WAL which this very stream delivered. Two others look
like it and prove nothing: one from before the arming, and the one with which a primary ends its recovery from a crash,
alive. Hence a record counts only when it starts at or after the baseline, and a stream that comes back gets a new
baseline: what the primary told after it was back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_records import SHUTDOWN, Record
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.stream import Stream

# pg_controldata's labels of the settings that a standby needs as high as its primary has them
_REQUIRED = {
    "max_connections": "max_connections setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_wal_senders": "max_wal_senders setting",
}


@dataclass(frozen=True)
class Watch:
    """What an armed standby waits for.

    receiver: the walreceiver whose end would count; None when it was lost without a proof.
    baseline: where a shutdown checkpoint has to start at the earliest; None until a new stream has proved itself.
    shutdown: the proof. why: what is missing to promote.
    """

    receiver: int | None
    baseline: Lsn | None
    timeline: int
    noticed: float = 0.0
    shutdown: Record | None = None
    why: str = "the walreceiver still streams"


def arm(seen: Stream, timeline: int) -> Watch | None:
    """Begin to watch a stream; None when there is none."""
    end = _end(seen)
    if not seen.streaming or end is None:
        return None
    return Watch(seen.receiver, end, seen.timeline or timeline)


def after_look(watch: Watch, seen: Stream) -> Watch:
    """The watch after another look at the stream."""
    if not seen.streaming:
        if watch.receiver is not None and watch.baseline is None:
            return replace(watch, receiver=None, why="the walreceiver came back and was lost again")
        return watch
    if seen.receiver != watch.receiver or watch.shutdown is not None:
        why = "the walreceiver came back: the primary lives"
        return Watch(seen.receiver, None, seen.timeline or watch.timeline, seen.now, None, why)
    if watch.baseline is None and seen.heard is not None and seen.heard > watch.noticed:
        # a primary that has recovered from a crash tells an end behind its end-of-recovery checkpoint
        return Watch(seen.receiver, _end(seen), seen.timeline or watch.timeline)
    return watch


def wants_proof(watch: Watch, seen: Stream) -> bool:
    """Whether the watched stream has ended, so that the last record has to be read."""
    watched = watch.receiver is not None and watch.baseline is not None and watch.shutdown is None
    return watched and not seen.streaming


def after_end(watch: Watch, seen: Stream, last: Record | None) -> Watch:
    """The watch after the watched stream has ended with this record. Without a proof it is lost for good."""
    missing = _missing_proof(watch, seen, last)
    if missing is None:
        return replace(watch, shutdown=last, why="not everything received is replayed")
    return replace(watch, receiver=None, why=f"the walreceiver has ended, but {missing}")


def after_answer(watch: Watch) -> Watch:
    """The watch after the primary answered in spite of the proof: a crash that it recovered from looks like a stop
    when two looks are so far apart that a whole stream came and went between them."""
    why = f"{watch.shutdown} is the end of the WAL, but the primary answers: it lives"
    return replace(watch, receiver=None, shutdown=None, why=why)


def may_promote(watch: Watch, seen: Stream, replay_to: Lsn | None) -> bool:
    """Whether the proof is there and all of it is replayed."""
    if watch.shutdown is None or seen.streaming or not seen.in_recovery:
        return False
    target = max(watch.shutdown.end, replay_to or Lsn(0))
    return seen.replayed is not None and seen.replayed >= target


def _missing_proof(watch: Watch, seen: Stream, last: Record | None) -> str | None:
    if last is None:
        return "the last record of the WAL cannot be read"
    if last.kind != SHUTDOWN:
        return f"the last record is {last}, not a shutdown checkpoint"
    if watch.baseline is None or last.start < watch.baseline:
        return f"the last record is the old {last}, from before the arming at {watch.baseline}"
    if last.end != seen.received:
        return f"the last whole record, {last}, does not end where the WAL ends ({seen.received})"
    return None


def _end(seen: Stream) -> Lsn | None:
    """The end of what was received or is known to be under way."""
    return max((lsn for lsn in (seen.received, seen.told) if lsn is not None), default=None)


def shortfall(control: Mapping[str, str], settings: Mapping[str, str]) -> tuple[str, ...]:
    """The settings that are lower here than the primary had them: replay cannot go on with them.

    control: pg_controldata's lines. settings: this server's own.
    """
    found = []
    for name, value in settings.items():
        needed = control.get(_REQUIRED[name], "")
        if needed.isdigit() and int(needed) > int(value):
            found.append(f"{name} {value}, needed {needed}")
    return tuple(found)


def switch_of(history: TimelineHistory | None) -> tuple[int, Lsn] | None:
    """The timeline that was left last, and where; None for the first timeline."""
    return history.switches[-1] if history is not None and history.switches else None


def unproved(before: int, now: int, history: TimelineHistory | None) -> str | None:
    """What speaks against a promotion from the timeline before to the one now; None when it is proved."""
    if now <= before:
        return f"it left recovery on timeline {now}, which is not newer than {before}"
    switch = switch_of(history)
    if switch is None:
        return f"timeline {now} has no history file that tells where it began"
    if switch[0] != before:
        return f"the history of timeline {now} says that it began on timeline {switch[0]}, not {before}"
    return None
