# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observed nodes: their journey to the controller, and what is derived from them."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Slot, to_plain
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import DataFiles, OddFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.kept_slots import KeptSlot
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting
from support.clusters import OURS, lsn, primary, standby, stopped, virgin, with_slot


@pytest.mark.parametrize(
    "node",
    [
        virgin(),
        with_slot(primary("db-2", "db-3"), Slot("hotstandby_db_2", "physical", True, lsn("0/3000000"), "reserved")),
        standby("db-1", timeline=3),
        stopped(
            "16/B374D848",
            timeline=2,
            kept_slots=(KeptSlot("cdc", "logical"),),
            files=DataFiles(("log",), ("log",), (OddFile("log/x", "fifo", linked=True),)),
        ),
        stopped(None),
        virgin(busy="clone"),
    ],
)
def test_a_node_survives_the_journey(node: Node) -> None:
    assert Node.from_plain(json.loads(json.dumps(to_plain(node)))) == node


def test_a_node_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        virgin().__setattr__("wreck", "no")


@pytest.mark.parametrize(("version", "major"), [("15.18", "15"), ("9.6.24", "9.6"), (None, None)])
def test_major_version(version: str | None, major: str | None) -> None:
    assert virgin(version=version).major == major


def test_a_stopped_node_reaches_as_far_as_its_last_record() -> None:
    assert stopped("0/5000078").end == lsn("0/5000078")
    assert stopped("0/5000078", timeline=2).timeline == 2


def test_who_is_writable_and_who_is_a_standby() -> None:
    assert [node.writable for node in (primary(), standby("db-1"), stopped(), virgin())] == [
        True,
        False,
        False,
        False,
    ]
    assert [node.standby for node in (primary(), standby("db-1"), stopped(), stopped(signal=False))] == [
        False,
        True,
        True,
        False,
    ]


FIRST, THIRD = "192.0.2.1 5432", "192.0.2.3 5432"


def cut(position: str = "0/6000000", timeline: int = 1, **changes: Any) -> Node:
    return replace(standby("db-1", timeline, position, streaming=False), **changes)


def sighting(endpoint: str = THIRD, **changes: Any) -> Sighting:
    base = Sighting(
        endpoint, in_recovery=True, system_identifier=OURS, timeline=1, position=lsn("0/6000000"), trouble=""
    )
    return replace(base, **changes)


def test_a_sighting_travels_with_the_record() -> None:
    node = cut(sightings=(sighting(), sighting(FIRST, in_recovery=None, position=None)))
    assert Node.from_plain(to_plain(node)) == node
