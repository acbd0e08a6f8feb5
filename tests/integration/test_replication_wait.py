# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module replication_wait against a primary and its standby."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.clones import ADDRESS, USER, make_passfile
from support.rewinds import make_pair
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]


@pytest.fixture(name="pair")
def make_primary_and_standby(servers: ServerFactory) -> tuple[Server, Server]:
    return make_pair(servers)


def at(server: Server) -> dict[str, Any]:
    return {"port": server.port, "socket_directory": server.socket_directory}


def test_a_standby_is_waited_for(pair: tuple[Server, Server], run_module: RunModule) -> None:
    primary, standby = pair
    streaming = run_module("replication_wait", {**at(standby), "action": "streaming"})
    assert (streaming["failed"], streaming["changed"], streaming["reason"]) == (False, False, "it streams"), streaming
    primary.sql("CREATE TABLE more (id int)")
    [(lsn,)] = primary.sql("SELECT pg_current_wal_lsn()::text")
    reached = run_module("replication_wait", {**at(standby), "action": "reached", "lsn": lsn})
    assert (reached["failed"], reached["reason"]) == (False, f"has received {lsn}"), reached
    assert reached["waited_seconds"] >= 0
    for action, more in (("reached", {"lsn": "FFFF/0"}), ("armed", {})):
        late = run_module("replication_wait", {**at(standby), "action": action, "timeout": 1, **more})
        assert (late["failed"], late["error_name"]) == (True, "timed_out"), late


def test_another_server_is_watched(pair: tuple[Server, Server], run_module: RunModule) -> None:
    primary, standby = pair
    passfile = make_passfile(standby, primary)
    other = {"host": ADDRESS, "host_port": primary.port, "user": USER, "passfile": passfile}
    connected = run_module("replication_wait", {**other, "action": "connects"})
    assert (connected["failed"], connected["timeline"]) == (False, 1), connected
    watch = {**other, "action": "promoted", "timeout": 1}
    for timeline, promoted in ((0, True), (1, False)):
        seen = run_module("replication_wait", {**watch, "timeline": timeline})
        assert (seen["failed"], seen["promoted"], seen["answered"]) == (False, promoted, True), seen
    primary.stop()
    silent = run_module("replication_wait", {**watch, "timeline": 1})
    assert (silent["failed"], silent["promoted"], silent["answered"]) == (False, False, False), silent
    assert silent["waited_seconds"] == 1.0
    refused = run_module("replication_wait", {**other, "action": "connects"})
    assert (refused["failed"], str(primary.port) in refused["msg"]) == (True, True), refused


@pytest.mark.parametrize("action", ["streaming", "armed"])
def test_check_mode_waits_for_nothing(servers: ServerFactory, run_module: RunModule, action: str) -> None:
    nowhere = servers.empty("e")
    result = run_module("replication_wait", {**at(nowhere), "action": action}, check_mode=True)
    assert (result["failed"], result["reason"]) == (False, "check mode: nothing is waited for"), result
