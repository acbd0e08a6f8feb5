# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure parts of module server: what to do, postmaster.pid, sockets that listen, and what a log says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import (
    Postmaster,
    is_postgres,
    running_postmaster,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.control import (
    RELOAD,
    START,
    STOP,
    steps,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.log import LogWatch, relevant_lines
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.port_holder import (
    find_holder,
    listening_inodes,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.services import DEBIAN_UNIT
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.start_conf import (
    set_start_keyword,
    start_keyword,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.systemd import ORDER, SIGNAL, ways_to_stop

PID_FILE = """\
4711
/data
1700000000
5433
/run/postgresql
127.0.0.1
  1234567   32768
ready   """


@pytest.mark.parametrize(
    ("state", "running", "busy", "expected"),
    [
        ("started", False, False, (START,)),
        ("started", False, True, (START,)),
        ("started", True, True, ()),
        ("stopped", False, False, ()),
        ("stopped", False, True, (STOP,)),  # a unit that would start it again
        ("stopped", True, False, (STOP,)),
        ("restarted", False, False, (START,)),
        ("restarted", True, True, (STOP, START)),
        ("reloaded", False, False, ()),
        ("reloaded", True, True, (RELOAD,)),
    ],
)
def test_steps(state: str, running: bool, busy: bool, expected: tuple[str, ...]) -> None:
    assert steps(state, running, busy) == expected


@pytest.mark.parametrize(
    ("state", "expected"), [("started", (START,)), ("stopped", (STOP,)), ("restarted", (STOP, START)), ("reloaded", ())]
)
def test_steps_where_processes_have_outlived_their_postmaster(state: str, expected: tuple[str, ...]) -> None:
    assert steps(state, running=False, busy=False, orphans=True) == expected


@pytest.mark.parametrize(
    ("load", "active", "runs", "mode", "expected"),
    [
        ("loaded", "active", True, "fast", (ORDER,)),
        ("loaded", "active", True, "immediate", (ORDER, SIGNAL)),
        ("loaded", "activating", True, "fast", (ORDER, SIGNAL)),
        ("loaded", "inactive", True, "fast", (SIGNAL,)),  # started by somebody else
        ("loaded", "activating", False, "fast", (ORDER,)),  # it would be started again
        ("loaded", "inactive", False, "fast", ()),
        ("masked", "active", True, "fast", (SIGNAL,)),  # masked while it ran
        ("masked", "inactive", True, "immediate", (SIGNAL,)),
        ("not-found", "inactive", True, "fast", (SIGNAL,)),
        ("masked", "activating", False, "fast", (ORDER,)),
        ("masked", "inactive", False, "fast", ()),
    ],
)
def test_ways_to_stop(load: str, active: str, runs: bool, mode: str, expected: tuple[str, ...]) -> None:
    assert ways_to_stop({"LoadState": load, "ActiveState": active}, mode, runs=runs) == expected


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


def test_listening_inodes() -> None:
    text = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1539 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4343 1 0 100 0 0 10 0
   2: 0100007F:1538 0100007F:D431 01 00000000:00000000 00:00000000 00000000   102        0 4444 1 0 100 0 0 10 0
"""
    assert listening_inodes(text, 5432) == ["4242"]
    assert listening_inodes("", 5432) == []


def test_nobody_holds_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    (tmp_path / ".s.PGSQL.1.lock").write_text("rubbish\n")
    assert find_holder(1, ["no-such-host.invalid"], [str(tmp_path), "/nonexistent"]) is None


LOG = """\
2026-11-22 14:00:00.000 UTC [1] LOG:  starting PostgreSQL 15.18
2026-11-22 14:00:00.000 UTC [2] FATAL:  the database system is starting up
2026-11-22 14:00:00.000 UTC [1] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use
2026-11-22 14:00:00.000 UTC [1] HINT:  Is another postmaster already running on port 5432?
2026-11-22 14:00:00.000 UTC [1] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use
2026-11-22 14:00:00.000 UTC [1] LOG:  database system is shut down
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            LOG,
            (
                'LOG: could not bind IPv4 address "127.0.0.1": Address already in use;'
                " HINT: Is another postmaster already running on port 5432?"
            ),
        ),
        ("", ""),
        ("eins\nzwei\n\n", "eins; zwei"),
        (
            "FATAL:  1\nFATAL:  2\nFATAL:  3\nERROR:  4\nPANIC:  5\nERROR:  6",
            "FATAL: 2; FATAL: 3; ERROR: 4; PANIC: 5; ERROR: 6",
        ),
    ],
)
def test_relevant_lines(text: str, expected: str) -> None:
    assert relevant_lines(text) == expected


def test_only_what_was_added_is_read(tmp_path: Path) -> None:
    log, collected = tmp_path / "log", tmp_path / "collected"
    log.write_text("old\n")
    watch = LogWatch([str(log), None, "/nonexistent"], str(tmp_path))
    with log.open("a") as file:
        file.write("new\n")
    assert watch.added() == "new\n\n"
    (tmp_path / "current_logfiles").write_text("stderr collected\ncsvlog collected.csv\n")
    collected.write_text("from the collector\n")
    assert "from the collector" in watch.added()
    log.write_text("x")  # rotated
    assert "x" in watch.added()


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        ("postgresql@15-main", ("15", "main")),
        ("postgresql@9.6-my_db.service", ("9.6", "my_db")),
        ("postgresql-15", None),
        ("postgresql", None),
    ],
)
def test_debian_units(unit: str, found: tuple[str, str] | None) -> None:
    match = DEBIAN_UNIT.fullmatch(unit)
    assert (match and (match["version"], match["instance"])) == found


def test_start_conf_keeps_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "start.conf"
    assert start_keyword(str(tmp_path)) == "auto"
    path.write_text("# auto or manual\n\n  auto\n")
    path.chmod(0o640)
    set_start_keyword(str(tmp_path), "manual")
    assert path.read_text() == "# auto or manual\n\nmanual\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert start_keyword(str(tmp_path)) == "manual"
