# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for the tests of whole playbooks, and the order of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts.fixtures import cluster, controller, fleet, hosts, newcomer, virgins

__all__ = ["cluster", "controller", "fleet", "hosts", "newcomer", "virgins"]
# They take minutes each. Two files run at a time, so what is begun last should be short.
LONGEST = ("test_molecule", "test_failover", "test_switchover", "test_bad_input", "test_rejoin", "test_restart")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the system tests with the longest files; whatever stands before them stays there."""

    def place(item: pytest.Item) -> int:
        if item.path.parent != Path(__file__).parent:
            return -1
        return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)

    items.sort(key=place)
