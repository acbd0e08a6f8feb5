# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a condition is waited for."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import (
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    wait_for,
    wait_until,
)


class FakeClock:
    """Time passes only while somebody pauses."""

    def __init__(self) -> None:
        self.time = 100.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


def test_what_holds_already_takes_no_time() -> None:
    clock = FakeClock()
    assert wait_for(lambda: True, 0, clock) == 0.0
    assert clock.pauses == []


def test_the_seconds_that_it_took_are_returned() -> None:
    clock = FakeClock()
    waited = wait_for(lambda: clock.time >= 103, 10, clock)
    assert waited == round(clock.time - 100, 3)
    assert 3 <= waited <= 3 + LONGEST_PAUSE


def test_the_pauses_grow_and_end_with_the_time() -> None:
    clock = FakeClock()
    assert wait_for(lambda: False, 4, clock) is None
    assert clock.pauses[0] == SHORTEST_PAUSE
    assert clock.pauses[:-1] == sorted(clock.pauses[:-1])
    assert max(clock.pauses) == LONGEST_PAUSE
    assert clock.time == pytest.approx(104)


def test_the_condition_is_asked_once_more_when_the_time_is_up() -> None:
    clock = FakeClock()
    assert wait_for(lambda: clock.time >= 104, 4, clock) == 4.0
    assert wait_for(lambda: clock.time >= 105, 0, clock) is None
    assert clock.time == 104


@pytest.mark.parametrize("name", ["not_running", "timed_out"])
def test_an_error_of_the_condition_is_no_timeout(name: str) -> None:
    def broken() -> bool:
        raise HotStandbyError(name, "the condition's own")

    with pytest.raises(HotStandbyError, match="the condition's own"):
        wait_for(broken, 1, FakeClock())


def test_wait_until_says_for_what_it_waited() -> None:
    clock = FakeClock()
    assert wait_until(lambda: clock.time >= 101, 5, "it is late", clock=clock) >= 1
    with pytest.raises(HotStandbyError) as refused:
        wait_until(lambda: False, 5, "it is late", "Wait longer", clock)
    assert (refused.value.name, str(refused.value)) == (
        "timed_out",
        "timed out after 5 s waiting until it is late. Wait longer.",
    )
