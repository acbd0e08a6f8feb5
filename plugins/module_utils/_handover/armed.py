# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Armed: the candidate waits for its primary's clean stop. Changes nothing; the caller promotes."""

from __future__ import annotations

import os
import select
from dataclasses import dataclass
from typing import Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_records import Record
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import is_served
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import StandbyServer
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.stream import Stream
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import Clock

from .proof import after_answer, after_end, after_look, arm, may_promote, wants_proof

# Every pause is a part of the time in which nobody can write.
PAUSE_SECONDS = 0.004
# How long a host may take to say that no server runs there any more; one in the same network says so at once.
ANSWER_SECONDS = 5
STANDARD_OUTPUT = 1

# application_name of the session in which an armed candidate waits for its primary to stop.
ARMED_SESSION = "hotstandby armed"


@dataclass(frozen=True)
class Verdict:
    """How the waiting ended: with the proof, or with the reason why there is none."""

    shutdown: Record | None
    reason: str


class Controller:
    """Whether the one who asked is still there: who cannot be told of a promotion must not cause it."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._poll = select.poll()
        self._poll.register(STANDARD_OUTPUT, 0)

    def gone(self) -> bool:
        """Whether the parent process has ended or nobody reads our output any more."""
        if os.getppid() != self._parent:
            return True
        return any(event & (select.POLLERR | select.POLLHUP) for dummy, event in self._poll.poll(0))


def wait_for_stop(
    server: StandbyServer,
    timeline: int,
    replay_to: Lsn | None,
    deadline: float,
    clock: Clock,
    gone: Callable[[], bool],
) -> Verdict:
    """Wait for the shutdown checkpoint of the primary, received in full and replayed.

    deadline: by the clock; nothing is proved after it. Raises HotStandbyError "not_streaming", or "not_promoted"
    when somebody else promoted the server.
    """
    segment_size, upstream = server.segment_size(), server.upstream()
    seen = _look(server)
    watch = arm(seen, timeline)
    if watch is None:
        raise not_streaming(seen)
    _read_last(server, watch.timeline, seen, segment_size)  # fails here rather than later
    # whoever stops the primary waits for this sign
    server.session.execute("SELECT pg_catalog.set_config('application_name', %s, false)", (ARMED_SESSION,))
    while True:
        if may_promote(watch, seen, replay_to):
            if not upstream or not is_served(upstream, ANSWER_SECONDS):
                return Verdict(watch.shutdown, f"the primary's {watch.shutdown} is the end of the WAL and replayed")
            watch = after_answer(watch)
        if clock.now() >= deadline:
            return Verdict(None, f"not promoted, the time is up: {watch.why}")
        if gone():
            return Verdict(None, "not promoted: the connection of the controller broke")
        clock.pause(PAUSE_SECONDS)
        seen = _look(server)
        watch = after_look(watch, seen)
        if wants_proof(watch, seen):
            last = _read_last(server, watch.timeline, seen, segment_size)
            watch = after_end(watch, seen, last)


def not_streaming(seen: Stream) -> HotStandbyError:
    """The refusal of a candidate that does not stream."""
    return HotStandbyError(
        "not_streaming",
        f"this standby does not stream from its primary (it has WAL up to {seen.position}); nothing was done",
        "See its server's log, and bring it back with rejoin.yml",
    )


def _look(server: StandbyServer) -> Stream:
    seen = server.look()
    if seen.in_recovery:
        return seen
    raise HotStandbyError(
        "not_promoted",
        "this server has left recovery while its primary's stop was waited for: somebody else has promoted it",
        "Find out who, and with status.yml who is primary now",
    )


def _read_last(server: StandbyServer, timeline: int, seen: Stream, segment_size: int) -> Record | None:
    return None if seen.received is None else server.last_record(timeline, seen.received, segment_size)
