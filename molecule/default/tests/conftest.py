# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles that the inventory declares: what a cluster that was just built has."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def primary(inventory: dict[str, Any]) -> str:
    """The name of the primary."""
    return str(inventory["master"]["hosts"][0])


@pytest.fixture(scope="session")
def standbys(inventory: dict[str, Any]) -> list[str]:
    """The names of the hot standbys."""
    return sorted(inventory["hot_standby"]["hosts"])
