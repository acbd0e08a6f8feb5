# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot guard in tests: its program as a module, and its files as the role puts them on a host."""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.boot_guard_config import guard_config
from support.clones import ADDRESS, PASSWORD, USER, slot_of
from support.clusters import declared
from support.servers import Server

PROGRAM = Path(__file__).resolve().parents[2] / "roles" / "postgres" / "files" / "boot_guard.py"


@functools.cache
def boot_guard() -> ModuleType:
    """The guard's program, which stands alone and belongs to no package."""
    spec = importlib.util.spec_from_file_location("boot_guard", PROGRAM)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{PROGRAM} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["boot_guard"] = module
    spec.loader.exec_module(module)
    return module


def install_guard(
    server: Server, peers: Mapping[str, int], policy: str, *, password: str = PASSWORD, **changes: Any
) -> list[str]:
    """Put the guard beside a server, with the ports of its peers; return its command."""
    numbers = {server.name: server.port, **peers}
    nodes = [
        replace(declared("db-1"), name=name, address=ADDRESS, port=port, slot=f"hotstandby_{name}")
        for name, port in numbers.items()
    ]
    passfile = server.directory / "passfile"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    passfile.write_text(
        "".join(f"{ADDRESS}:{port}:*:{USER}:{escaped}\n" for port in numbers.values()), encoding="utf-8"
    )
    passfile.chmod(0o600)
    server.account_entry.own(passfile)
    config = guard_config(nodes, server.name, guard_options(server, passfile))
    directory = server.directory / "guard"
    directory.mkdir(exist_ok=True)
    shutil.copy(PROGRAM, directory)
    # a peer on a busy machine is not a silent one; and who is down stays down
    patient = {**config, "connect_timeout": 10, "server_seconds": 0, "boot_seconds": 0, **changes}
    (directory / "boot_guard.json").write_text(json.dumps(patient), encoding="utf-8")
    server.account_entry.own(directory / "boot_guard.json")
    return [str(directory / "boot_guard.py"), str(directory / "boot_guard.json"), policy, server.account_entry.name]


def guard_options(server: Server, passfile: Path) -> dict[str, Any]:
    """What the role tells of the instance."""
    return {
        "version": server.version,
        "data_directory": str(server.data_directory),
        "bin_directory": str(server.bin_directory),
        "user": USER,
        "passfile": str(passfile),
        "restore_command": "",
    }


def following(server: Server, upstream: Server) -> dict[str, Any]:
    """Parameters with which module recovery_config says the same as the guard."""
    return {
        "data_directory": server.data_directory,
        "version": server.version,
        "primary_host": ADDRESS,
        "primary_port": upstream.port,
        "user": USER,
        "passfile": server.directory / "passfile",
        "application_name": server.name,
        "slot": slot_of(server),
        "port": server.port,
        "socket_directory": server.socket_directory,
    }
