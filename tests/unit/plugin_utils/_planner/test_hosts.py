# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts take part in which play."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.filter.planned_hosts import EVERY_NODE, planned_hosts
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.failover import (
    FailoverOptions,
    plan_failover,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.goals import plan_for
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.hosts import CHECKED, failing_over
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import Member
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import cluster, declared, primary, standby, stopped, virgin

ROOT = Path(__file__).resolve().parents[4]
EVERYBODY = ["db-1", "db-2", "db-3"]
OUTCOME = {"look_again": EVERYBODY, "judge": EVERYBODY}
SWITCHOVER = {"to": "db-2", "maximum_lag": 1024, "maximum_archive_backlog": 16}
FAILOVER = {"dead": "", "to": "", "maximum_loss": 1024, "salvage": True}
HEALTHY = cluster(primary("db-2", "db-3"), standby("db-1"), standby("db-1"))
CRASHED = stopped("0/5000000", signal=False, state="in production")
FROM_DB_2 = Topology.of(
    tuple(
        Member(declared(name, clone_from="" if name == "db-1" else "db-2"), node)
        for name, node in zip(EVERYBODY, (primary("db-2"), standby("db-1"), virgin()))
    )
)
LOST = cluster(CRASHED, *2 * (standby("db-1", streaming=False),))
DETACHED = cluster(stopped("0/5000000", signal=True, state="in production"), *2 * (standby(None, streaming=False),))


def hosts(goal: str, topology: Topology, options: dict[str, Any], *, check_mode: bool = False) -> dict[str, list[str]]:
    """By purpose; plays without a host are left out."""
    plan = plan_for(goal, topology, options, check_mode=check_mode)
    assert plan["refusals"] == []
    return {purpose: names for purpose, names in plan["hosts"].items() if names}


CASES: dict[str, tuple[str, Topology, dict[str, Any], dict[str, list[str]]]] = {
    "site": (
        "site",
        HEALTHY,
        {},
        {
            "converge_primary": ["db-1"],
            "converge_standbys": EVERYBODY,
            "configure_primary": ["db-1"],
            "prepare": ["db-2", "db-3"],
            "serve": ["db-2", "db-3"],
            "follow": ["db-2", "db-3"],
            "be_primary": ["db-1"],
            "verify": EVERYBODY,
            "look_again": EVERYBODY,
            "judge": EVERYBODY,
        },
    ),
    "site, a standby is cloned from another one that is changed": (
        "site",
        FROM_DB_2,
        {},
        {
            "converge_primary": ["db-1"],
            "before_standbys": EVERYBODY,
            "admit": ["db-2"],
            "converge_standbys": EVERYBODY,
            "prepare": ["db-2", "db-3"],
            "follow": ["db-2", "db-3"],
            "serve": ["db-2", "db-3"],
            "be_primary": ["db-1"],
            "configure_primary": ["db-1"],
            "verify": EVERYBODY,
            "after_verify": EVERYBODY,
            "clean_up": ["db-3"],
            **OUTCOME,
        },
    ),
    "repoint, one is left": (
        "repoint",
        cluster(stopped("0/5000000"), primary("db-3", timeline=2), standby("db-2", 2)),
        {"primary": "db-2", "old_primary": "db-1"},
        {
            "converge_primary": ["db-2"],
            "configure_primary": ["db-2"],
            "converge_standbys": ["db-2", "db-3"],
            "prepare": ["db-3"],
            "serve": ["db-3"],
            "follow": ["db-3"],
            "be_primary": ["db-2"],
            "verify": ["db-2", "db-3"],
            "look_again": EVERYBODY,
            "judge": EVERYBODY,
            "promoted_cluster": EVERYBODY,
        },
    ),
    "switchover": (
        "switchover",
        HEALTHY,
        SWITCHOVER,
        {
            "promoted_cluster": EVERYBODY,
            "switchover_try_connection": ["db-1", "db-3"],
            "switchover_try_settings": ["db-2"],
            "switchover_old_primary": ["db-1"],
            "switchover_hand_over": ["db-2", "db-1"],
        },
    ),
    "switchover that is done": (
        "switchover",
        HEALTHY,
        {**SWITCHOVER, "to": "db-1"},
        {"switchover_done": EVERYBODY, **OUTCOME},
    ),
    "switchover that was cut off": (
        "switchover",
        cluster(standby("db-2", 2, streaming=False), primary("db-3", timeline=2), standby("db-2", 2)),
        SWITCHOVER,
        {"promoted_cluster": EVERYBODY},
    ),
    "failover": (
        "failover",
        LOST,
        FAILOVER,
        {
            "promoted_cluster": EVERYBODY,
            "failover_fence": ["db-1"],
            "failover_detach": ["db-2", "db-3"],
            "failover_compare": EVERYBODY,
        },
    ),
    "failover by a command": (
        "failover",
        cluster(None, *2 * (standby("db-1", streaming=False),)),
        {**FAILOVER, "fence_commands": ["db-1"]},
        {
            "promoted_cluster": EVERYBODY,
            "failover_fence_command": EVERYBODY,
            "failover_detach": ["db-2", "db-3"],
            "failover_compare": EVERYBODY,
        },
    ),
    "failover from a host that is said to be dead": (
        "failover",
        cluster(None, *2 * (standby("db-1", streaming=False),)),
        {**FAILOVER, "dead": "db-1"},
        {
            "promoted_cluster": EVERYBODY,
            "failover_detach": ["db-2", "db-3"],
            "failover_compare": EVERYBODY,
        },
    ),
    "failover, second decision": (
        "failover",
        DETACHED,
        {**FAILOVER, "previous": {"old_primary": "db-1", "primary_end": None, "seen": None}},
        {"promoted_cluster": EVERYBODY, "failover_promote": ["db-2"]},
    ),
    "failover that was done": (
        "failover",
        cluster(CRASHED, primary(timeline=2), standby("db-1", streaming=False)),
        FAILOVER,
        {"promoted_cluster": EVERYBODY},
    ),
    "restart": (
        "restart",
        HEALTHY,
        {"everything": True, "by_switchover": False},
        {"restart_before": ["db-2", "db-3"], "restart_primary": ["db-1"], "restart_verify": EVERYBODY, **OUTCOME},
    ),
    "restart by a switchover": (
        "restart",
        HEALTHY,
        {"everything": True, "by_switchover": True},
        {"restart_before": ["db-2", "db-3"], **OUTCOME},
    ),
    "restart of nobody": ("restart", HEALTHY, {"everything": False, "by_switchover": False}, OUTCOME),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_who_takes_part(case: tuple[str, Topology, dict[str, Any], dict[str, list[str]]]) -> None:
    goal, topology, options, expected = case
    assert hosts(goal, topology, options) == expected
    checked = {purpose: names for purpose, names in expected.items() if purpose in CHECKED}
    assert hosts(goal, topology, options, check_mode=True) == checked


def test_who_fetches_and_who_gives() -> None:
    dead = stopped("0/6000000", signal=True, state="in production")
    behind = standby(None, streaming=False, position="0/5000000")
    outcome = plan_failover(
        cluster(dead, behind, behind), FailoverOptions(dead=(), detached=True, old_primary="db-1", maximum_loss=0)
    )
    assert outcome.plan.refusals == ()
    found = failing_over(outcome, LOST, detached=True)
    assert (found["failover_salvage_from"], found["failover_catch_up"]) == (["db-1"], [])
    preferred = FailoverOptions(detached=True, old_primary="db-1", to="db-3", salvage=False, maximum_loss=2**30)
    ahead = standby(None, streaming=False, position="0/5800000")
    found = failing_over(plan_failover(cluster(dead, ahead, behind), preferred), LOST, detached=True)
    assert (found["failover_catch_up"], found["failover_promote"]) == (["db-3"], ["db-3"])
    assert found["failover_salvage_from"] == []


def test_a_refused_plan_has_no_hosts() -> None:
    plan = plan_for("switchover", HEALTHY, {**SWITCHOVER, "to": "db-9"})
    assert plan["refusals"]
    assert plan["hosts"] == {}


def test_the_playbooks_know_the_planners_purposes_and_no_others() -> None:
    files = sorted((ROOT / "playbooks").rglob("*.yml"))
    used = {
        purpose
        for path in files
        for found in re.findall(r"planned_hosts\(groups, '(\w+)'\)|postgres_plan[.]hosts[.](\w+)", path.read_text())
        for purpose in found
        if purpose
    }
    outcome = plan_failover(LOST, FailoverOptions())
    of_failover = {**failing_over(outcome, LOST, detached=False), **failing_over(outcome, LOST, detached=True)}
    planned = {purpose for goal, topology, options, _expected in CASES.values() for purpose in
               plan_for(goal, topology, options)["hosts"]}  # fmt: skip
    assert used == {EVERY_NODE} | planned | of_failover.keys()


def test_the_last_plan_counts() -> None:
    """A host that was lost keeps the plan of the time before."""
    groups = {"master": ["db-1"], "hot_standby": ["db-2", "db-3"], "all": ["db-1", "db-2", "db-3", "other"]}
    before = {"number": 9, "hosts": {"converge": ["db-1"], "failover_fence": ["db-1"]}}
    last = {"number": 10, "hosts": {"converge": ["db-2", "db-3"]}}
    hostvars = {"db-1": {"postgres_plan": before}, "db-2": {"postgres_plan": last}, "db-3": {}}
    assert planned_hosts(hostvars, groups, "converge") == "db-2,db-3"
    assert planned_hosts(hostvars, groups, "failover_fence") == "postgres_nobody"
    assert planned_hosts({}, groups, "converge") == "postgres_nobody"
    assert planned_hosts({}, {}, "converge") == "postgres_nobody"


@pytest.mark.parametrize("written", [{"token": "abc"}, {"failed": True}, None])
def test_nobody_is_given_back_twice(written: dict[str, Any] | None) -> None:
    """The proof ends the run on each node; where the primary could not be written to, there was none."""
    groups = {"master": ["db-1"], "hot_standby": ["db-2"]}
    plan = {"number": 1, "primary": "db-1", "hosts": {"release": ["db-1", "db-2"]}}
    hostvars: dict[str, dict[str, Any]] = {"db-1": {"postgres_plan": plan}, "db-2": {"postgres_plan": plan}}
    if written is not None:
        hostvars["db-1"]["__postgres_written"] = written
    proved = written is not None and "token" in written
    assert planned_hosts(hostvars, groups, "release") == ("postgres_nobody" if proved else "db-1,db-2")
