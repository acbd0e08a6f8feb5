# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module server with pg_ctl: it does what it says, waits until it is true, and explains what went wrong."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.account import test_account as account_of_tests
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]


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


@pytest.fixture
def stopped(servers: ServerFactory) -> Server:
    return servers.primary(start=False)


def test_start_twice_then_stop_twice(stopped: Server, run_module: RunModule) -> None:
    result = run_module("server", parameters(stopped, state="started"), diff=True)
    assert not result["failed"], result
    assert result["changed"]
    assert (result["running"], result["managed"]) == (True, True)
    assert result["diff"] == {"before": {"running": False}, "after": {"running": True}}
    assert stopped.sql("SELECT 1") == [(1,)]  # at once: it waited until it was true
    told = datetime.fromisoformat(result["postmaster_start"])
    assert abs(told - stopped.postmaster_start_time()) < timedelta(minutes=1)

    pid = stopped.postmaster_pid
    again = run_module("server", parameters(stopped, state="started"))
    assert (again["changed"], again["reason"]) == (False, "the server runs already")
    assert stopped.postmaster_pid == pid

    before = time.time()
    result = run_module("server", parameters(stopped, state="stopped"))
    assert (result["changed"], result["running"], stopped.running) == (True, False, False)
    assert before <= result["stop_began"] <= time.time()
    assert "database system is shut down" in stopped.log_text()
    again = run_module("server", parameters(stopped, state="stopped"))
    assert (again["changed"], again["reason"], again["stop_began"]) == (False, "the server does not run", None)


def test_the_server_outlives_the_module(stopped: Server, start_module: Callable[..., Any]) -> None:
    module = start_module("server", parameters(stopped, state="started"))
    assert module.wait()["changed"]
    pid = stopped.postmaster_pid
    assert pid
    # neither in the session of the module, nor holding its output
    assert os.getsid(pid) != module.pid
    opened = {os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)}
    assert opened == {"/dev/null", str(stopped.log_file)}


def test_restart(stopped: Server, run_module: RunModule) -> None:
    assert run_module("server", parameters(stopped, state="restarted"))["reason"] == "the server was started"
    pid = stopped.postmaster_pid
    result = run_module("server", parameters(stopped, state="restarted"))
    assert (result["changed"], result["reason"]) == (True, "the server was restarted")
    assert stopped.running
    assert stopped.postmaster_pid != pid


def test_reload(servers: ServerFactory, run_module: RunModule) -> None:
    server = servers.primary()
    server.configure({"work_mem": "5MB"})
    pid = server.postmaster_pid
    result = run_module("server", parameters(server, state="reloaded"))
    assert (result["changed"], server.postmaster_pid) == (True, pid)
    wait_for(lambda: server.sql("SHOW work_mem") == [("5MB",)], "the new setting")
    server.stop()
    result = run_module("server", parameters(server, state="reloaded"))
    assert (result["changed"], result["failed"]) == (False, False)
    assert not server.running


def test_immediate_stop_is_a_crash(servers: ServerFactory, run_module: RunModule) -> None:
    server = servers.primary()
    assert run_module("server", parameters(server, state="stopped", stop_mode="immediate"))["changed"]
    assert not server.running
    assert "received immediate shutdown request" in server.log_text()


@pytest.mark.parametrize("state", ["started", "restarted", "stopped", "reloaded"])
@pytest.mark.parametrize("runs", [False, True])
def test_check_mode_changes_nothing(
    servers: ServerFactory, run_module: RunModule, state: str, runs: bool
) -> None:
    server = servers.primary(start=runs)
    pid, log = server.postmaster_pid, server.log_text()
    result = run_module("server", parameters(server, state=state), check_mode=True)
    assert not result["failed"], result
    assert result["changed"] == ((state, runs) not in {("started", True), ("stopped", False), ("reloaded", False)})
    assert (server.postmaster_pid, server.log_text()) == (pid, log)


def test_check_mode_on_a_virgin_host(servers: ServerFactory, run_module: RunModule) -> None:
    nothing = servers.empty("n")
    wanted = parameters(nothing, state="started", bin_directory="/nonexistent")
    result = run_module("server", wanted, check_mode=True)
    assert (result["failed"], result["changed"]) == (False, True)
    assert result["reason"] == "the server would be started"


def test_a_start_that_fails_carries_the_servers_own_words(stopped: Server, run_module: RunModule) -> None:
    stopped.configure({"shared_buffers": "rubbish"})
    result = run_module("server", parameters(stopped, state="started"))
    assert (result["failed"], result["error_name"]) == (True, "start_failed")
    assert 'invalid value for parameter "shared_buffers": "rubbish"' in result["msg"]
    assert "\n" not in result["msg"]
    assert not stopped.running


def test_only_the_words_of_this_start_are_shown(stopped: Server, run_module: RunModule) -> None:
    stopped.log_file.write_text("2020-01-01 FATAL:  a trouble of long ago\n")
    account_of_tests().own(stopped.log_file)
    stopped.configure({"wal_level": "minimal", "max_wal_senders": 5})
    result = run_module("server", parameters(stopped, state="started"))
    assert result["error_name"] == "start_failed"
    assert "WAL streaming" in result["msg"]
    assert "long ago" not in result["msg"]


def test_a_port_that_is_taken_is_refused_before_the_start(stopped: Server, run_module: RunModule) -> None:
    with socket.create_server(("127.0.0.1", stopped.port), reuse_port=False):
        result = run_module("server", parameters(stopped, state="started"))
    assert (result["failed"], result["error_name"]) == (True, "port_taken")
    assert f"port {stopped.port} on 127.0.0.1 is taken by" in result["msg"]
    assert stopped.log_text() == ""


def test_a_socket_of_another_server_is_refused_and_it_is_named(
    servers: ServerFactory, run_module: RunModule
) -> None:
    holder = servers.primary("holder")
    newcomer = servers.primary("newcomer", start=False)
    newcomer.configure({"port": holder.port})
    result = run_module("server", parameters(newcomer, state="started"))
    assert result["error_name"] == "port_taken"
    assert f"is taken by process {holder.postmaster_pid} (postgres)" in result["msg"]
    assert holder.running


def test_another_address_is_not_a_conflict(servers: ServerFactory, run_module: RunModule) -> None:
    holder = servers.primary("holder")
    newcomer = servers.primary("newcomer", start=False)
    newcomer.configure({"port": holder.port, "listen_addresses": "127.0.0.9"})
    assert run_module("server", parameters(newcomer, state="started"))["changed"]
    assert newcomer.running


def test_a_stale_pid_file_is_not_a_running_server(
    servers: ServerFactory, run_module: RunModule
) -> None:
    server, other = servers.primary(), servers.primary("other")
    server.kill()
    assert (server.data_directory / "postmaster.pid").exists()
    result = run_module("server", parameters(server, state="stopped"))
    assert (result["changed"], result["running"]) == (False, False)
    # the pid of a server of another directory, as after a reboot or in a copied directory
    lines = server.read("postmaster.pid").split("\n")
    server.write("postmaster.pid", "\n".join([str(other.postmaster_pid), *lines[1:]]))
    result = run_module("server", parameters(server, state="stopped"))
    assert (result["changed"], result["running"]) == (False, False)
    assert other.running
    server.write("postmaster.pid", "\n".join(lines))
    assert run_module("server", parameters(server, state="started"))["changed"]


def test_a_start_that_takes_too_long_says_so_and_goes_on(
    servers: ServerFactory, run_module: RunModule
) -> None:
    server = servers.primary(start=False)
    # recovery from an archive that never answers
    server.configure({"restore_command": "sleep 600; false"})
    server.write("recovery.signal", "")
    result = run_module("server", parameters(server, state="started", timeout=5))
    assert (result["failed"], result["error_name"]) == (True, "start_timed_out")
    assert server.running
    result = run_module("server", parameters(server, state="started", timeout=1))
    assert (result["failed"], result["error_name"]) == (True, "timed_out")


def test_a_stop_that_takes_too_long_says_so(servers: ServerFactory, run_module: RunModule) -> None:
    server = servers.primary()
    pid = server.postmaster_pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        result = run_module("server", parameters(server, state="stopped", timeout=1))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (result["failed"], result["error_name"]) == (True, "stop_timed_out")
    wait_for(lambda: not server.running, "the stop, which goes on")


def test_a_server_that_is_still_stopping_is_started_when_it_has(
    servers: ServerFactory, run_module: RunModule, start_module: Callable[..., Any]
) -> None:
    server = servers.primary()
    client = server.connect("postgres")  # an orderly stop waits for it
    pid = server.postmaster_pid
    assert pid
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: "stopping" in server.read("postmaster.pid"), "the stop to begin")
    result = run_module("server", parameters(server, state="started", timeout=1))
    assert (result["failed"], result["error_name"]) == (True, "stop_timed_out"), result
    module = start_module("server", parameters(server, state="started"))
    client.close()
    result = module.wait()
    assert (result["failed"], result["changed"], result["running"]) == (False, True, True), result
    assert server.postmaster_pid != pid
    assert server.sql("SELECT 1") == [(1,)]


def test_what_cannot_be(servers: ServerFactory, run_module: RunModule, tmp_path: Path) -> None:
    nothing = servers.empty("n")
    result = run_module("server", parameters(nothing, state="started"))
    assert result["error_name"] == "no_cluster"
    assert run_module("server", parameters(nothing, state="stopped"))["changed"] is False
    result = run_module("server", parameters(nothing, state="started", enabled=True))
    assert result["error_name"] == "enabled_needs_systemd"


def test_a_directory_that_may_not_be_read(stopped: Server, run_module: RunModule) -> None:
    stopped.data_directory.chmod(0)
    for check_mode in (False, True):
        result = run_module("server", parameters(stopped, state="started"), check_mode=check_mode)
        assert (result["failed"], result["error_name"]) == (True, "cannot_read")


def test_a_separate_configuration_directory(stopped: Server, run_module: RunModule) -> None:
    directory = stopped.directory / "it's conf"
    directory.mkdir(mode=0o700)
    account_of_tests().own(directory)
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        (stopped.data_directory / name).rename(directory / name)
    result = run_module("server", parameters(stopped, state="started", config_directory=directory))
    assert not result["failed"], result
    assert stopped.sql("SHOW config_file") == [(f"{directory}/postgresql.conf",)]
    assert run_module("server", parameters(stopped, state="stopped", config_directory=directory))["changed"]
