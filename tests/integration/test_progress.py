# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a clone and a rewind are, told by a file while they run."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import Progress
from support.account import test_account as account_of_tests
from support.clones import broken_program, clone_parameters, leftovers, make_source
from support.modules import ModuleProcess
from support.rewinds import diverged, rewind_parameters
from support.servers import Server, ServerFactory
from support.waiting import wait_for

StartModule = Callable[..., ModuleProcess]
MEBIBYTE = 1024 * 1024
# The program itself, but that the work itself takes some seconds longer.
SLOW = """#!/bin/sh
case "$*" in *--dry-run*|*--version*) exec REAL "$@";; esac
sleep 8
exec REAL "$@"
"""


def told(path: Path, process: ModuleProcess) -> Progress:
    """What the file says when it is there."""
    wait_for(lambda: path.is_file() or not process.running, "the file")
    found = Progress.from_text(path.read_text(encoding="utf-8"))
    assert found is not None
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert path.lstat().st_uid == account_of_tests().uid
    return found


def planted(server: Server) -> Path:
    """Where the file shall be, and where somebody has put a link."""
    path = server.directory / "hotstandby.progress"
    path.symlink_to(server.directory / "elsewhere")
    return path


def ended(process: ModuleProcess, server: Server, path: Path) -> None:
    result = process.wait()
    assert not result["failed"], result
    assert leftovers(server.directory) == []
    assert not path.exists()
    assert not (server.directory / "elsewhere").exists()


def test_of_a_clone(servers: ServerFactory, start_module: StartModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    path = planted(server)
    sizes = {"expected_bytes": 48 * MEBIBYTE, "wal_bytes": 16 * MEBIBYTE, "tablespace_bytes": {"/away": 1024}}
    params = clone_parameters(server, source, max_rate="3M", progress=path, **sizes)
    process = start_module("base_backup", params)
    found = told(path, process)
    assert (found.kind, found.total_bytes) == ("clone", 32 * MEBIBYTE + 1024)
    assert found.done_bytes / found.seconds / MEBIBYTE == pytest.approx(3, abs=1.5)
    ended(process, server, path)


def test_of_the_verification_of_a_copy(servers: ServerFactory, start_module: StartModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    path = planted(server)
    with broken_program(server, "pg_verifybackup", SLOW) as programs:
        process = start_module(
            "base_backup", clone_parameters(server, source, bin_directory=programs, progress=path)
        )
        found = told(path, process)
        assert (found.kind, found.total_bytes) == ("verify", 0)
        ended(process, server, path)


def test_of_a_rewind(servers: ServerFactory, start_module: StartModule) -> None:
    old, new = diverged(servers)
    path = planted(old)
    with broken_program(old, "pg_rewind", SLOW) as programs:
        process = start_module("rewind", rewind_parameters(old, new, bin_directory=programs, progress=path))
        found = told(path, process)
        assert found.kind == "rewind"
        assert found.total_bytes >= MEBIBYTE, "what the dry run has found"
        ended(process, old, path)
