# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is done, each with its name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.filter.cluster_plan import cluster_plan
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, to_plain
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import Member
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.preflight import check
from support.clusters import declared, primary, standby, stopped, virgin

Change = dict[str, Any]

TABLE: dict[str, tuple[Change, Node | None, str]] = {
    "listed twice": ({"groups": ("master", "hot_standby")}, virgin(), "listed_twice"),
    "no password": ({"has_password": False}, virgin(), "empty_password"),
    "other version wanted": ({"version": "16"}, virgin(), "version_mismatch"),
    "version too old": ({"version": "9.4"}, virgin(), "version_unsupported"),
    "programs of another version": ({}, virgin(version="14.9"), "version_mismatch"),
    "data of another version": ({}, stopped(data_major="14"), "version_mismatch"),
    "address of another node": ({"address": "192.0.2.1"}, virgin(), "address_shared"),
    "loopback among others": ({"address": "127.0.0.1"}, virgin(), "address_unmatched"),
    "localhost among others": ({"address": "localhost"}, virgin(), "address_unmatched"),
    "cannot resolve a peer": ({}, virgin(unresolved_addresses=("db-1.example",)), "address_unmatched"),
    "cannot be asked": ({}, stopped(unreadable="refuses us"), "unreadable"),
    "port taken": ({}, virgin(port_taken=True), "port_taken"),
}


@pytest.mark.parametrize("case", TABLE)
def test_one_thing_wrong_with_one_standby(case: str) -> None:
    changes, node, name = TABLE[case]
    members = (Member(declared("db-1"), primary()), Member(declared("db-2", **changes), node))
    refusals = check(members, strays=(), left_out=())
    assert name in [refusal.name for refusal in refusals]
    named = next(refusal for refusal in refusals if refusal.name == name)
    assert "db-2" in str(named)
    assert "\n" not in str(named)


@pytest.mark.parametrize(
    "case", ["programs of another version", "data of another version", "cannot resolve a peer", "port taken"]
)
def test_what_is_wrong_with_one_standby_holds_up_no_failover(case: str) -> None:
    changes, node = TABLE[case][:2]
    members = (Member(declared("db-1"), primary()), Member(declared("db-2", **changes), node))
    assert check(members, strays=(), left_out=(), hosts=False) == []


def test_nothing_wrong() -> None:
    members = (
        Member(declared("db-1"), primary("db-2")),
        Member(declared("db-2"), standby("db-1")),
        Member(declared("db-3", version=""), None),
    )
    assert check(members, strays=(), left_out=()) == []


def test_one_machine_may_hold_several_nodes() -> None:
    members = tuple(Member(declared(f"db-{n}", address="127.0.0.1", port=5430 + n), virgin()) for n in (1, 2, 3))
    assert check(members, strays=(), left_out=()) == []


def test_one_node_alone_may_be_this_machine() -> None:
    assert check((Member(declared("db-1", address="localhost"), virgin()),), strays=(), left_out=()) == []


def test_this_machine_beside_others_needs_an_address_that_they_can_reach() -> None:
    members = (Member(declared("db-1", address="localhost"), virgin()), Member(declared("db-2"), virgin()))
    (refusal,) = check(members, strays=(), left_out=())
    assert str(refusal).startswith("[address_unmatched] db-1: ")
    assert "Set postgres_address" in refusal.hint


def test_hosts_in_no_group_and_hosts_left_out_are_named() -> None:
    members = (Member(declared("db-1"), primary()),)
    refusals = check(members, strays=["db-7"], left_out=["db-8", "db-9"])
    assert {refusal.name: refusal.host for refusal in refusals} == {
        "listed_nowhere": "db-7",
        "left_out": "db-8, db-9",
    }


def test_a_host_out_of_order_does_not_hold_up_a_failover() -> None:
    records = {
        name: {"declared": to_plain(declared(name)), "observed": to_plain(node)}
        for name, node in (
            ("db-1", stopped(signal=False, unreadable="its disk cannot be read")),
            ("db-2", standby("db-1", streaming=False)),
        )
    }
    options = {"maximum_loss": 0, "salvage": True}
    assert cluster_plan(records, "failover", options)["candidate"] == "db-2"
    assert "unreadable" in cluster_plan(records, "rejoin")["refusal_names"]
