# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not as declared becomes steps, and where nothing is done nobody takes part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Slot
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.goals import plan_for
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import cluster, primary, standby, stopped, virgin

PRIMARY_PLACE = "192.0.2.1 5432"
HEALTHY = cluster(primary("db-2"), standby("db-1"))
HIDDEN = {"user": "is compared once the server runs", "slots": "is compared once the server runs"}


def compared(topology: Topology, **changes: dict[str, Any]) -> Topology:
    """With nothing due but what the changes say, by node (db_1)."""
    members = []
    for member in topology.members:
        change = {"due": {}, "follows": PRIMARY_PLACE, **changes.get(member.name.replace("-", "_"), {})}
        members.append(replace(member, **change))
    return Topology.of(tuple(members))


def steps(plan: dict[str, Any], name: str) -> list[tuple[str, str]]:
    node = plan["nodes"][name]
    return list(zip(node["steps"], node["reasons"], strict=True))


def test_where_all_is_as_declared_nobody_is_converged_and_nobody_looks_again() -> None:
    plan = plan_for("site", compared(HEALTHY, db_2={"due": HIDDEN, "follows": PRIMARY_PLACE}), {})
    assert {name: node["parts"] for name, node in plan["nodes"].items()} == {"db-1": [], "db-2": []}
    assert {purpose: names for purpose, names in plan["hosts"].items() if names} == {
        "verify": ["db-1", "db-2"],
        "release": ["db-1", "db-2"],
        "judge": ["db-1", "db-2"],
    }


def test_a_difference_is_a_step_with_its_reason() -> None:
    plan = plan_for("site", compared(HEALTHY, db_2={"due": {"settings": "work_mem 4MB -> 5MB", **HIDDEN}}), {})
    assert steps(plan, "db-2") == [("none", "streams from db-1"), ("settings", "work_mem 4MB -> 5MB")]
    assert plan["nodes"]["db-2"]["parts"] == ["settings"]
    assert plan["hosts"]["prepare"] == ["db-2"]
    assert plan["hosts"]["converge_primary"] == []
    assert plan["hosts"]["look_again"] == ["db-1", "db-2"]
    assert plan["lines"][-1] == "db-2  standby  settings  work_mem 4MB -> 5MB"


def test_a_primarys_user_and_slots_are_steps_of_the_primary() -> None:
    plan = plan_for("site", compared(HEALTHY, db_1={"due": {"user": "the role would be created"}}), {})
    assert steps(plan, "db-1")[1:] == [("user", "the role would be created")]
    assert plan["hosts"]["converge_primary"] == ["db-1"]


@pytest.mark.parametrize("follows", [None, "192.0.2.9 5432"])
def test_a_connection_that_is_not_as_declared_is_a_step(follows: str | None) -> None:
    plan = plan_for("site", compared(HEALTHY, db_2={"follows": follows}), {})
    assert steps(plan, "db-2")[-1] == ("follow", "its connection to db-1 is not as declared")
    assert plan["nodes"]["db-2"]["parts"] == ["connection"]


def test_who_is_pointed_to_another_primary_has_one_step_for_it() -> None:
    elsewhere = cluster(primary("db-2"), standby(None, streaming=False))
    plan = plan_for("site", compared(elsewhere, db_2={"follows": None}), {})
    assert [kind for kind, _reason in steps(plan, "db-2")] == ["follow"]
    assert plan["nodes"]["db-2"]["parts"] == ["connection"]


@pytest.mark.parametrize("due", [None, {}])
def test_on_a_node_that_is_cloned_all_is_due(due: dict[str, str] | None) -> None:
    plan = plan_for("site", compared(cluster(primary(timeline=2), virgin()), db_2={"due": due}), {})
    assert plan["refusals"] == []
    assert plan["nodes"]["db-2"]["parts"] == ["passfile", "settings", "service", "guard", "access", "connection"]
    assert [kind for kind, _reason in steps(plan, "db-2")] == ["clone", "start"]


def test_what_was_not_compared_is_due() -> None:
    plan = plan_for("site", HEALTHY, {})
    assert plan["nodes"]["db-1"]["parts"] == ["passfile", "settings", "service", "guard", "access", "user", "slots"]


def test_a_start_is_one_step() -> None:
    due = {"service": "the server would be started", **HIDDEN}
    plan = plan_for("site", compared(cluster(primary(), stopped("0/5000000")), db_2={"due": due}), {})
    assert [kind for kind, _reason in steps(plan, "db-2")] == ["follow", "start"]
    assert "service" in plan["nodes"]["db-2"]["parts"]


def test_an_instance_whose_creation_was_cut_off_is_completed() -> None:
    unfinished = cluster(primary("db-2"), replace(standby("db-1"), has_instance=False))
    plan = plan_for("site", compared(unfinished), {})
    assert [kind for kind, _reason in steps(plan, "db-2")] == ["none", "instance"]
    assert plan["hosts"]["prepare"] == ["db-2"]


def test_where_one_standby_has_work_all_nodes_take_part() -> None:
    """Ansible ends a run in which all hosts of a play have failed."""
    three = cluster(primary("db-2", "db-3"), standby("db-1"), standby("db-1"))
    plan = plan_for("site", compared(three, db_3={"due": {"settings": "work_mem 4MB -> 5MB"}}), {})
    assert plan["hosts"]["converge_standbys"] == ["db-1", "db-2", "db-3"]
    assert plan["hosts"]["prepare"] == ["db-3"]
    assert plan["hosts"]["converge_primary"] == []


def test_what_is_left_over_on_a_standby_is_removed() -> None:
    slot = Slot("hotstandby_db_1", "physical", active=False, restart=None, wal_status=None)
    for node in (standby("db-1", slots=(slot,)), replace(standby("db-1"), asides=("/data.old",))):
        plan = plan_for("site", compared(cluster(primary("db-2"), node)), {})
        assert plan["hosts"]["clean_up"] == ["db-2"], node
        assert plan["hosts"]["look_again"] == ["db-1", "db-2"]


WORK: dict[str, tuple[dict[str, Any], set[str]]] = {
    "settings": ({"due": {"settings": "work_mem 4MB -> 5MB"}}, {"prepare"}),
    "passfile": ({"due": {"passfile": "another password"}}, {"prepare"}),
    "service": ({"due": {"service": "the unit would be enabled"}}, {"serve"}),
    "guard": ({"due": {"guard": "it would be written"}}, {"serve"}),
    "access": ({"due": {"access": "1 rule added"}}, {"serve"}),
    "connection": ({"follows": None}, {"follow"}),
    "nothing": ({}, set()),
}


@pytest.mark.parametrize("case", WORK.values(), ids=list(WORK))
def test_a_role_is_included_only_where_it_has_something_to_do(case: tuple[dict[str, Any], set[str]]) -> None:
    changes, included = case
    hosts = plan_for("site", compared(HEALTHY, db_2=changes), {})["hosts"]
    assert {name for name in ("prepare", "follow", "serve") if hosts[name]} == included


INCOMPLETE = ({"has_instance": False}, {"has_psycopg2": False}, {"version": None})


@pytest.mark.parametrize("lacks", INCOMPLETE, ids=lambda lacks: next(iter(lacks)))
def test_a_node_without_its_programs_or_its_instance_is_prepared(lacks: dict[str, Any]) -> None:
    node = replace(standby("db-1"), **lacks)
    settings = {"due": {"service": "the unit would be enabled"}}
    assert plan_for("site", compared(cluster(primary("db-2"), node), db_2=settings), {})["hosts"]["prepare"] == ["db-2"]
