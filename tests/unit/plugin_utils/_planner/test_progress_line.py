# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that tells how far a clone or a rewind is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import KINDS, Progress
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.progress_line import duration, line_of

MB = 1024**2
GB = 1024**3

LINES: dict[str, tuple[Progress, Progress | None, str | None]] = {
    "the first": (
        Progress("clone", 850 * MB, 4 * GB, 10.0),
        None,
        "0.8 of 4.0 GB, 20 %, 85.0 MB/s, 38 s left",
    ),
    "the next, faster": (
        Progress("clone", 1850 * MB, 4 * GB, 15.0),
        Progress("clone", 850 * MB, 4 * GB, 10.0),
        "1.8 of 4.0 GB, 45 %, 200.0 MB/s, 18 s left",
    ),
    "nothing new": (Progress("clone", 7, 9, 10.0), Progress("clone", 7, 9, 10.0), None),
    "it stands still": (
        Progress("clone", 850 * MB, 4 * GB, 15.0),
        Progress("clone", 850 * MB, 4 * GB, 10.0),
        "0.8 of 4.0 GB, 20 %, 0 B/s",
    ),
    "nothing copied yet": (Progress("clone", 0, 4 * GB, 10.0), None, "0.0 of 4.0 GB, 0 %, 0 B/s"),
    "of an unknown size": (Progress("clone", 850 * MB, 0, 10.0), None, "850.0 MB, 85.0 MB/s"),
    "larger than it was": (Progress("clone", 5 * GB, 4 * GB, 50.0), None, "5.0 GB, 100 %, 102.4 MB/s"),
    "another thing begins": (
        Progress("verify", 100 * MB, 4 * GB, 5.0),
        Progress("clone", 4 * GB, 4 * GB, 40.0),
        "0.1 of 4.0 GB, 2 %, 20.0 MB/s, 3 min left",
    ),
    "the same thing anew": (
        Progress("clone", 100 * MB, 200 * MB, 5.0),
        Progress("clone", 150 * MB, 200 * MB, 40.0),
        "100.0 of 200.0 MB, 50 %, 20.0 MB/s, 5 s left",
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_what_is_told(case: str) -> None:
    now, before, expected = LINES[case]
    assert line_of("db-3", now, before) == (None if expected is None else f"db-3  {now.kind}  {expected}")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (33.4, "33 s"), (99.4, "99 s"), (100, "2 min"), (5970, "1 h 40 min")]
)
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(
    st.builds(Progress, st.sampled_from(KINDS), st.integers(0, 2**59), st.integers(0, 2**59), st.floats(0.1, 1e8)),
    st.none() | st.builds(Progress, st.just("clone"), st.integers(0, 2**59), st.just(7), st.floats(0.1, 1e8)),
)
def test_it_is_one_short_line_whatever_was_written(now: Progress, before: Progress | None) -> None:
    line = line_of("db-3", now, before)
    assert line is None or re.fullmatch(r"db-3  \w+  [\w .,%/]+", line)
    assert len(line or "") < 120
