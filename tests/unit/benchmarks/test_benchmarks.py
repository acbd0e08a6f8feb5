# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmarks compute: the order of events, the time without a row, tables."""

from __future__ import annotations

import pytest
from figures import Figure, cells, markdown, table
from timeline import (
    CLIENT,
    CONTROLLER,
    MILESTONES,
    Event,
    between,
    gap,
    medians,
    milestones,
    of_log,
    of_output,
    rows,
    spans,
    steps,
)

OLD_LOG = """\
2026-11-27 05:00:10.250 UTC [12] LOG:  received fast shutdown request
2026-11-27 05:00:10.260 UTC [12] LOG:  aborting any active transactions
2026-11-27 05:00:10.500 UTC [14] LOG:  checkpoint starting: shutdown immediate
2026-11-27 05:00:10.700 UTC [14] LOG:  checkpoint complete: wrote 3 buffers (0.0%); 0 WAL file(s) added
2026-11-27 05:00:11.000 UTC [12] LOG:  database system is shut down
"""
NEW_LOG = """\
2026-11-27 04:00:00.000 UTC [12] LOG:  database system is ready to accept read-only connections
2026-11-27 05:00:11.250 UTC [13] LOG:  received promote request
2026-11-27 05:00:11.300 UTC [13] LOG:  redo done at 0/5000028 system usage: CPU: user: 0.00 s
2026-11-27 05:00:11.500 UTC [13] LOG:  selected new timeline ID: 2
2026-11-27 05:00:11.750 UTC [12] LOG:  database system is ready to accept connections
2026-11-27 05:00:11.800 UTC [99] ERROR:  relation "received promote request" does not exist
and a line of a statement
"""
BEGUN = 1795755610.0  # 2026-11-27 05:00:10 UTC


def all_events() -> list[Event]:
    client = Event(BEGUN + 2, CLIENT, "first row")
    own = [Event(BEGUN, CONTROLLER, "begins"), client, Event(BEGUN + 3, CONTROLLER, "ends")]
    return between([*of_log("db-2", NEW_LOG), *of_log("db-1", OLD_LOG), *own], BEGUN, BEGUN + 3)


def test_events_of_all_hosts_come_in_their_order() -> None:
    assert [(event.where, event.what) for event in all_events()] == [
        ("controller", "begins"),
        ("db-1", "received fast shutdown request"),
        ("db-1", "checkpoint starting: shutdown immediate"),
        ("db-1", "checkpoint complete"),
        ("db-1", "database system is shut down"),
        ("db-2", "received promote request"),
        ("db-2", "redo done at 0/5000028"),
        ("db-2", "selected new timeline ID: 2"),
        ("db-2", "database system is ready to accept connections"),
        ("client", "first row"),
        ("controller", "ends"),
    ]
    assert rows(all_events(), BEGUN)[1] == ["+0.25", "db-1", "received fast shutdown request"]


def test_milestones_are_read_from_the_right_host() -> None:
    reached = milestones(all_events(), "db-1", "db-2")
    assert {title: round(at - BEGUN, 2) for title, at in reached.items()} == {
        "command begins": 0,
        "told to stop": 0.25,
        "shut down": 1,
        "promote request": 1.25,
        "new timeline": 1.5,
        "accepts connections": 1.75,
        "first row": 2,
        "command ends": 3,
    }
    assert milestones([Event(1, "db-1", "killed")], "db-1", "db-2") == {"told to stop": 1, "shut down": 1}


def test_a_step_is_a_median_and_empty_when_never_seen() -> None:
    found = steps("x", [{"first row": 1}, {"first row": 3}])
    row = dict(zip(["", *(one.title for one in MILESTONES)], found, strict=True))
    assert (row[""], row["first row"], row["shut down"]) == ("x", "+2.0", "-")


def test_plays_and_long_tasks_have_the_time_of_their_line() -> None:
    lines = [(1.0, "PLAY [Promote] ****"), (2.0, "TASK [hotstandby.postgresql.a : b] ***"), (3.0, "ok: [db-1]")]
    lines += [(4.0, "TASK [short] ***"), (4.5, "PLAY [Empty] ***"), (4.75, "TASK [last] ***"), (6.0, "PLAY RECAP ****")]
    assert of_output(lines) == [
        Event(1, CONTROLLER, "play: Promote"),
        Event(2, CONTROLLER, "task: a : b"),
        Event(4.5, CONTROLLER, "play: Empty"),
        Event(4.75, CONTROLLER, "task: last"),
    ]


def test_a_span_ends_with_the_next_heading() -> None:
    lines = [(1.0, "PLAY [Look] ***"), (1.5, "TASK [a] ***"), (1.75, "ok: [db-1]"), (3.5, "TASK [b] ***")]
    lines += [(4.0, "TASK [a] ***"), (4.5, "PLAY RECAP ***")]
    taken = {"start of ansible-playbook": 1.0, "Look": 0.5, "a": 2.5, "b": 0.5, "recap": 0.5}
    assert spans(lines, 0.0, 5.0) == taken
    assert medians([taken, {**taken, "a": 4.5}, {"a": 1.0}], 0.75) == [
        ("a", 2.5),
        ("start of ansible-playbook", 1.0),
        ("3 others below 0.75 s each", 1.5),
    ]


@pytest.mark.parametrize(
    ("since", "expected"),
    [(0, (1.0, 5.0)), (4.5, (1.0, 5.0)), (5.05, (5.1, 7.0))],
)
def test_the_longest_gap_is_one_that_ends_later(since: float, expected: tuple[float, float]) -> None:
    assert gap([0.9, 1.0, 5.0, 5.1, 7.0, 7.1], since) == expected


def test_a_gap_that_has_not_ended_is_none() -> None:
    with pytest.raises(ValueError, match="no row was acknowledged"):
        gap([1.0, 2.0], 3.0)


def test_cells_have_median_spread_count_and_ratio() -> None:
    base = Figure("base", [2.0, 1.0, 9.0])
    assert cells(Figure("x", [4.0, 2.0, 3.0]), base) == ["x", "3.0", "2.0 to 4.0", "3", "1.50"]
    assert cells(Figure("x", [0.25]), digits=2) == ["x", "0.25", "0.25 to 0.25", "1"]
    assert cells(base) == ["base", "2.0", "1.0 to 9.0", "3"]
    assert cells(Figure("never"), base) == ["never", "-", "-", "0", "-"]


def test_a_table_is_markdown() -> None:
    assert markdown(("a", "b"), [["1", "role : 2 | 3"]]) == "| a | b |\n| --- | --- |\n| 1 | role : 2 - 3 |"
    figure = Figure("x", [2.0], [1.0], "3/4")
    assert table([figure], figure).splitlines()[-1] == "| x | 2.0 | 2.0 to 2.0 | 1 | 1.00 | 1.0 | 3/4 |"


def test_a_table_has_the_clients_columns_when_there_was_one() -> None:
    base = Figure("base", [1.0], [1.0], "3/4")
    moved = Figure("moved", [2.0], [1.0], "5/6", first=[1.5, 1.0, 2.0], unwritable=[0.25])
    lines = table([base, moved], base).splitlines()
    assert lines[2] == "| base | 1.0 | 1.0 to 1.0 | 1 | 1.00 | 1.0 | 3/4 | - | - | - |"
    assert lines[3].endswith("| 5/6 | 1.50 (1.00 to 2.00) | 1.50 | 0.25 (0.25 to 0.25) |")
