# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a named condition, by a clock that tests can replace."""

from __future__ import annotations

import time
from typing import Callable, Protocol

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

SHORTEST_PAUSE = 0.02
LONGEST_PAUSE = 0.5


class Clock(Protocol):
    """What waiting needs of time, in seconds."""

    def now(self) -> float: ...

    def pause(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


def wait_for(condition: Callable[[], bool], seconds: float, clock: Clock | None = None) -> float | None:
    """Wait until the condition holds; return the seconds that it took, None when the time was up before.

    The condition is asked at growing intervals (0.02 to 0.5 seconds), and once more at the very end.
    """
    clock = clock or SystemClock()
    start = clock.now()
    pause = SHORTEST_PAUSE
    while not condition():
        elapsed = clock.now() - start
        if elapsed >= seconds:
            return None
        clock.pause(min(pause, seconds - elapsed))
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return round(clock.now() - start, 3)


def wait_until(
    condition: Callable[[], bool],
    timeout_seconds: float,
    what: str,
    hint: str = "",
    clock: Clock | None = None,
) -> float:
    """Wait as wait_for does; return the seconds that it took.

    what completes the sentence "timed out after N s waiting until ...".
    Raises HotStandbyError "timed_out".
    """
    waited = wait_for(condition, timeout_seconds, clock)
    if waited is None:
        raise HotStandbyError("timed_out", f"timed out after {timeout_seconds:g} s waiting until {what}", hint)
    return waited
