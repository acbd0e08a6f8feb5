# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that somebody put into a data directory: what is observed is what PostgreSQL's programs stumble over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import (
    clone_obstacle,
    rewind_obstacle,
)
from support.clones import clone_parameters, make_source
from support.rewinds import diverged, rewind_parameters
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]


def observed(server: Server, run_module: RunModule, *, files: bool = True) -> Node:
    result = run_module(
        "node_info",
        {
            "files": files,
            "bin_directory": str(server.bin_directory),
            "data_directory": str(server.data_directory),
            "port": server.port,
            "socket_directory": str(server.socket_directory),
        },
    )
    assert not result.get("failed"), result
    return Node.from_plain(result["node"])


def unreadable_file(path: Path) -> None:
    path.write_text("x", encoding="utf-8")
    path.chmod(0)


def unreadable_directory(path: Path) -> None:
    path.mkdir(mode=0)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def put_for(server: Server, put: Callable[[Path], None], path: Path) -> None:
    put(path)
    if not path.is_symlink():
        server.account_entry.own(path)


@pytest.mark.parametrize("put", [os.mkfifo, unreadable_file, unreadable_directory, dangling])
def test_a_clone_fails_at_what_is_observed_and_at_nothing_else(
    servers: ServerFactory, run_module: RunModule, put: Callable[[Path], None]
) -> None:
    source = make_source(servers)
    path = source.data_directory / "odd"
    assert clone_obstacle(observed(source, run_module).files) is None
    assert observed(source, run_module, files=False).files is None
    put_for(source, put, path)
    told = clone_obstacle(observed(source, run_module).files)
    result = run_module("base_backup", clone_parameters(servers.empty("s1"), source))
    assert result["failed"] is (told is not None), result
    assert result["failed"] is (put in (unreadable_file, unreadable_directory)), result
    if told:
        assert "odd" in told


@pytest.mark.parametrize("put", [os.mkfifo, unreadable_file, unreadable_directory, dangling])
def test_what_stops_a_rewind_at_its_source_is_observed(
    servers: ServerFactory, run_module: RunModule, put: Callable[[Path], None]
) -> None:
    """The fifo is not tried: a backend of the source would be stuck in it for good."""
    old, new = diverged(servers)
    sub = new.data_directory / "sub"
    sub.mkdir()
    new.account_entry.own(sub)
    put_for(new, put, sub / "odd")
    told = rewind_obstacle(observed(old, run_module).files, observed(new, run_module).files, "n")
    assert told is None if put is dangling else told and "sub/odd" in told
    if put is not os.mkfifo:
        result = run_module("rewind", rewind_parameters(old, new))
        assert (result.get("path") == "rewound") is (told is None), result
