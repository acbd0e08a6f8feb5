# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every module of the collection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.servers import ServerFactory

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
ACTIONS = [path.stem for path in (PLUGINS / "action").glob("*.py")]  # run on the controller, not here
NAMES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py") if path.stem not in (*ACTIONS, "__init__"))
# They find their server by the socket alone
ASK_A_SERVER = ("prepare_shutdown", "promote", "wal_receiver")


@pytest.mark.parametrize("name", NAMES)
def test_without_parameters_it_says_what_it_needs(
    name: str, run_module: Callable[..., dict[str, Any]], servers: ServerFactory
) -> None:
    # a socket directory without a socket: whatever serves this machine is left alone
    nowhere = servers.empty("e").socket_directory
    result = run_module(name, {"socket_directory": nowhere} if name in ASK_A_SERVER else {})
    # a traceback instead of a result would have been a ModuleCrashError
    assert result["failed"]
    needs = f"no server runs at {nowhere} port 5432" if name in ASK_A_SERVER else "missing required arguments: "
    assert result["msg"].startswith(needs)
