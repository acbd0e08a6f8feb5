# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's table: what is observed of a node, and what is done to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Slot
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.converge import plan_site
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import GIBIBYTE, OURS, THEIRS, cluster, lsn, primary, standby, stopped, virgin, with_slot

LOST = Slot("hotstandby_db_2", "physical", False, None, "lost")

# What db-2 looks like beside the primary db-1 (timeline 2, left timeline 1 at 0/5000000, WAL up to 0/8000000):
# the steps for it, or the name of the refusal.
STANDBY_TABLE: dict[str, tuple[Node, list[str] | str]] = {
    "nothing there": (virgin(), ["clone", "start"]),
    "programs, but no data": (virgin(version="15.18", has_psycopg2=True), ["clone", "start"]),
    "half-made clone": (virgin(directory=contents.WRECK, wreck="a clone was cut off"), ["clone", "start"]),
    "a rewind works there": (virgin(directory=contents.WRECK, busy=_node.REWINDING), "clone_running"),
    "a rewind works there, which looks like a stopped server": (stopped(busy=_node.REWINDING), "clone_running"),
    "a running server, beside which something is tidied": (
        replace(standby("db-1", timeline=2, position="0/8000000"), busy=_node.REWINDING, has_postmaster=True),
        ["none"],
    ),
    "something else in the directory": (virgin(directory=contents.OTHER), "not_a_data_directory"),
    "another cluster, stopped": (stopped(identity=THEIRS), "foreign_data"),
    "another cluster's primary": (primary(identity=THEIRS), "foreign_server"),
    "another cluster's standby": (standby(None, identity=THEIRS), "foreign_server"),
    "streams": (standby("db-1", timeline=2, position="0/8000000"), ["none"]),
    "pointed at us, not streaming, same timeline": (
        standby("db-1", timeline=2, position="0/7000000", streaming=False),
        ["follow"],
    ),
    "pointed elsewhere, before the fork": (standby("db-3", position="0/5000000"), ["follow"]),
    "pointed elsewhere, past the fork": (standby("db-3", position="0/5000008"), "diverged"),
    "pointed outside": (standby(None, timeline=2, position="0/6000000"), ["follow"]),
    "same timeline, ahead of the primary": (
        standby("db-1", timeline=2, position="0/8000008", streaming=False),
        "diverged",
    ),
    "on a timeline that the primary does not know": (
        standby("db-1", timeline=3, position="0/7000000", streaming=False),
        "newer_timeline",
    ),
    "stopped standby, before the fork": (stopped("0/4FFFFF8"), ["follow", "start"]),
    "stopped old primary, exactly at the fork": (stopped("0/5000000", signal=False), ["follow", "start"]),
    "stopped old primary, past the fork": (stopped("0/5000008", signal=False), "diverged"),
    "stopped, same timeline, ahead": (stopped("0/8000008", timeline=2), "diverged"),
    "stopped, end of WAL unknown": (stopped(None), "end_of_wal_unknown"),
    "needs WAL that is gone": (stopped("0/1000000", timeline=1), ["clone", "start"]),
    "needs WAL that is gone, has an archive": (
        stopped("0/1000000", restores_from_archive=True),
        ["follow", "start"],
    ),
    "writes, too": (primary(position="0/5000008"), "two_primaries"),
    "cannot be asked": (stopped(unreadable="a server runs there and refuses us"), "unreadable"),
    "too little disk": (virgin(free_bytes=GIBIBYTE), "disk_too_small"),
}


def new_primary() -> Node:
    return primary("db-2", timeline=2, position="0/8000000", oldest_wal=lsn("0/2000000"))


@pytest.mark.parametrize("case", STANDBY_TABLE)
def test_what_is_done_to_a_standby(case: str) -> None:
    node, expected = STANDBY_TABLE[case]
    plan = plan_site(cluster(new_primary(), node))
    if isinstance(expected, str):
        assert [refusal.name for refusal in plan.refusals] == [expected]
    else:
        assert plan.refusals == ()
        assert plan.primary == "db-1"
        assert [step.kind for step in plan.nodes[1].steps] == expected
        assert all(step.reason for step in plan.nodes[1].steps)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (stopped(identity=THEIRS), ["clone", "start"]),
        (stopped("0/5000008", signal=False), ["clone", "start"]),
        (primary(identity=THEIRS), "foreign_server"),
        (standby("db-3", position="0/5000008"), "diverged"),
        (primary(position="0/5000008"), "two_primaries"),
    ],
)
def test_replacing_data_is_allowed_for_stopped_servers_only(node: Node, expected: list[str] | str) -> None:
    plan = plan_site(cluster(new_primary(), node, replace_data=True))
    outcome = [refusal.name for refusal in plan.refusals] or [step.kind for step in plan.nodes[1].steps]
    assert outcome == ([expected] if isinstance(expected, str) else expected)


def test_a_lost_slot_means_a_clone() -> None:
    node = stopped("0/4000000")
    plan = plan_site(cluster(with_slot(new_primary(), LOST), node))
    assert [step.kind for step in plan.nodes[1].steps] == ["clone", "start"]
    refused = plan_site(cluster(with_slot(new_primary(), LOST), node, allow_clone=False))
    assert [refusal.name for refusal in refused.refusals] == ["wal_removed"]
    assert "hot_standby_allow_clone" in refused.refusals[0].hint


# Who is primary: observations of db-1 (group master), db-2, db-3; the primary and its step, or a refusal.
PRIMARY_TABLE: dict[str, tuple[tuple[Node | None, ...], tuple[str, str] | str]] = {
    "empty cluster": ((virgin(), virgin(), virgin()), ("db-1", "create")),
    "empty cluster, a standby does not answer": ((virgin(), None, virgin()), "primary_not_seen"),
    "empty cluster, the master's directory is half-made": (
        (virgin(directory=contents.WRECK), virgin(), virgin()),
        "half_made",
    ),
    "empty cluster, the master does not answer": ((None, virgin(), virgin()), "master_unreachable"),
    "as the groups say": ((primary("db-2"), standby("db-1"), virgin()), ("db-1", "none")),
    "db-2 was promoted, db-1 is empty": ((virgin(), primary(timeline=2), virgin()), ("db-2", "none")),
    "db-2 was promoted, db-1 follows": (
        (standby("db-2", timeline=2), primary("db-1", timeline=2), virgin()),
        ("db-2", "none"),
    ),
    "two primaries": ((primary(), primary(timeline=2), virgin()), "two_primaries"),
    "all stopped cleanly": ((stopped(signal=False), stopped(), stopped()), ("db-1", "start")),
    "all stopped, the group is out of date": (
        (stopped(), stopped(signal=False), stopped()),
        ("db-2", "start"),
    ),
    "all stopped, db-2 was promoted after db-1": (
        (stopped("0/5000000", signal=False), stopped(timeline=2, signal=False), stopped()),
        ("db-2", "start"),
    ),
    "all stopped, two could be it": (
        (stopped(signal=False), stopped(signal=False), stopped()),
        "primary_gone",
    ),
    "primary stopped behind a standby": (
        (stopped("0/6000000", signal=False), stopped("0/6000008"), stopped()),
        "primary_gone",
    ),
    "only standbys run": ((virgin(), standby("db-1"), standby("db-1")), "primary_gone"),
    "the primary does not answer": ((None, standby("db-1"), standby("db-1")), "primary_not_seen"),
    "stopped primary, a standby does not answer": (
        (stopped(signal=False), None, stopped()),
        "primary_not_seen",
    ),
}


@pytest.mark.parametrize("case", PRIMARY_TABLE)
def test_who_is_primary(case: str) -> None:
    nodes, expected = PRIMARY_TABLE[case]
    plan = plan_site(cluster(*nodes))
    if isinstance(expected, str):
        assert expected in [refusal.name for refusal in plan.refusals]
    else:
        assert plan.refusals == ()
        assert (plan.primary, plan.nodes[0].steps[0].kind) == expected


def test_two_primaries_are_both_named_with_the_way_out() -> None:
    refusal = plan_site(cluster(primary(), primary(timeline=2))).refusals[0]
    assert "db-1 (timeline 1" in str(refusal)
    assert "db-2 (timeline 2" in str(refusal)
    assert "hot_standby_replace_data" in str(refusal)
    assert "\n" not in str(refusal)


def test_groups_matter_only_for_an_empty_cluster() -> None:
    """Swapping the groups of a healthy cluster moves nothing."""
    healthy = cluster(primary("db-2", "db-3"), standby("db-1"), standby("db-1"))
    swapped = Topology.of(
        tuple(
            replace(
                member,
                declared=replace(
                    member.declared, groups=("hot_standby",) if member.declared.seed_primary else ("master",)
                ),
            )
            for member in healthy.members
        )
    )
    assert plan_site(swapped) == plan_site(healthy)
    assert {step.kind for node in plan_site(swapped).nodes for step in node.steps} == {"none"}


@pytest.mark.parametrize(("masters", "name"), [((), "no_master"), (("db-1", "db-2"), "several_masters")])
def test_an_empty_cluster_needs_exactly_one_master(masters: tuple[str, ...], name: str) -> None:
    topology = cluster(virgin(), virgin(), virgin())
    members = tuple(
        replace(m, declared=replace(m.declared, groups=("master",) if m.name in masters else ("hot_standby",)))
        for m in topology.members
    )
    assert [refusal.name for refusal in plan_site(Topology.of(members)).refusals] == [name]


any_node = st.sampled_from(
    [
        None,
        virgin(),
        primary(),
        primary(timeline=2),
        standby("db-1"),
        standby("db-2", timeline=2),
        stopped(),
        stopped(signal=False),
        stopped("0/5000008", signal=False),
        stopped(timeline=2, signal=False),
        stopped(identity=THEIRS),
        primary(identity=THEIRS),
        virgin(directory=contents.WRECK),
        virgin(directory=contents.OTHER),
    ]
)


@given(st.lists(any_node, min_size=1, max_size=5), st.booleans())
def test_whatever_is_observed_the_plan_is_safe(nodes: list[Node | None], replace_data: bool) -> None:
    topology = cluster(*nodes, replace_data=replace_data)
    plan = plan_site(topology)
    if plan.refusals:
        assert all(refusal.message and refusal.hint for refusal in plan.refusals)
        return
    assert [node.role for node in plan.nodes].count("primary") == 1
    for planned in plan.nodes:
        node = topology.member(planned.name).node
        assert node is not None, "nothing is planned for a host that did not answer"
        if planned.does("clone"):
            assert planned.role == "standby"
            assert not node.writable, "a server that accepts writes is never cloned over"
            assert not node.running
        if planned.does("create"):
            assert node.directory == contents.ABSENT
            assert all(m.node is None or not m.has_data for m in topology.members)
    writable = [m.name for m in topology.members if m.node and m.node.writable and m.node.system_identifier == OURS]
    if writable:
        assert writable == [plan.primary]


def test_the_plan_tells_of_a_clone_that_still_works() -> None:
    """Under a run that has ended, say: nobody reads "there is no data directory" of a node that is being cloned."""
    for node in (virgin(busy=_node.CLONING), virgin(directory=contents.WRECK, wreck="cut off", busy=_node.CLONING)):
        plan = plan_site(cluster(primary(), node))
        (step, _start) = plan.nodes[1].steps
        assert (step.kind, "a clone of an earlier run still works there: it is ended" in step.reason) == ("clone", True)
    assert "still works" not in plan_site(cluster(primary(), virgin())).nodes[1].steps[0].reason
