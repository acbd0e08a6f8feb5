# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What postmaster.pid says, and whether a server runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import (
    Postmaster,
    running_postmaster,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import is_postgres

PID_FILE = """\
4711
/data
1700000000
5433
/run/postgresql
127.0.0.1
  1234567   32768
ready   """


def test_postmaster_pid() -> None:
    found = Postmaster.parse(PID_FILE)
    assert (found.pid, found.data_directory, found.started) == (4711, "/data", 1700000000)
    assert (found.port, found.socket_directory, found.listen_address) == (5433, "/run/postgresql", "127.0.0.1")
    assert found.status == "ready"
    assert found.ready


@pytest.mark.parametrize(
    ("status", "ready"), [("ready", True), ("standby", True), ("starting", False), ("stopping", False), ("", False)]
)
def test_ready(status: str, ready: bool) -> None:
    assert Postmaster.parse(PID_FILE.replace("ready   ", status)).ready == ready


def test_one_that_just_begins_has_five_lines() -> None:
    found = Postmaster.parse("\n".join(PID_FILE.split("\n")[:5]) + "\n")
    assert (found.pid, found.listen_address, found.status) == (4711, "", "")


def test_a_single_user_session_has_a_negative_pid() -> None:
    assert Postmaster.parse(PID_FILE.replace("4711", "-4711")).pid == 4711


@pytest.mark.parametrize("text", ["", "4711\n", "4711\n/data\n17", PID_FILE.replace("4711", "x")])
def test_what_is_not_whole(text: str) -> None:
    with pytest.raises(ValueError, match=r"whole|invalid literal"):
        Postmaster.parse(text)


def test_a_process_that_is_not_postgres_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(PID_FILE.replace("4711", str(os.getpid())))
    assert not is_postgres(os.getpid())
    assert running_postmaster(str(tmp_path)) is None


def test_only_a_process_that_works_there_is_its_server(tmp_path: Path) -> None:
    """Any program called postgres will do: what counts is where it works and that it lives."""
    program = tmp_path / "postgres"
    program.symlink_to("/bin/sleep")
    data, copy = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    copy.mkdir()
    process = subprocess.Popen([str(program), "600"], cwd=data)
    try:
        for directory in (data, copy):
            (directory / "postmaster.pid").write_text(PID_FILE.replace("4711", str(process.pid)))
        found = running_postmaster(str(data))
        assert found
        assert found.pid == process.pid
        assert running_postmaster(str(copy)) is None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, not reaped
        assert not is_postgres(process.pid)
        assert running_postmaster(str(data)) is None
    finally:
        process.kill()
        process.wait()
