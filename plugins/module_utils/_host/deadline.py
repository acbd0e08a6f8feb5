# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: programs that may not take longer than a while, and the programs that they have started."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .commands import Commands, Outcome
from .processes import end_family


class Deadline:
    """A time limit that begins now. seconds: 0 for none."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        return round(time.monotonic() - self._began, 3)

    @property
    def left(self) -> int:
        """Whole seconds that are left, at least 1; 0 for no limit."""
        return max(1, int(self.seconds - self.elapsed)) if self.seconds else 0

    def attempt(
        self,
        commands: Commands,
        program: str,
        *arguments: str,
        started: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Outcome:
        """Like Commands.attempt, ended with all that it has started when the time is over.

        started: is called with its pid.
        Raises HotStandbyError "timed_out" and "missing_program".
        """
        over = threading.Event()
        timers: list[threading.Timer] = []

        def end(pid: int) -> None:
            over.set()
            end_family(pid)

        def start_timer(process: Any) -> None:
            if started is not None:
                started(process.pid)
            if self.seconds:
                timers.append(threading.Timer(self.left, end, (process.pid,)))
                timers[0].start()

        try:
            outcome = commands.attempt(
                program,
                *arguments,
                expand_user_and_vars=False,
                before_communicate_callback=start_timer,
                **options,
            )
        finally:
            for timer in timers:
                timer.cancel()
        if over.is_set() and outcome.code != 0:
            raise HotStandbyError(
                "timed_out",
                f"{program} did not end within the {self.seconds} s that this may take",
                "See what it waits for, or give it more time (timeout 0 for no limit)",
            )
        return outcome
