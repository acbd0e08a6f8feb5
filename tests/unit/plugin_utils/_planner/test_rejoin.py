# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node comes back: the cheapest safe path, and who the primary is when several write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.kept_slots import KeptSlot
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.converge import plan_rejoin, plan_repoint
from support.clusters import THEIRS, cluster, control, lsn, primary, standby, stopped, virgin

# What db-2 looks like beside the primary db-1 (timeline 2, left timeline 1 at 0/5000000, WAL up to 0/8000000).
PATHS: dict[str, tuple[Node, list[str] | str]] = {
    "streams": (standby("db-1", timeline=2, position="0/8000000"), ["none"]),
    "nothing there": (virgin(), ["clone", "start"]),
    "rewind was cut off": (virgin(directory=contents.WRECK, wreck="a rewind was cut off"), ["clone", "start"]),
    "stopped old primary, exactly at the fork": (stopped("0/5000000", signal=False), ["follow", "start"]),
    "stopped old primary, past the fork": (stopped("0/5000008", signal=False), ["rewind", "start"]),
    "killed old primary, past the fork": (
        stopped("0/5000008", signal=False, state="in production"),
        ["rewind", "start"],
    ),
    "stopped standby, past the fork": (stopped("0/5000008"), ["rewind", "start"]),
    "running standby, before the fork": (standby("db-3", position="0/5000000"), ["follow"]),
    "running standby, past the fork": (standby("db-3", position="0/5000008"), ["rewind", "start"]),
    "old primary, writes": (primary(position="0/5000008"), ["fence", "rewind", "start"]),
    "old primary, writes, not past the fork yet": (primary(position="0/5000000"), ["fence", "rewind", "start"]),
    "neither checksums nor hints": (
        stopped("0/5000008", signal=False, control=control(data_checksums=False, wal_log_hints=False)),
        ["clone", "start"],
    ),
    "hints, no checksums": (
        stopped("0/5000008", signal=False, control=control(data_checksums=False)),
        ["rewind", "start"],
    ),
    "same timeline, ahead": (stopped("0/8000008", timeline=2), ["clone", "start"]),
    "was primary on the same timeline": (stopped("0/7000000", timeline=2, signal=False), ["clone", "start"]),
    "end of WAL unknown": (stopped(None), "end_of_wal_unknown"),
    "another cluster": (stopped(identity=THEIRS), "foreign_data"),
    "no room for a clone": (
        stopped("0/8000008", timeline=2, free_bytes=1000),
        "disk_too_small",
    ),
}


def new_primary() -> Node:
    return primary("db-2", timeline=2, position="0/8000000", oldest_wal=lsn("0/2000000"))


@pytest.mark.parametrize("case", PATHS)
def test_which_path_is_taken(case: str) -> None:
    node, expected = PATHS[case]
    plan = plan_rejoin(cluster(new_primary(), node), "db-1" if node.writable else None)
    outcome = [refusal.name for refusal in plan.refusals] or [step.kind for step in plan.nodes[1].steps]
    assert outcome == ([expected] if isinstance(expected, str) else expected)


def test_a_rewind_says_from_where_on_rows_are_gone() -> None:
    plan = plan_rejoin(cluster(new_primary(), stopped("0/5000008", signal=False)))
    assert "from 0/5000000 (timeline 1) on" in plan.nodes[1].steps[0].reason


@pytest.mark.parametrize(("checksums", "kind"), [(True, "rewind"), (False, "clone")])
def test_slots_of_others_that_will_be_gone_are_named(checksums: bool, kind: str) -> None:
    slots = (KeptSlot("cdc", "logical"), KeptSlot("hotstandby_db_2", "physical"), KeptSlot("mine", ""))
    how = control(data_checksums=checksums, wal_log_hints=False)
    step = plan_rejoin(cluster(new_primary(), stopped("0/5000008", control=how, kept_slots=slots))).nodes[1].steps[0]
    assert step.kind == kind
    assert step.reason.endswith("; its replication slots will be gone, too: cdc (logical), mine")


def test_without_leave_to_clone_the_refusal_says_why_it_cannot_be_rewound() -> None:
    node = stopped("0/5000008", signal=False, control=control(data_checksums=False, wal_log_hints=False))
    refusal = plan_rejoin(cluster(new_primary(), node, allow_clone=False)).refusals[0]
    assert refusal.name == "cannot_rewind"
    assert "wal_log_hints" in refusal.message
    assert "hot_standby_allow_clone" in refusal.hint


def test_two_promotions_may_have_made_the_same_number() -> None:
    """Timeline 2 here is not timeline 2 there: it left timeline 1 somewhere else."""
    other = TimelineHistory(2, ((1, lsn("0/4000000")),))
    plan = plan_rejoin(cluster(new_primary(), replace(stopped("0/4500000", timeline=2), history=other)))
    assert [step.kind for step in plan.nodes[1].steps] == ["clone", "start"]


def by_way_of(node: Node, *left: int) -> Node:
    """The node, whose history went through these timelines only."""
    switches = tuple((timeline, lsn(f"0/{timeline + 4}000000")) for timeline in left)
    return replace(node, history=TimelineHistory(node.timeline or 0, switches))


def with_fork(at: str) -> Node:
    """A primary whose timeline 2 left timeline 1 there."""
    return replace(primary(timeline=2), history=TimelineHistory(2, ((1, lsn(at)),)))


@pytest.mark.parametrize(
    ("nodes", "wanted", "expected"),
    [
        ((primary(position="0/5000008"), primary(timeline=2), virgin()), None, "two_primaries"),
        ((primary(position="0/5000008"), primary(timeline=2), virgin()), "db-1", "db-1"),
        ((primary("db-3"), primary(timeline=2), standby("db-1")), None, "two_primaries"),
        ((primary("db-3"), primary(timeline=2), standby("db-1")), "db-2", "db-2"),
        ((primary("db-3"), primary("db-4", timeline=2), standby("db-1"), standby("db-2", 2)), None, "db-2"),
        ((primary(timeline=2), primary(timeline=2), virgin()), None, "two_primaries"),
        # the newer one is followed, and its history did not go through the timeline of the other one
        ((primary("db-3", timeline=2), primary(timeline=2), standby("db-1", 2)), None, "two_primaries"),
        ((by_way_of(primary("db-3", timeline=3), 1), primary(timeline=2), standby("db-1", 3)), None, "two_primaries"),
        ((primary("db-3", timeline=3), with_fork("0/4000000"), standby("db-1", 3)), None, "two_primaries"),
        ((primary("db-3", timeline=3), with_fork("0/5000000"), standby("db-1", 3)), None, "db-1"),
        ((primary("db-3", timeline=3), replace(primary(timeline=2), history=None), standby("db-1", 3)), None, "db-1"),
        ((replace(primary("db-3", timeline=3), history=None), primary(), standby("db-1", 3)), None, "two_primaries"),
        ((standby("db-2"), stopped(), virgin()), None, "no_primary"),
        ((primary("db-2"), standby("db-1"), virgin()), "db-9", "unknown_host"),
        ((primary("db-2"), standby("db-1"), virgin()), "db-2", "not_a_primary"),
    ],
)
def test_who_is_the_primary(nodes: tuple[Node, ...], wanted: str | None, expected: str) -> None:
    plan = plan_rejoin(cluster(*nodes), wanted)
    if expected.startswith("db-"):
        assert plan.primary == expected
    else:
        assert [refusal.name for refusal in plan.refusals] == [expected]


def test_after_a_promotion_only_what_can_simply_follow_is_touched() -> None:
    plan = plan_repoint(
        cluster(
            stopped("0/5000008", signal=False),
            primary(timeline=2, position="0/8000000"),
            standby("db-1", position="0/4000000", streaming=False),
            None,
            virgin(),
        ),
        "db-2",
    )
    assert {node.name: [step.kind for step in node.steps] for node in plan.nodes} == {
        "db-2": ["none"],
        "db-3": ["follow"],
    }
    assert [(left.node, left.expected) for left in plan.left] == [("db-1", False), ("db-4", False), ("db-5", False)]


def test_the_old_primary_of_a_failover_is_not_started() -> None:
    plan = plan_repoint(
        cluster(stopped("0/5000000"), primary(timeline=2), standby("db-1", position="0/4000000")),
        "db-2",
        old_primary="db-1",
    )
    assert [node.name for node in plan.nodes] == ["db-2", "db-3"]
    assert [(left.node, left.expected) for left in plan.left] == [("db-1", True)]


def test_a_promotion_that_did_not_last_is_refused() -> None:
    plan = plan_repoint(cluster(primary(), standby("db-1")), "db-2")
    assert [refusal.name for refusal in plan.refusals] == ["not_promoted"]
