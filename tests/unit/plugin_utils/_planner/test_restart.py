# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is restarted, in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.restart import plan_restart
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import cluster, primary, standby, stopped


def waits(upstream: str | None, name: str, now: str, then: str) -> Node:
    changes: dict[str, Any] = {
        "restart_pending": (name,),
        "pending_values": {name: then},
        "parameters": {"max_connections": "100", name: now},
    }
    if upstream is None:
        return primary("db-2", "db-3", **changes)
    return standby(upstream, **changes)


def three(name: str, now: str, then: str) -> tuple[Node, Node, Node]:
    return waits(None, name, now, then), waits("db-1", name, now, then), waits("db-1", name, now, then)


@pytest.mark.parametrize(
    ("name", "now", "then", "before", "after"),
    [
        ("max_connections", "100", "200", ("db-2", "db-3"), ()),
        ("max_connections", "200", "100", (), ("db-2", "db-3")),
        ("max_connections", "90", "100", ("db-2", "db-3"), ()),
        ("shared_buffers", "128MB", "64MB", ("db-2", "db-3"), ()),
    ],
)
def test_the_order(name: str, now: str, then: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    outcome = plan_restart(cluster(*three(name, now, then)))
    assert (outcome.before, outcome.primary, outcome.after) == (before, True, after)
    first = "db-2" if before else "db-1"
    told = {node.name: node.steps[0].reason for node in outcome.plan.nodes}
    assert told[first].startswith("1 of 3")
    assert f"{name} becomes {then}" in told[first]


def test_only_what_waits_is_restarted() -> None:
    outcome = plan_restart(
        cluster(primary("db-2", "db-3"), standby("db-1"), waits("db-1", "shared_buffers", "16384", "32768"))
    )
    assert (outcome.before, outcome.primary, outcome.after) == (("db-3",), False, ())


def test_a_primary_is_not_handed_to_itself() -> None:
    nodes = (primary("db-2"), standby("db-1"))

    def plan(**options: Any) -> Any:
        return plan_restart(cluster(*nodes), everything=True, **options)

    (refusal,) = plan(by_switchover=True, switchover_to="db-1").plan.refusals
    assert refusal.name == "handed_to_itself"
    assert plan(by_switchover=True, switchover_to="db-2").hands_over
    assert not plan(by_switchover=False, switchover_to="db-1").hands_over
    assert not plan_restart(cluster(*nodes), by_switchover=True, switchover_to="db-1").plan.refusals


def test_everything_on_request() -> None:
    nodes = (primary("db-2"), standby("db-1"))
    assert plan_restart(cluster(*nodes)).before == ()
    outcome = plan_restart(cluster(*nodes), everything=True)
    assert (outcome.before, outcome.primary) == (("db-2",), True)


@pytest.mark.parametrize(
    ("nodes", "by_switchover", "expected"),
    [
        ((primary(), primary(timeline=2)), False, "two_primaries"),
        ((stopped("0/5000000", signal=False), standby("db-1")), False, "no_primary"),
        ((primary("db-2"), standby("db-1"), stopped()), False, "not_healthy"),
        ((primary("db-2"), standby("db-1"), None), False, "not_healthy"),
        (three("max_connections", "200", "100"), True, "lowered_by_switchover"),
        (
            (
                waits(None, "max_connections", "100", "200"),
                waits("db-1", "max_worker_processes", "16", "8"),
                standby("db-1"),
            ),
            False,
            "mixed_directions",
        ),
    ],
)
def test_what_is_refused(nodes: tuple[Node | None, ...], by_switchover: bool, expected: str) -> None:
    outcome = plan_restart(cluster(*nodes), by_switchover=by_switchover)
    assert [refusal.name for refusal in outcome.plan.refusals] == [expected]
    assert (outcome.before, outcome.primary, outcome.after) == ((), False, ())


def cut_off(*standbys: Node) -> Topology:
    """The primary db-1 was stopped in order to be restarted, and nobody has started it."""
    return cluster(stopped("0/6000000", signal=False), *standbys)


def test_a_primary_that_a_run_has_stopped_is_started_by_the_next_one() -> None:
    lowered = waits("db-1", "max_connections", "200", "100")
    outcome = plan_restart(cut_off(standby("db-1", streaming=False), lowered), by_switchover=True)
    assert (outcome.plan.refusals, outcome.before, outcome.primary, outcome.starts) == ((), (), True, True)
    assert outcome.after == ("db-3",)
    (step,) = outcome.plan.nodes[0].steps
    assert (step.kind, step.reason.startswith("1 of 2: its server is stopped")) == ("restart", True)
    assert not plan_restart(cluster(*three("max_connections", "100", "200"))).starts


def test_nobody_is_started_beside_one_that_has_gone_past_it() -> None:
    (refusal,) = plan_restart(cut_off(standby("db-1", position="0/6000100", streaming=False))).plan.refusals
    assert refusal.name == "no_primary"


def test_one_that_is_still_stopping_is_waited_for() -> None:
    stopping = replace(stopped(signal=False), has_postmaster=True, unreadable="cannot be read: it is shutting down")
    (refusal,) = plan_restart(cluster(stopping, standby("db-1"))).plan.refusals
    assert (refusal.name, refusal.host) == ("unreadable", "db-1")
    assert "run this again when it has stopped" in refusal.hint
