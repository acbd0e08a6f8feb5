# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for tests of whole playbooks on hosts: containers reached over ssh. If there are none, tests fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import writer
from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.faults import boot
from support.hosts.host import Host

# A second run beside the first one, by hand: HOTSTANDBY_FLEET=mine:71 (a name, and its first address)
# One fleet for each of pytest's workers, which are gw0, gw1 and so on.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FLEET, FIRST_ADDRESS = os.environ.get("HOTSTANDBY_FLEET", f"system-{WORKER}:{31 + 10 * WORKER}").split(":")
NAMES = ("db-1", "db-2", "db-3", "db-4")


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Four hosts, booted once for all tests: db-1 to db-4. A test that does not put them back asks for `hosts`."""
    hosts = Fleet(FLEET, {name: f"198.51.100.{int(FIRST_ADDRESS) + i}" for i, name in enumerate(NAMES)})
    try:
        hosts.create()
        yield hosts
    finally:
        hosts.destroy()


@pytest.fixture
def hosts(fleet: Fleet) -> Fleet:
    """The hosts as the test before has left them, switched on."""
    for host in fleet.hosts.values():
        if not host.running:
            boot(host)
    return fleet


@pytest.fixture
def virgins(fleet: Fleet) -> Fleet:
    """The hosts, with nothing on them that a test before has left."""
    fleet.recreate()
    return fleet


@pytest.fixture
def controller(fleet: Fleet, tmp_path: Path) -> Controller:
    """The user, with an inventory of db-1 as master and db-2, db-3 as hot standbys; db-4 is not in it."""
    user = Controller(fleet, tmp_path, variables=writer.VARIABLES, keep_archives=True)
    user.inventory(master=["db-1"], hot_standby=["db-2", "db-3"])
    return user


@pytest.fixture
def cluster(fleet: Fleet, controller: Controller) -> Fleet:
    """A cluster of three with a client's role, database and table, which archives its WAL; see support/writer.py.

    It is as site.yml makes it: built once, then put back from images, in seconds.
    """
    writer.cluster(fleet, controller)
    return fleet


@pytest.fixture
def newcomer(fleet: Fleet) -> Iterator[Host]:
    """db-4 with nothing on it; switched off afterwards, so that what becomes of it disturbs nobody."""
    fleet.recreate("db-4")
    yield fleet["db-4"]
    if fleet["db-4"].running:
        fleet["db-4"].kill()
