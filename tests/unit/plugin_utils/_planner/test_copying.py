# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whence a node is cloned: the primary, or the standby that the inventory names for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import (
    UNREADABLE_FILE,
    DataFiles,
    OddFile,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.converge import plan_rejoin, plan_site
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.goals import plan_for
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import Member
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.plan import CLONE, REWIND
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import GIBIBYTE, THEIRS, declared, primary, standby, stopped, virgin

FROM_DB_2 = "it is copied from db-2"


def three(source: Node | None, node: Node, clone_from: str = "db-2", *, of: Node | None = None) -> Topology:
    """db-1 is the primary; db-3 is to be cloned from a node."""
    declarations = (declared("db-1"), declared("db-2"), declared("db-3", clone_from=clone_from))
    return Topology.of(tuple(map(Member, declarations, (of or primary("db-2"), source, node))))


def following(**changes: Any) -> Node:
    return standby("db-1", **changes)


# By what db-2 looks like: the node that db-3 is cloned from, or the words of the refusal.
SOURCES: dict[str, tuple[Node | None, str]] = {
    "streams": (following(), "db-2"),
    "streams, and has a little less": (following(position="0/5FFFFF8"), "db-2"),
    "does not answer": (None, "its host does not answer"),
    "stopped": (stopped(), "its server does not run"),
    "nothing there": (virgin(), "its server does not run"),
    "does not stream": (following(streaming=False), "it does not stream what db-1 writes"),
    "follows somebody else": (standby(None), "it does not stream what db-1 writes"),
    "on another timeline": (following(timeline=2), "it does not stream what db-1 writes"),
    "of another cluster": (following(identity=THEIRS), "it is no standby of this cluster"),
    "replay paused": (following(replay_paused=True), "its replay is paused"),
    "replay delayed": (following(apply_delay_ms=60000), "its replay is delayed"),
    "replay held": (following(held_by=("process 7 of app",)), "held back by process 7 of app"),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_standby_is_cloned_from_what_streams_from_the_primary(case: str) -> None:
    source, expected = SOURCES[case]
    if case == "on another timeline":
        # another refusal comes first where the whole cluster is judged
        topology = three(source, virgin(), of=primary("db-2", timeline=3))
    else:
        topology = three(source, virgin())
    plan = plan_site(topology)
    refused = [refusal for refusal in plan.refusals if refusal.host == "db-3"]
    if expected == "db-2":
        assert plan.refusals == ()
        step = plan.nodes[2].steps[0]
        assert (step.kind, step.source) == (CLONE, expected)
        assert step.reason.endswith(FROM_DB_2)
        assert plan.to_plain()["nodes"]["db-3"]["clone_source"] == "db-2"
    else:
        assert [refusal.name for refusal in refused] == ["clone_source_unfit"]
        assert "hot_standby_clone_from is db-2" in refused[0].message
        assert expected in refused[0].message
        assert "leave it empty" in refused[0].hint


@pytest.mark.parametrize(
    ("name", "refusal"), [("db-3", "clone_source_unfit"), ("db-9", "unknown_host"), ("db-1", None), ("", None)]
)
def test_the_name_is_that_of_another_node(name: str, refusal: str | None) -> None:
    plan = plan_site(three(following(), virgin(), name))
    assert [found.name for found in plan.refusals] == ([refusal] if refusal else [])
    if refusal is None:
        assert plan.nodes[2].steps[0].source == "db-1"
        assert "copied from" not in plan.nodes[2].steps[0].reason


def test_nothing_is_refused_where_nobody_is_cloned() -> None:
    assert plan_site(three(None, following(), "db-9", of=primary("db-3"))).refusals == ()


def test_the_first_standbys_are_cloned_from_a_primary_that_is_only_being_made() -> None:
    plan = plan_site(three(virgin(), virgin(), of=virgin()))
    assert plan.refusals == ()
    assert [node.clone_source for node in plan.nodes] == ["", "db-1", "db-1"]


def test_before_9_6_no_slot_keeps_wal_for_nobody() -> None:
    declarations = [declared(name, version="9.5", clone_from="db-2") for name in ("db-1", "db-2", "db-3")]
    old = [replace(node, version="9.5.25", data_major="9.5") for node in (primary("db-2"), following())]
    plan = plan_site(Topology.of(tuple(map(Member, declarations, (*old, virgin())))))
    assert [refusal.name for refusal in plan.refusals] == ["clone_source_unfit"]
    assert "9.5" in plan.refusals[0].message


def test_size_and_files_are_those_of_the_source() -> None:
    small = virgin(free_bytes=2 * GIBIBYTE)
    assert plan_site(three(following(), small)).refusals == (), "the standby's size is not known yet"
    large = plan_site(three(following(size_bytes=2 * GIBIBYTE), small))
    assert [refusal.name for refusal in large.refusals] == ["disk_too_small"]
    odd = replace(following(), files=DataFiles(odd=(OddFile("key", UNREADABLE_FILE, False),)))
    unreadable = plan_site(three(odd, virgin())).refusals
    assert [(refusal.name, refusal.host) for refusal in unreadable] == [("source_unreadable", "db-2")]
    spared = three(following(), virgin(), of=replace(primary("db-2"), files=odd.files))
    assert plan_site(spared).refusals == ()


def test_who_is_measured() -> None:
    assert plan_for("site", three(following(), virgin()), {})["measure"] == ["db-2"]
    assert plan_for("site", three(following(), virgin(), ""), {})["measure"] == [], "it was measured"
    unmeasured = primary("db-2", size_bytes=None)
    assert plan_for("site", three(following(), virgin(), "", of=unmeasured), {})["measure"] == ["db-1"]
    assert plan_for("site", three(following(), following(), of=primary("db-2", "db-3", size_bytes=None)), {})[
        "measure"
    ] == []


def test_a_rewind_is_tried_whatever_the_source_of_a_clone_is() -> None:
    """Should it turn out to be impossible, the node is cloned from there, or from the primary."""
    new = primary("db-2", timeline=2, position="0/8000000")
    fit = plan_rejoin(three(standby("db-1", 2, "0/8000000"), stopped("0/5000008", signal=False), of=new))
    assert (fit.nodes[2].steps[0].kind, fit.nodes[2].clone_source) == (REWIND, "db-2")
    unfit = plan_rejoin(three(None, stopped("0/5000008", signal=False), of=new))
    assert unfit.refusals == ()
    assert (unfit.nodes[1].steps[0].kind, unfit.nodes[1].clone_source) == (REWIND, "")
    assert unfit.to_plain()["nodes"]["db-3"]["clone_source"] == "db-1"


@pytest.mark.parametrize("addresses", ["localhost", "127.0.0.1, ::1", ""])
def test_a_server_that_nobody_else_reaches_is_not_cloned(addresses: str) -> None:
    """As the one that Debian's package makes: it needs a restart, and nothing is changed before."""
    [refusal] = plan_site(three(virgin(), virgin(), "", of=primary(listen_addresses=addresses))).refusals[:1]
    assert (refusal.name, refusal.host) == ("not_listening", "db-1")
    assert f"listens on {addresses or 'its socket'} only" in refusal.message
    assert "restart" in refusal.hint


@pytest.mark.parametrize("addresses", ["*", "localhost, 192.0.2.1", "0.0.0.0", "db-1.example"])
def test_a_server_that_others_reach_is_cloned(addresses: str) -> None:
    assert plan_site(three(virgin(), virgin(), "", of=primary(listen_addresses=addresses))).refusals == ()


def test_who_is_not_cloned_needs_no_other_address() -> None:
    streams = primary("db-2", "db-3", listen_addresses="localhost")
    assert plan_site(three(following(), following(), "", of=streams)).refusals == ()


def test_a_primary_that_is_started_by_the_run_is_the_source() -> None:
    """All servers are down after a power cut, and db-3 has lost its disk: what spares a primary keeps none down."""
    plan = plan_site(three(stopped(), virgin(), of=stopped(signal=False)))
    assert plan.refusals == ()
    assert [node.clone_source for node in plan.nodes] == ["", "", "db-1"]
