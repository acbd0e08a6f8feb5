# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When an armed standby may promote itself, and what else the promotion decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.proof import (
    Watch,
    after_answer,
    after_end,
    after_look,
    arm,
    may_promote,
    shortfall,
    switch_of,
    unproved,
    wants_proof,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_records import SHUTDOWN, Record
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.stream import Stream

COMMIT = (
    "rmgr: Transaction len (rec/tot):     34/    34, tx:        733, lsn: 0/030001C0, prev 0/03000180,"
    " desc: COMMIT 2026-01-01 10:00:00.000000 UTC"
)
BASELINE = Lsn(0x3000100)
STOP = Record(SHUTDOWN, Lsn(0x30001E8), Lsn(0x3000260))


def stream(**more: Any) -> Stream:
    """A standby that streams and has replayed all that it has."""
    seen = Stream(
        in_recovery=True,
        now=100.0,
        received=BASELINE,
        replayed=BASELINE,
        receiver=11,
        streaming=True,
        timeline=1,
        told=BASELINE,
        heard=99.0,
    )
    return replace(seen, **more)


def ended(**more: Any) -> Stream:
    """The same after the stop."""
    return stream(
        **{"received": STOP.end, "replayed": STOP.end, "receiver": None, "streaming": False, "timeline": None, **more}
    )


def armed() -> Watch:
    watch = arm(stream(), 1)
    assert watch is not None
    return watch


def test_who_does_not_stream_is_not_armed() -> None:
    assert arm(stream(streaming=False), 1) is None
    assert arm(stream(received=None, told=None), 1) is None


def test_the_baseline_is_what_is_known_to_be_under_way() -> None:
    watch = arm(stream(told=STOP.start), 1)
    assert watch is not None
    assert watch.baseline == STOP.start


def test_a_clean_stop_is_proved() -> None:
    watch = after_look(armed(), ended())
    assert wants_proof(watch, ended())
    proved = after_end(watch, ended(), STOP)
    assert proved.shutdown == STOP
    assert may_promote(proved, ended(), None)
    assert not wants_proof(proved, ended())


@pytest.mark.parametrize(
    ("seen", "replay_to"),
    [
        (ended(replayed=STOP.start), None),
        (ended(replayed=None), None),
        (ended(), STOP.end + 8),
        (ended(in_recovery=False), None),
        (stream(received=STOP.end, replayed=STOP.end), None),
    ],
)
def test_the_proof_alone_is_not_enough(seen: Stream, replay_to: Lsn | None) -> None:
    assert not may_promote(after_end(armed(), ended(), STOP), seen, replay_to)


@pytest.mark.parametrize(
    ("last", "seen", "why"),
    [
        (None, ended(), "cannot be read"),
        (Record(("Transaction", "COMMIT"), STOP.start, STOP.end), ended(), "the last record is COMMIT at 0/30001E8"),
        (Record(("XLOG", "CHECKPOINT_ONLINE"), STOP.start, STOP.end), ended(), "CHECKPOINT_ONLINE"),
        (replace(STOP, start=BASELINE - 8), ended(), "from before the arming"),
        (STOP, ended(received=STOP.end + 8), "does not end where the WAL ends"),
    ],
)
def test_anything_else_is_no_proof(last: Record | None, seen: Stream, why: str) -> None:
    """And what comes after it is none either, as long as nobody streams."""
    lost = after_end(armed(), seen, last)
    assert why in lost.why
    assert lost.shutdown is None
    assert not may_promote(lost, seen, None)
    assert not wants_proof(after_look(lost, ended()), ended())


def test_a_stream_that_comes_back_needs_a_new_baseline() -> None:
    """A primary that recovers from a crash writes a shutdown checkpoint too, and lives."""
    back = stream(receiver=12, received=BASELINE, now=105.0, heard=99.0)
    watch = after_look(armed(), back)
    assert watch.baseline is None
    assert "lives" in watch.why
    # its end-of-recovery checkpoint has come, and the connection breaks: no proof
    assert not wants_proof(after_look(watch, ended()), ended())
    lost = after_look(watch, ended())
    assert lost.receiver is None
    # it is heard of: what it told is the baseline, also what is still under way
    told = after_look(watch, replace(back, heard=105.5, told=STOP.end))
    assert told.baseline == STOP.end
    assert after_end(told, ended(), STOP).shutdown is None
    later = Record(SHUTDOWN, STOP.end, STOP.end + 120)
    assert after_end(told, ended(received=later.end), later).shutdown == later


def test_the_baseline_is_set_once_by_the_first_message_after_the_stream_came_back() -> None:
    watch = after_look(armed(), stream(receiver=12, now=105.0, heard=None))
    for heard in (None, 104.9, 105.0):
        assert after_look(watch, stream(receiver=12, now=106.0, heard=heard)).baseline is None, heard
    told = after_look(watch, stream(receiver=12, now=106.0, heard=105.1))
    assert told.baseline == BASELINE
    assert after_look(told, stream(receiver=12, now=107.0, heard=106.9, told=STOP.end)) == told
    assert after_look(armed(), stream(heard=None)) == armed()


def test_the_timeline_is_that_of_the_stream_or_the_last_one_known() -> None:
    watch = arm(stream(timeline=None), 7)
    assert watch is not None
    assert watch.timeline == 7
    assert after_look(watch, stream(receiver=12, timeline=None)).timeline == 7
    back = after_look(watch, stream(receiver=12, timeline=8, now=105.0))
    assert back.timeline == 8
    assert after_look(back, stream(receiver=12, timeline=None, heard=105.5)).timeline == 8


def test_after_a_restart_what_was_replayed_is_there_though_it_was_not_received_anew() -> None:
    assert stream(received=BASELINE, replayed=STOP.end).position == STOP.end
    assert stream(received=None, replayed=STOP.end).position == STOP.end


def test_a_primary_that_answers_takes_the_proof_away_until_it_streams_anew() -> None:
    lives = after_answer(after_end(armed(), ended(), STOP))
    assert "CHECKPOINT_SHUTDOWN at 0/30001E8 is the end of the WAL, but the primary answers" in lives.why
    assert not may_promote(lives, ended(), None)
    assert not wants_proof(after_look(lives, ended()), ended())
    assert after_look(lives, stream(receiver=12)) == Watch(12, None, 1, 100.0, None, ANY)


def test_a_primary_that_is_back_takes_the_proof_away() -> None:
    proved = after_end(armed(), ended(), STOP)
    for receiver in (11, 12):
        assert after_look(proved, stream(receiver=receiver)).shutdown is None


def test_settings_that_are_too_low() -> None:
    control = {"max_connections setting": "200", "max_prepared_xacts setting": "0", "max_wal_senders setting": "10"}
    settings = {"max_connections": "100", "max_prepared_transactions": "5", "max_wal_senders": "10"}
    assert shortfall(control, settings) == ("max_connections 100, needed 200",)


def test_what_proves_a_promotion() -> None:
    left = Lsn(0x3000260)
    history = TimelineHistory(2, ((1, left),))
    assert switch_of(history) == (1, left)
    assert switch_of(TimelineHistory.root()) is None
    assert unproved(1, 2, history) is None
    assert "not newer" in str(unproved(2, 2, history))
    assert "no history file" in str(unproved(1, 2, None))
    assert "began on timeline 1, not 2" in str(unproved(2, 3, TimelineHistory(3, ((1, left),))))
