# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting by predicate; the only place in the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(predicate: Callable[[], T], what: str, timeout_seconds: float = 60.0) -> T:
    """Call until the answer is true and return it; AssertionError names `what` when time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"waited {timeout_seconds:g} s in vain for: {what} (last answer: {answer!r})"
            )
        time.sleep(0.02)
    return answer
