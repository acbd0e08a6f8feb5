# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend whose postmaster was killed goes on and commits: no server has stopped while it lives."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from support.account import test_account as account_of_tests
from support.processes import processes_below, program_of
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]

# one commit after the other, and never a wait in which a backend would see that its postmaster is gone
COMMITS = """
DO $$ BEGIN LOOP
  INSERT INTO t SELECT count(*) FROM generate_series(1, 20000);
  COMMIT;
END LOOP; END $$
"""


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "service": "pg_ctl",
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "log_file": server.log_file,
        "port": server.port,
        "socket_directory": server.socket_directory,
        **more,
    }


def observed(server: Server, run_module: RunModule) -> dict[str, Any]:
    wanted = ("bin_directory", "data_directory", "port", "socket_directory")
    result = run_module("node_info", {name: parameters(server)[name] for name in wanted})
    assert not result["failed"], result
    node: dict[str, Any] = result["node"]
    return node


def backends(server: Server) -> list[int]:
    return [pid for pid in processes_below(server.data_directory) if program_of(pid) == "postgres"]


@pytest.fixture
def orphaned(servers: ServerFactory) -> Iterator[Server]:
    """A server whose postmaster was killed while a session commits and commits."""
    server = servers.primary()
    if float(server.version) < 11:
        pytest.skip("no procedure commits before version 11")
    server.sql("CREATE TABLE t (n bigint)")
    session = server.connect()
    thread = threading.Thread(target=_commit, args=(session,), daemon=True)
    thread.start()
    wait_for(lambda: server.sql("SELECT 1 FROM t LIMIT 1"), "the session to commit")
    pid = server.postmaster_pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the postmaster to end")
    yield server
    for left in backends(server):
        with contextlib.suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)
    thread.join(60)


def _commit(session: Any) -> None:
    with contextlib.suppress(psycopg2.Error), session.cursor() as cursor:
        cursor.execute(COMMITS)


def test_stopped_ends_what_has_outlived_the_postmaster(orphaned: Server, run_module: RunModule) -> None:
    before = observed(orphaned, run_module)
    assert (before["has_postmaster"], before["orphans"] > 0) == (False, True)
    wait_for(
        lambda: observed(orphaned, run_module)["wal_end"] != before["wal_end"], "the orphan to commit once more"
    )
    forecast = run_module("server", parameters(orphaned, state="stopped"), check_mode=True)
    assert (forecast["changed"], forecast["running"]) == (True, False)
    assert "processes of a server whose postmaster had ended would be ended" in forecast["reason"]
    assert backends(orphaned)

    result = run_module("server", parameters(orphaned, state="stopped"))
    assert (result["failed"], result["changed"], result["running"]) == (False, True, False), result
    assert result["reason"].endswith("processes of a server whose postmaster had ended were ended")
    assert backends(orphaned) == []
    after = observed(orphaned, run_module)
    assert after["orphans"] == 0
    assert observed(orphaned, run_module)["wal_end"] == after["wal_end"]
    assert run_module("server", parameters(orphaned, state="stopped"))["changed"] is False


def test_no_server_comes_up_beside_them(orphaned: Server, run_module: RunModule) -> None:
    result = run_module("server", parameters(orphaned, state="started"))
    assert (result["failed"], result["error_name"]) == (True, "processes_left"), result
    assert all(str(pid) in result["msg"] for pid in backends(orphaned))
    result = run_module("server", parameters(orphaned, state="restarted"))
    assert (result["failed"], result["running"]) == (False, True), result
    assert result["reason"].endswith("had ended were ended; the server was started")
    assert orphaned.sql("SELECT 1 FROM t LIMIT 1") == [(1,)]


def test_one_that_does_not_obey_is_killed(orphaned: Server, run_module: RunModule) -> None:
    for pid in backends(orphaned):
        os.kill(pid, signal.SIGSTOP)  # SIGQUIT waits for SIGCONT
    result = run_module("server", parameters(orphaned, state="stopped"))
    assert (result["failed"], result["changed"]) == (False, True), result
    assert backends(orphaned) == []


def test_other_servers_and_other_programs_live_on(
    orphaned: Server, servers: ServerFactory, run_module: RunModule, tmp_path: Path
) -> None:
    other = servers.primary("other")
    pid = other.postmaster_pid
    # a program of that name and in that directory that is not the owner's; a program of the owner's of another name
    program = tmp_path / "postgres"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    account = account_of_tests()
    owners = account.popen(
        ["/bin/sh", "-c", f"cd '{orphaned.data_directory}' && exec /bin/sleep 600"], stdin=subprocess.DEVNULL
    )
    foreign = None
    if os.geteuid() == 0:
        foreign = subprocess.Popen([program, "600"], cwd=orphaned.data_directory)
        wait_for(lambda: program_of(foreign.pid) == "postgres", "the other user's program")
    try:
        wait_for(lambda: program_of(owners.pid) == "sleep", "the owner's program")
        result = run_module("server", parameters(orphaned, state="stopped"))
        assert (result["failed"], result["changed"]) == (False, True), result
        assert owners.poll() is None
        assert foreign is None or foreign.poll() is None
        assert (other.postmaster_pid, other.sql("SELECT 1")) == (pid, [(1,)])
    finally:
        owners.kill()
        owners.wait()
        if foreign is not None:
            foreign.kill()
            foreign.wait()
