# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as people and machines read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hotstandby.postgresql.plugins.filter.cluster_records import cluster_records
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Slot, to_plain
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.slot_name import application_name
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import members_from
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.status import status_of
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import THEIRS, cluster, declared, lsn, primary, senders, standby, stopped, virgin, with_slot


def test_a_healthy_cluster_as_a_tree() -> None:
    status = status_of(
        cluster(
            primary("db-2", "db-3", position="0/6000100"),
            standby("db-1", position="0/6000000", lag_seconds=1.5, upstream_slot="hotstandby_db_2"),
            standby("db-1", position="0/6000200"),
        )
    )
    assert status.healthy
    assert status.primary == "db-1"
    assert status.tree().splitlines() == [
        "db-1  primary  running  timeline 1  at 0/6000100",
        "├─ db-2  standby  streaming  timeline 1  at 0/6000000  lag 256 bytes, 1.5 s  slot hotstandby_db_2",
        "└─ db-3  standby  streaming  timeline 1  at 0/6000200  lag 0 bytes, 0 s",
        "healthy",
    ]


def test_a_cascade_hangs_below_its_upstream() -> None:
    middle = standby("db-1", senders=senders("db-3"))
    lines = status_of(cluster(primary("db-2"), middle, standby("db-2"))).tree().splitlines()
    assert [line.split("db-")[0] for line in lines[:3]] == ["", "└─ ", "   └─ "]


def confirmed_by_db2(names: str) -> Node:
    """A primary with that synchronous_standby_names, from which db-2 streams as a synchronous standby."""
    node = primary(synchronous_standby_names=names)
    assert node.server is not None
    return replace(node, server=replace(node.server, senders=(replace(senders("db-2")[0], sync_state="quorum"),)))


UNHEALTHY: dict[str, tuple[tuple[Node | None, ...], str]] = {
    "no primary": ((stopped(signal=False), standby("db-1", streaming=False)), "no primary is running"),
    "two primaries": ((primary(), primary(timeline=2)), "db-1 and db-2 are both primaries"),
    "unreachable": ((primary(), None), "db-2: does not answer"),
    "stopped": ((primary(), stopped()), "db-2: stopped"),
    "empty": ((primary(), virgin()), "db-2: empty"),
    "being cloned": ((primary(), virgin(busy="clone")), "db-2: being cloned"),
    "being rewound": ((primary(), stopped(busy="rewind")), "db-2: being rewound"),
    "only its own side says that it streams": ((primary(), standby("db-1")), "db-2: does not stream"),
    "the primary knows another one only": ((primary("db-3"), standby("db-1")), "db-2: does not stream"),
    "only the primary says that it streams": (
        (primary("db-2"), standby("db-1", streaming=False)),
        "db-2: does not stream",
    ),
    "diverged": (
        (primary(), standby("db-1", position="0/6000008", streaming=False)),
        "not on the primary's history",
    ),
    "foreign": (
        (primary("db-2"), standby("db-1"), primary(identity=THEIRS)),
        "db-3: belongs to another cluster",
    ),
    "commits wait for a standby that does not stream": (
        (primary("db-2", synchronous_standby_names="db-9"), standby("db-1")),
        "commits wait",
    ),
    "commits wait for a second one": (
        (confirmed_by_db2("ANY 2 (*)"), standby("db-1")),
        "there is db-2; bring such a standby up",
    ),
    "a question failed": (
        (stopped(unreadable="no access", has_postmaster=True), standby("db-1", streaming=False)),
        "no primary was seen, but a server that could not be asked runs on db-1",
    ),
    "cannot be asked": ((primary(), stopped(unreadable="it refuses us")), "db-2: it refuses us"),
}


@pytest.mark.parametrize("case", UNHEALTHY)
def test_what_makes_a_cluster_unhealthy(case: str) -> None:
    nodes, expected = UNHEALTHY[case]
    status = status_of(cluster(*nodes))
    assert not status.healthy
    assert any(expected in problem for problem in status.problems), status.problems
    assert f"PROBLEM: {status.problems[0]}" in status.tree()
    assert "healthy" not in status.tree().splitlines()


def test_a_question_that_failed_is_no_reason_for_a_failover() -> None:
    nodes = (stopped(unreadable="no access", has_postmaster=True), standby("db-1", streaming=False))
    told = status_of(cluster(*nodes)).tree()
    assert "no primary is running" not in told
    assert "failover.yml" not in told


@pytest.mark.parametrize("name", ["db-2." + "x" * 70, "db-2ä"])
def test_a_standby_whose_name_no_server_takes_is_known_by_another(name: str) -> None:
    nodes = (primary(application_name(name)), standby("db-1"))
    members = cluster(*nodes).members
    long = replace(members[1], declared=replace(members[1].declared, name=name))
    status = status_of(Topology.of((members[0], long)))
    assert (status.healthy, status.warnings) == (True, ()), status.tree()


def test_a_synchronous_standby_that_streams_is_well() -> None:
    assert status_of(cluster(confirmed_by_db2("db-2"), standby("db-1"))).healthy


WARNINGS: dict[str, tuple[tuple[Node, ...], str]] = {
    "restart pending": (
        (primary("db-2", restart_pending=("max_connections",)), standby("db-1")),
        "max_connections",
    ),
    "replay paused": ((primary("db-2"), standby("db-1", replay_paused=True)), "db-2: replay is paused"),
    "archiver": (
        (primary("db-2", archiver_failing="00000001000000000000000A"), standby("db-1")),
        "archiving fails",
    ),
    "stranger": (
        (primary("db-2", "db-9"), standby("db-1")),
        "db-9 streams from it and is not in the inventory",
    ),
    "lost slot": (
        (with_slot(primary("db-2"), Slot("x", "physical", False, None, "lost")), standby("db-1")),
        "slot x has lost its WAL",
    ),
    "slot on a standby": (
        (primary("db-2"), with_slot(standby("db-1"), Slot("x", "physical", False, lsn("0/10"), "reserved"))),
        "db-2: slot x is not used",
    ),
    "kept aside": ((primary("db-2"), standby("db-1")), "kept aside: /data.old"),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_what_is_worth_a_warning_but_healthy(case: str) -> None:
    nodes, expected = WARNINGS[case]
    if case == "kept aside":
        nodes = (nodes[0], _with_asides(nodes[1]))
    status = status_of(cluster(*nodes))
    assert status.healthy
    assert any(expected in warning for warning in status.warnings), status.warnings


def _with_asides(node: Node) -> Node:
    return replace(node, asides=("/data.old",))


def test_what_was_seen_of_a_host_before_a_task_failed_on_it_counts_no_more() -> None:
    """Here: of two primaries the old one was fenced, and then something went wrong on its host."""
    nodes = {"db-1": primary(), "db-2": primary("db-3", timeline=2), "db-3": standby("db-2", timeline=2)}
    variables = {
        name: {"postgres_declared": to_plain(declared(name)), "postgres_observed": {"node": to_plain(node)}}
        for name, node in nodes.items()
    }
    before, after = (
        status_of(Topology.of(members_from(cluster_records(nodes, variables, alive))))
        for alive in (None, ["db-2", "db-3"])
    )
    assert "db-1 and db-2 are both primaries" in before.problems[0]
    assert after.problems == ("db-1: this run failed on it, see above",)
    assert after.primary == "db-2"
    assert "db-1  -  failed" in after.tree()
    # the task that failed was to look at it again
    variables["db-1"]["postgres_observed"] = {"failed": True, "msg": "it could not be detached"}
    failed = status_of(Topology.of(members_from(cluster_records(nodes, variables, ["db-2", "db-3"]))))
    assert failed.problems == after.problems
