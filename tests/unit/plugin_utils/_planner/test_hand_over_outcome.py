# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a hand-over, for every combination of what can be known of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.filter.hand_over_outcome import (
    hand_over_outcome as outcome_filter,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.hand_over_outcome import (
    HandOver,
    Outcome,
    hand_over_outcome,
)

SAID: dict[str, dict[str, Any]] = {
    "promoted": {"promoted": True, "reason": "promoted: it has the shutdown checkpoint"},
    "gave up": {"promoted": False, "reason": "not promoted, the time is up"},
    "refused": {"failed": True, "error_name": "not_streaming", "msg": "It does not stream."},
    "told": {"failed": True, "error_name": "promotion_pending", "msg": "It hangs.", "promotion_requested": True},
    "died": {"failed": True, "msg": "MODULE FAILURE", "rc": -9},
    "lost": {"unreachable": True, "msg": "Connection reset"},
    "nothing": {},
    "overtaken": {"failed": True, "error_name": "overtaken", "msg": "This run was overtaken."},
}
WATCHED: dict[str, dict[str, Any] | None] = {
    "not yet": None,
    "promoted": {"promoted": True, "answered": True},
    "in recovery": {"promoted": False, "answered": True},
    "silent": {"promoted": False, "answered": False},
}
# By what the candidate said: the outcome after the stop was ordered, by what was seen of it.
STOPPED = {
    "promoted": dict.fromkeys(WATCHED, "handed_over"),
    "gave up": {"not yet": "roll_back", "promoted": "handed_over", "in recovery": "roll_back", "silent": "roll_back"},
    "refused": {"not yet": "watch", "promoted": "handed_over", "in recovery": "roll_back", "silent": "roll_back"},
    "told": {
        "not yet": "watch", "promoted": "handed_over", "in recovery": "promotion_pending",
        "silent": "promotion_pending",
    },
    "died": {
        "not yet": "watch", "promoted": "handed_over", "in recovery": "promotion_pending",
        "silent": "promotion_pending",
    },
    "lost": {
        "not yet": "watch", "promoted": "handed_over", "in recovery": "promotion_pending", "silent": "roll_back",
    },
    "nothing": {
        "not yet": "watch", "promoted": "handed_over", "in recovery": "promotion_pending", "silent": "roll_back",
    },
    "overtaken": dict.fromkeys(WATCHED, "overtaken"),
}  # fmt: skip


def decide(said: str, watched: str = "not yet", *, stop_ordered: bool = True, **more: Any) -> Outcome:
    known = {"stop_error": "", "stop_message": "", "timeout": 60, **more}
    return hand_over_outcome(
        HandOver("db-1", "db-2", SAID[said], WATCHED[watched], stop_ordered=stop_ordered, **known)
    )


@pytest.mark.parametrize(("said", "watched"), [*itertools.product(SAID, WATCHED)])
def test_after_the_stop_was_ordered(said: str, watched: str) -> None:
    assert decide(said, watched).name == STOPPED[said][watched]


@pytest.mark.parametrize(("said", "watched"), [*itertools.product(SAID, WATCHED)])
def test_before_the_stop_was_ordered(said: str, watched: str) -> None:
    wanted = {"promoted": "handed_over", "overtaken": "overtaken", "told": STOPPED["told"][watched]}
    assert decide(said, watched, stop_ordered=False).name == wanted.get(said, "not_stopped")


@pytest.mark.parametrize(("said", "watched", "ordered"), [*itertools.product(SAID, WATCHED, (True, False))])
def test_the_old_primary_never_starts_beside_one_that_was_told_or_may_have_been(
    said: str, watched: str, ordered: bool
) -> None:
    if decide(said, watched, stop_ordered=ordered).name == "roll_back":
        assert said in ("gave up", "refused", "lost", "nothing")
        assert watched != "promoted"
        assert ordered


@pytest.mark.parametrize(("said", "watched", "ordered"), [*itertools.product(SAID, WATCHED, (True, False))])
def test_each_outcome_but_a_good_one_says_why(said: str, watched: str, ordered: bool) -> None:
    outcome = decide(said, watched, stop_ordered=ordered)
    assert bool(outcome.message) == (outcome.name not in ("handed_over", "watch"))
    assert (outcome.watch_seconds > 0) == (outcome.name == "watch")


@pytest.mark.parametrize("said", SAID)
def test_a_stop_that_was_overtaken_leaves_all_to_the_other_run(said: str) -> None:
    outcome = decide(said, stop_error="overtaken", stop_message="This run was overtaken by failover.yml.")
    assert outcome.name == "overtaken"
    assert "[overtaken] db-1: " in outcome.message


def test_one_that_has_failed_is_watched_briefly_and_a_silent_one_until_its_time_is_up() -> None:
    assert decide("refused").watch_seconds == 5
    assert [decide(said).watch_seconds for said in ("told", "died", "lost", "nothing")] == [60] * 4


def test_the_words() -> None:
    assert decide("refused", stop_ordered=False).message == (
        "[nothing_changed] db-1 was not stopped: It does not stream."
        " Put that right on db-2 and run switchover.yml again."
    )
    assert "but not within 60 s" in decide("lost", stop_ordered=False).message
    pending = decide("died", "in recovery", stop_message="it did not stop in time.").message
    assert pending.startswith("[promotion_pending] db-2: MODULE FAILURE; it did not stop in time. db-1 stays stopped,")
    assert decide("nothing", "silent").message == "db-2 was not promoted: it did not answer any more"


def test_the_filter_takes_what_ansible_has() -> None:
    names: dict[str, Any] = {"primary": "db-1", "candidate": "db-2", "timeout": "20", "stop_ordered": True}
    assert outcome_filter(SAID["lost"], **names, watched=None)["watch_seconds"] == 20
    skipped = {"changed": False, "skipped": True}
    assert outcome_filter(SAID["lost"], **names, watched=skipped)["name"] == "watch"
    assert outcome_filter({}, **names, watched=WATCHED["silent"])["name"] == "roll_back"
