# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for tests against real servers on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support import modules
from support.servers import ServerFactory


@pytest.fixture
def servers() -> Iterator[ServerFactory]:
    """Makes servers; all are stopped and removed after the test."""
    factory = ServerFactory()
    try:
        yield factory
    finally:
        factory.close()


@pytest.fixture
def run_module() -> Callable[..., dict[str, Any]]:
    """The function support.modules.run_module."""
    return modules.run_module


@pytest.fixture
def start_module() -> Callable[..., modules.ModuleProcess]:
    """The function support.modules.start_module."""
    return modules.start_module
