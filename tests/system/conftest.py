# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for the tests of whole playbooks: containers reached over ssh. If there are none, tests fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import writer
from support.hosts import Fleet
from support.hosts.controller import Controller
from support.waiting import wait_for
from support.writer import STREAMING

# A second run beside the first one, by hand: HOTSTANDBY_FLEET=mine:71 (a name, and its first address)
# One fleet for each of pytest's workers, which are gw0, gw1 and so on.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FLEET, FIRST_ADDRESS = os.environ.get("HOTSTANDBY_FLEET", f"system-{WORKER}:{31 + 10 * WORKER}").split(":")
NAMES = ("db-1", "db-2", "db-3", "db-4")
# They take minutes each. Two files run at a time, so what is begun last should be short.
LONGEST = (
    *("test_molecule", "test_failover", "test_switchover", "test_bad_input", "test_hostile_account"),
    *("test_rejoin", "test_restart"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the system tests with the longest files; whatever stands before them stays there."""

    def place(item: pytest.Item) -> int:
        if item.path.parent != Path(__file__).parent:
            return -1
        return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)

    items.sort(key=place)


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Four hosts, booted once for all tests: db-1 to db-4. A test takes them as it finds them."""
    hosts = Fleet(FLEET, {name: f"198.51.100.{int(FIRST_ADDRESS) + i}" for i, name in enumerate(NAMES)})
    try:
        hosts.create()
        yield hosts
    finally:
        hosts.destroy()


@pytest.fixture
def virgins(fleet: Fleet) -> Fleet:
    """The hosts, with nothing on them that a test before has left."""
    fleet.recreate()
    return fleet


@pytest.fixture
def controller(fleet: Fleet, tmp_path: Path) -> Controller:
    """The user, with an inventory of db-1 as master and db-2, db-3 as hot standbys; db-4 is not in it."""
    user = Controller(fleet, tmp_path)
    user.inventory(master=["db-1"], hot_standby=["db-2", "db-3"])
    return user


@pytest.fixture
def cluster(fleet: Fleet, controller: Controller) -> Fleet:
    """The hosts as site.yml makes them: built once, then put back from images, in seconds."""
    if not fleet.restore("cluster"):
        fleet.recreate()
        controller.playbook("site", check=True)
        fleet.save("cluster")
    wait_for(lambda: fleet["db-1"].sql(STREAMING) == [["db-2"], ["db-3"]], "both standbys to stream")
    return fleet


@pytest.fixture
def replicated(fleet: Fleet, controller: Controller) -> Fleet:
    """A cluster of three with a client's role, database and table, which archives its WAL; see support/writer.py.

    A test that writes the inventory anew gives it `writer.VARIABLES`.
    """
    writer.cluster(fleet, controller)
    return fleet
