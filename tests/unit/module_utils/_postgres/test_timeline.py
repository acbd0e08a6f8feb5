# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Timeline histories."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory

THIRD = "1\t0/3000000\tno recovery target specified\n\n# kept\n2\t0/5000000\tno recovery target specified\n"
A, B = Lsn.parse("0/3000000"), Lsn.parse("0/5000000")


def test_history_file() -> None:
    assert TimelineHistory.parse(3, THIRD) == TimelineHistory(3, ((1, A), (2, B)))
    assert TimelineHistory.parse(1, "") == TimelineHistory.root() == TimelineHistory(1)


@pytest.mark.parametrize(
    ("timeline", "text", "complaint"),
    [
        (2, "1\n", "line 1 .* no timeline and LSN"),
        (2, "one\t0/1\tx\n", "line 1 .* no timeline and LSN"),
        (2, "\n1\tzero\tx\n", "line 2 .* no timeline and LSN"),
        (2, "2\t0/1\tx\n", "line 1 .*: 2 does not lie between 0 and 2"),
        (3, "2\t0/1\tx\n1\t0/2\tx\n", "line 2 .*: 1 does not lie between 2 and 3"),
        (3, "1\t0/2\tx\n2\t0/1\tx\n", "line 2 .* leaves timeline 2 at 0/1, before 0/2"),
    ],
)
def test_broken_history_files_name_their_line(timeline: int, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        TimelineHistory.parse(timeline, text)


def test_switch_points() -> None:
    history = TimelineHistory.parse(3, THIRD)
    assert [history.switch_point(timeline) for timeline in (1, 2, 3)] == [A, B, None]
    assert [history.knows(timeline) for timeline in (0, 1, 2, 3, 4)] == [False, True, True, True, False]
    with pytest.raises(ValueError, match="timeline 4 is not in the history of timeline 3"):
        history.switch_point(4)


@pytest.mark.parametrize(
    ("timeline", "lsn", "contained"),
    [
        (1, A, True),  # the end of the shutdown checkpoint is the switch point: no rewind is needed
        (1, A + 1, False),
        (2, B - 1, True),
        (2, B + 1, False),
        (3, Lsn.parse("FF/0"), True),
        (4, Lsn(0), False),
    ],
)
def test_what_lies_on_a_history(timeline: int, lsn: Lsn, contained: bool) -> None:
    assert TimelineHistory.parse(3, THIRD).contains(timeline, lsn) is contained


@pytest.mark.parametrize(
    ("left", "right", "fork"),
    [
        (TimelineHistory(1), TimelineHistory(1), (1, None)),
        (TimelineHistory(1), TimelineHistory(2, ((1, A),)), (1, A)),
        (TimelineHistory(3, ((1, A), (2, B))), TimelineHistory(2, ((1, A),)), (2, B)),
        # promoted twice from the same timeline, at different places
        (TimelineHistory(2, ((1, A),)), TimelineHistory(3, ((1, B),)), (1, A)),
        # the same number for two timelines that were left at different places
        (TimelineHistory(2, ((1, B),)), TimelineHistory(2, ((1, A),)), (1, A)),
        # promoted twice at the same place
        (TimelineHistory(2, ((1, A),)), TimelineHistory(3, ((1, A),)), (1, A)),
    ],
)
def test_fork_point(left: TimelineHistory, right: TimelineHistory, fork: tuple[int, Lsn | None]) -> None:
    assert left.fork_point(right) == fork
    assert right.fork_point(left) == fork


def test_nothing_shared() -> None:
    with pytest.raises(ValueError, match="timelines 1 and 5 have no common ancestor"):
        TimelineHistory.root(1).fork_point(TimelineHistory.root(5))
