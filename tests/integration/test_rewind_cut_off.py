# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rewind cut off at every kind of point: nothing comes up writable, and the next run knows what to do."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clones import PASSWORD, broken_program, busy, clone_parameters, follow_parameters, leftovers
from support.modules import ModuleProcess
from support.processes import processes_below
from support.rewinds import COMMENT, control_data, diverged, follow, listing, rewind_parameters
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]

# Stops the real program for good when the first part of the large table has arrived.
STOPPING = """#!/bin/sh
case "$*" in *--dry-run*|*--version*) exec REAL "$@";; esac
REAL "$@" &
until [ -s FILE ]; do :; done
kill -STOP $!
touch $(dirname $0)/../stopped
wait $!
"""
BIG_BYTES = 60_000_000
NEW_TABLE = "CREATE TABLE big AS SELECT i, repeat('x', 1000) AS filler FROM generate_series(1, 60000) AS i"


def rewinding(server: Server) -> list[int]:
    """Pids of the real pg_rewind that works on the server's data directory."""
    found = []
    for pid in processes_below(server.directory):
        try:
            if os.path.samefile(f"/proc/{pid}/exe", server.bin_directory / "pg_rewind"):
                found.append(pid)
        except OSError:
            continue
    return found


def stop_half_way(server: Server, source: Server, start_module: StartModule) -> tuple[ModuleProcess, int]:
    """A module whose pg_rewind is stopped in the middle of copying."""
    source.sql(NEW_TABLE)
    file = server.data_directory / source.sql("SELECT pg_relation_filepath('big')")[0][0]
    assert not file.exists()
    with broken_program(server, "pg_rewind", STOPPING.replace("FILE", str(file))) as programs:
        module = start_module("rewind", rewind_parameters(server, source, bin_directory=programs))
    wait_for((server.directory / "stopped").exists, "pg_rewind to copy")
    (pid,) = rewinding(server)
    assert 0 < file.stat().st_size < BIG_BYTES
    return module, pid


def check_wreck(server: Server, source: Server, run_module: RunModule) -> None:
    """It cannot be started, it is told to be a wreck, no second rewind is tried, and a clone takes its place."""
    with pytest.raises(RuntimeError, match="invalid permissions"):
        server.start()
    info = run_module("node_info", node_parameters(server))
    assert not info["failed"], info
    assert "a rewind was cut off here" in str(info), info
    again = run_module("rewind", rewind_parameters(server, source))
    assert again["error_name"] == "wreck", again
    assert f"from 127.0.0.1 port {source.port}" in again["msg"]
    result = run_module("base_backup", clone_parameters(server, source))
    assert (result["failed"], result["path"]) == (False, "clone"), result
    assert rewinding(server) == []
    aside = Path(result["moved_aside"][0])
    assert (aside / "PG_VERSION").exists()
    left = [name for name in leftovers(server.directory) if "hotstandby-old" not in name]
    assert left == []
    kept = [path.read_text(encoding="utf-8") for path in server.directory.glob("data.hotstandby-old-*/postgresql.conf")]
    assert any(COMMENT in text for text in kept), "the old configuration is lost"
    followed = run_module("recovery_config", follow_parameters(server, source))
    assert not followed["failed"], followed
    server.configure(server.own_settings())
    follow(server, source, run_module)


def test_pg_rewind_killed(servers: ServerFactory, run_module: RunModule, start_module: StartModule) -> None:
    old, new = diverged(servers)
    module, pid = stop_half_way(old, new, start_module)
    assert busy(old, run_module) == "rewind"
    os.kill(pid, signal.SIGKILL)
    result = module.wait()
    assert busy(old, run_module) is None
    assert result["error_name"] == "rewind_failed", result
    assert "half-way" in result["msg"]
    assert (old.data_directory / "standby.signal").exists()
    assert COMMENT in old.read("postgresql.conf")
    # put back, and so part of what is moved aside
    check_wreck(old, new, run_module)


def test_module_killed(servers: ServerFactory, run_module: RunModule, start_module: StartModule) -> None:
    """Its pg_rewind goes on without it; a clone ends it first, or it would write into the clone."""
    old, new = diverged(servers)
    module, pid = stop_half_way(old, new, start_module)
    module.kill()
    assert module.wait()["rc"] == -signal.SIGKILL
    assert rewinding(old) == [pid]
    check_wreck(old, new, run_module)


def test_module_killed_and_pg_rewind_comes_to_its_end(
    servers: ServerFactory, run_module: RunModule, start_module: StartModule
) -> None:
    """Without its standby.signal and with the source's configuration: it must not come up."""
    old, new = diverged(servers)
    module, pid = stop_half_way(old, new, start_module)
    module.kill()
    module.wait()
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not rewinding(old), "pg_rewind to end")
    assert not (old.data_directory / "standby.signal").exists()
    check_wreck(old, new, run_module)


def test_no_process_shows_the_password(servers: ServerFactory, start_module: StartModule) -> None:
    old, new = diverged(servers)
    module, pid = stop_half_way(old, new, start_module)
    shown = [Path(f"/proc/{one}/cmdline").read_bytes() for one in (module.pid, pid)]
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    marker = (old.directory / "data.hotstandby-rewind").read_bytes()
    module.kill(group=True)
    assert b"--source-server=" in shown[1]
    assert all(PASSWORD.encode() not in text for text in (*shown, environment, marker))
    assert b"PGPASSFILE=" in environment
    assert b"-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0" in environment


def test_time_limit(servers: ServerFactory, run_module: RunModule) -> None:
    """A pg_rewind that hangs is ended, with what it has started, before it has changed anything."""
    old, new = diverged(servers)
    before = control_data(old)
    script = '#!/bin/sh\ncase "$*" in *--version*) exec REAL "$@";; esac\nsleep 1000\n'
    with broken_program(old, "pg_rewind", script) as programs:
        result = run_module("rewind", rewind_parameters(old, new, bin_directory=programs, timeout=10))
    assert result["error_name"] == "timed_out", result
    assert processes_below(old.directory) == []
    assert control_data(old) == before
    assert leftovers(old.directory) == []


def test_source_goes_away_in_between(servers: ServerFactory, run_module: RunModule) -> None:
    """The rewind fails before it changes anything: the directory is what it was, and a standby's."""
    old, new = diverged(servers)
    before = listing(old)
    script = f"""#!/bin/sh
case "$*" in *--dry-run*|*--version*) exec REAL "$@";; esac
{new.bin_directory}/pg_ctl stop -m immediate -D {new.data_directory} >&2
exec REAL "$@"
"""
    with broken_program(old, "pg_rewind", script) as programs:
        failed = run_module("rewind", rewind_parameters(old, new, bin_directory=programs))
    assert failed["error_name"] == "rewind_failed", failed
    assert "before it changed anything" in failed["msg"]
    assert {**before, "standby.signal": listing(old)["standby.signal"]} == listing(old)
    assert leftovers(old.directory) == []
    new.start()
    assert run_module("rewind", rewind_parameters(old, new))["path"] == "rewound"
    follow(old, new, run_module)


def test_closed_parent(servers: ServerFactory, run_module: RunModule, start_module: StartModule) -> None:
    """The marker lies inside, where pg_rewind removes it: the mode of the directory tells."""
    old, new = diverged(servers)
    parameters = rewind_parameters(old, new)
    try:
        script = '#!/bin/sh\ncase "$*" in *--dry-run*|*--version*) exec REAL "$@";; esac\nREAL "$@"\nkill -9 $PPID\n'
        with broken_program(old, "pg_rewind", script) as programs:
            old.directory.chmod(0o555)
            killed = run_module("rewind", {**parameters, "bin_directory": programs})
        assert killed["rc"] == -signal.SIGKILL, killed
        [shelter] = run_module("node_info", node_parameters(old))["node"]["asides"]
        assert COMMENT in Path(shelter, "postgresql.conf").read_text(encoding="utf-8")
        planted = Path(f"{shelter}x")
        planted.symlink_to(new.data_directory)
        assert not (old.data_directory / "pgsql_tmp.hotstandby-rewind").exists()
        wreck = run_module("rewind", parameters)
        assert wreck["error_name"] == "wreck", wreck
        assert "the mode of the directory says so" in wreck["msg"]
        old.directory.chmod(0o755)
        for name in ("server.log", "program.out"):
            old.account_entry.own(old.directory / name)
        old.directory.chmod(0o555)
        cloned = run_module("base_backup", {**clone_parameters(old, new)})
        assert (cloned["failed"], cloned["path"]) == (False, "clone"), cloned
        assert old.data_directory.stat().st_mode & 0o777 == 0o700
        assert Path(shelter).exists(), "kept until the clone streams"
        followed = run_module("recovery_config", follow_parameters(old, new))
        assert not followed["failed"], followed
        old.configure(old.own_settings())
        follow(old, new, run_module)
        wanted = {**node_parameters(old), "state": "tidied"}
        told = run_module("base_backup", wanted, check_mode=True)
        assert shelter in told["removed"], told
        tidied = run_module("base_backup", wanted)
        assert shelter in tidied["removed"], tidied
        assert not Path(shelter).exists()
        assert planted.is_symlink()
        assert (new.data_directory / "PG_VERSION").exists()
    finally:
        old.directory.chmod(0o755)
        for left in Path(tempfile.gettempdir()).glob("hotstandby-rewind-*"):
            if left.is_symlink() and left.readlink() == new.data_directory:
                left.unlink()


def node_parameters(server: Server) -> dict[str, Any]:
    known = ("bin_directory", "data_directory", "port", "socket_directory")
    return {name: getattr(server, name) for name in known}


def test_closed_parent_keeps_what_is_its_own(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = diverged(servers)
    old.write("log/of_old.log", "what happened")
    parameters = rewind_parameters(old, new)
    old.directory.chmod(0o555)
    try:
        refused = run_module("rewind", parameters)
        assert refused["impossible"] == "foreign_content", refused
        (old.data_directory / "log" / "of_old.log").unlink()
        (old.data_directory / "log").rmdir()
        result = run_module("rewind", parameters)
    finally:
        old.directory.chmod(0o755)
    assert result["path"] == "rewound", result
    assert COMMENT in old.read("postgresql.conf")
    assert old.data_directory.stat().st_mode & 0o777 == 0o700
    follow(old, new, run_module)
