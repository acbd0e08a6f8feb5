# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that answer with a look tell of the node what module node_info tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.clones import follow_parameters, make_source
from support.promotions import wait_until_caught_up
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]
RUN = {"id": "the run", "who": "dba", "host": "here", "playbook": "failover.yml", "since": "now"}
# these go on by themselves
RESTLESS = {"lag_seconds", "free_bytes", "last_heard", "receipt"}


@pytest.fixture
def pair(servers: ServerFactory) -> tuple[Server, Server]:
    primary = make_source(servers)
    primary.sql("CREATE TABLE t (i int)")
    standby = servers.standby("s1", primary)
    wait_until_caught_up(standby, primary)
    return primary, standby


def places(server: Server) -> dict[str, Any]:
    return {
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "port": server.port,
        "socket_directory": server.socket_directory,
    }


def still(value: Any) -> Any:
    """Without what goes on by itself."""
    if isinstance(value, dict):
        return {name: still(part) for name, part in value.items() if name not in RESTLESS}
    return [still(part) for part in value] if isinstance(value, list) else value


def test_a_detached_standby_is_told_as_it_is_then(
    pair: tuple[Server, Server], run_module: RunModule
) -> None:
    primary, standby = pair
    claim = {**RUN, "file": f"{standby.directory}/hotstandby.run", "action": "take"}
    assert run_module("node_info", {**places(standby), "run": claim})["claim"]["granted"]
    look = {"version": "15", "peers": [f"127.0.0.1 {primary.port}"]}
    run = {"id": RUN["id"], "file": claim["file"]}
    done = run_module("wal_receiver", {**places(standby), "look": look, "run": run})
    assert (done["failed"], done["changed"], done["wanted_version"]) == (False, True, "15"), done
    assert done["claim"]["granted"]
    server = done["node"]["server"]
    assert (server["in_recovery"], server["position"]) == (True, done["position"])
    assert (server["receiver"] or {"status": "stopped"})["status"] == "stopped"
    seen = run_module("node_info", {**places(standby), "version": "15", "peers": look["peers"]})
    assert still(done["node"]) == still(seen["node"])


def test_a_stopped_primary_is_told_as_a_standby(pair: tuple[Server, Server], run_module: RunModule) -> None:
    primary, standby = pair
    primary.stop()
    done = run_module(
        "recovery_config",
        {**follow_parameters(primary, standby), "bin_directory": primary.bin_directory, "look": {"version": "15"}},
    )
    assert (done["failed"], done["changed"], done["claim"]) == (False, True, None), done
    assert (done["node"]["server"], done["node"]["recovery_signal"]) == (None, True)
    seen = run_module("node_info", {**places(primary), "version": "15"})
    assert still(done["node"]) == still(seen["node"])


@pytest.mark.parametrize("name", ["wal_receiver", "recovery_config"])
def test_nobody_looks_unasked(pair: tuple[Server, Server], run_module: RunModule, name: str) -> None:
    primary, standby = pair
    parameters = places(standby) if name == "wal_receiver" else follow_parameters(standby, primary)
    look = {"look": {"version": "15"}}
    assert "node" not in run_module(name, parameters)
    assert "node" not in run_module(name, {**parameters, **look}, check_mode=True)
