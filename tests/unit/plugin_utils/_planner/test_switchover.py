# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check that a switchover makes before anything is stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Slot
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.switchover import (
    Switchover,
    SwitchoverOptions,
    plan_switchover,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import cluster, lsn, primary, senders, standby, stopped, virgin, with_slot

MEBIBYTE = 1024 * 1024


def healthy() -> Topology:
    return cluster(primary("db-2", "db-3"), standby("db-1"), standby("db-1"))


def steps(outcome: Switchover) -> dict[str, list[str]]:
    return {node.name: [step.kind for step in node.steps] for node in outcome.plan.nodes}


def test_the_best_standby_takes_over() -> None:
    outcome = plan_switchover(healthy(), SwitchoverOptions())
    assert outcome.candidate == "db-2"
    assert steps(outcome) == {"db-2": ["promote"], "db-1": ["hand_over"], "db-3": ["follow"]}


def test_the_wanted_one_takes_over() -> None:
    assert plan_switchover(healthy(), SwitchoverOptions(to="db-3")).candidate == "db-3"


@pytest.mark.parametrize("names", ["*", "2 (*)", '"db-1"', 'ANY 2 ("db-1", "db-2", "db-3")'])
def test_whose_standbys_will_confirm_its_commits(names: str) -> None:
    topology = cluster(primary("db-2", "db-3"), standby("db-1", synchronous_standby_names=names), standby("db-1"))
    assert plan_switchover(topology, SwitchoverOptions(to="db-2")).plan.refusals == ()


def test_the_primary_already_is_nothing_to_do() -> None:
    outcome = plan_switchover(healthy(), SwitchoverOptions(to="db-1"))
    assert (outcome.candidate, outcome.promoted) == (None, None)
    assert outcome.plan.refusals == ()
    assert steps(outcome) == {"db-1": ["none"]}


def test_a_run_that_was_cut_off_after_the_promotion_goes_on() -> None:
    """The old primary is stopped, the third one still follows it: that is not the end."""
    topology = cluster(stopped(state="shut down"), primary(timeline=2), standby("db-1", streaming=False))
    outcome = plan_switchover(topology, SwitchoverOptions(to="db-2"))
    assert (outcome.candidate, outcome.promoted) == (None, "db-2")
    assert steps(outcome) == {"db-2": ["none"], "db-1": ["follow"], "db-3": ["follow"]}
    unseen = plan_switchover(cluster(None, primary("db-3"), standby("db-2")), SwitchoverOptions(to="db-2"))
    assert unseen.promoted == "db-2", "the new primary may lack its slots and settings"
    assert "db-1 does not answer" in unseen.plan.left[0].text


def lagging(**changes: Any) -> Node:
    return standby("db-1", replayed=lsn("0/5000000"), **changes)


REFUSED: dict[str, tuple[Topology, SwitchoverOptions, str]] = {
    "unknown host": (healthy(), SwitchoverOptions(to="db-9"), "unknown_host"),
    "no primary": (cluster(stopped(signal=False), standby("db-1")), SwitchoverOptions(), "no_primary"),
    "two primaries": (cluster(primary(), primary(timeline=2)), SwitchoverOptions(), "two_primaries"),
    "no standby": (cluster(primary(), virgin()), SwitchoverOptions(), "no_candidate"),
    "no standby that streams": (
        cluster(primary(), standby("db-1", streaming=False)),
        SwitchoverOptions(),
        "no_candidate",
    ),
    "the wanted one is stopped": (
        cluster(primary(), stopped()),
        SwitchoverOptions(to="db-2"),
        "candidate_not_streaming",
    ),
    "the wanted one does not answer": (
        cluster(primary(), None),
        SwitchoverOptions(to="db-2"),
        "candidate_not_streaming",
    ),
    "the wanted one does not stream": (
        cluster(primary(), standby("db-1", streaming=False)),
        SwitchoverOptions(to="db-2"),
        "candidate_not_streaming",
    ),
    "the wanted one may not": (
        cluster(primary("db-2"), standby("db-1"), never_promote=True),
        SwitchoverOptions(to="db-2"),
        "never_promote",
    ),
    "nobody may": (cluster(primary("db-2"), standby("db-1"), never_promote=True), SwitchoverOptions(), "no_candidate"),
    "replay is paused": (
        cluster(primary("db-2"), standby("db-1", replay_paused=True)),
        SwitchoverOptions(),
        "replay_paused",
    ),
    "it lags": (
        cluster(primary("db-2"), lagging()),
        SwitchoverOptions(maximum_lag=16 * MEBIBYTE - 1),
        "candidate_lagging",
    ),
    "the archive lags": (
        cluster(replace(primary("db-2"), archive_ready=17), standby("db-1")),
        SwitchoverOptions(),
        "archive_backlog",
    ),
    "archiving fails": (
        cluster(primary("db-2", archiver_failing="000000010000000000000004"), standby("db-1")),
        SwitchoverOptions(),
        "archiver_failing",
    ),
    "no walsender is free there": (
        cluster(primary("db-2", "db-3"), standby("db-1", max_wal_senders=1), standby("db-1", max_wal_senders=1)),
        SwitchoverOptions(),
        "no_free_walsender",
    ),
    "others use the walsenders there": (
        cluster(primary("db-2"), standby("db-1", max_wal_senders=1, senders=senders("backup"))),
        SwitchoverOptions(),
        "no_free_walsender",
    ),
    "it would come back with less than the new primary has": (
        cluster(
            primary("db-2", pending_values={"max_connections": "100"}),
            standby("db-1", parameters={"max_connections": "150"}),
        ),
        SwitchoverOptions(),
        "parameter_lowered",
    ),
    "its clients would wait for itself": (
        cluster(primary("db-2", "db-3"), standby("db-1", synchronous_standby_names='"db-2"'), standby("db-1")),
        SwitchoverOptions(to="db-2"),
        "commits_would_wait",
    ),
    "its clients would wait for one that does not stream": (
        cluster(
            primary("db-2"),
            standby("db-1", synchronous_standby_names="2 (*)"),
            standby("db-1", streaming=False),
        ),
        SwitchoverOptions(to="db-2"),
        "commits_would_wait",
    ),
    "no slot is free there": (
        cluster(
            primary("db-2"),
            with_slot(standby("db-1", max_replication_slots=1), Slot("theirs", "logical", False, None, None)),
        ),
        SwitchoverOptions(),
        "no_free_slot",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    topology, options, expected = REFUSED[case]
    outcome = plan_switchover(topology, options)
    assert [refusal.name for refusal in outcome.plan.refusals] == [expected]
    assert outcome.candidate is None
    assert outcome.plan.nodes == ()


def test_what_just_fits_is_not_refused() -> None:
    raised = primary("db-2", pending_values={"max_connections": "150"})
    there = lagging(max_wal_senders=1, max_replication_slots=1, parameters={"max_connections": "150"})
    topology = cluster(replace(raised, archive_ready=16), there)
    assert plan_switchover(topology, SwitchoverOptions(maximum_lag=16 * MEBIBYTE)).candidate == "db-2"


def test_the_count_of_the_backlog_is_told() -> None:
    topology = cluster(replace(primary("db-2"), archive_ready=123), standby("db-1"))
    assert "123 WAL files" in str(plan_switchover(topology, SwitchoverOptions()).plan.refusals[0])


def test_a_third_node_that_is_away_is_left_and_named() -> None:
    outcome = plan_switchover(cluster(primary("db-2"), standby("db-1"), None, stopped()), SwitchoverOptions())
    assert outcome.candidate == "db-2"
    assert [left.node for left in outcome.plan.left] == ["db-3", "db-4"]


def test_a_session_that_holds_replay_back_is_named_before_anything_is_stopped() -> None:
    holder = "pid 4711 (user report, active)"
    refusal = plan_switchover(
        cluster(primary("db-2"), standby("db-1", held_by=(holder,))), SwitchoverOptions()
    ).plan.refusals[0]
    assert refusal.name == "candidate_not_replaying"
    assert holder in str(refusal)


def test_a_delayed_standby_is_refused_with_its_delay() -> None:
    refusal = plan_switchover(
        cluster(primary("db-2"), standby("db-1", apply_delay_ms=3600000)), SwitchoverOptions(to="db-2")
    ).plan.refusals[0]
    assert refusal.name == "candidate_delayed"
    assert "3,600 s" in str(refusal)


@pytest.mark.parametrize("changes", [{"held_by": ("pid 4711",)}, {"apply_delay_ms": 60000}, {"replay_paused": True}])
def test_one_whose_replay_is_free_is_preferred(changes: dict[str, Any]) -> None:
    topology = cluster(primary("db-2", "db-3"), standby("db-1", **changes), standby("db-1"))
    assert plan_switchover(topology, SwitchoverOptions()).candidate == "db-3"
