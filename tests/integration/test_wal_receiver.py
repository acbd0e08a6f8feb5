# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module wal_receiver: a standby that gets nothing more, until recovery_config attaches it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.clones import follow_parameters, make_source, slot_of, wait_until_streaming
from support.promotions import STREAMING, kill, wait_until_alone, wait_until_caught_up
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {"bin_directory": server.bin_directory, "data_directory": server.data_directory, **more}


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    primary = make_source(servers)
    primary.sql("CREATE TABLE t (i int)")
    return primary


@pytest.fixture
def standby(servers: ServerFactory, primary: Server) -> Server:
    return servers.standby("s1", primary)


def lsn(server: Server, expression: str) -> str:
    return str(server.sql(f"SELECT {expression}::text")[0][0])


def other_lines(server: Server) -> list[str]:
    lines = server.read("postgresql.auto.conf").splitlines()
    return [line for line in lines if not line.startswith("primary_conninfo")]


def test_nothing_arrives_until_it_is_attached_again(primary: Server, standby: Server, run_module: RunModule) -> None:
    primary.sql("SELECT pg_create_physical_replication_slot(%s)", (slot_of(standby),))
    attach = follow_parameters(standby, primary, reload=True)
    assert not run_module("recovery_config", attach)["failed"]
    wait_until_streaming(standby, primary)
    primary.sql("INSERT INTO t VALUES (1)")
    wait_until_caught_up(standby, primary)
    before, others = standby.read("postgresql.auto.conf"), other_lines(standby)
    started = standby.postmaster_start_time()

    forecast = run_module("wal_receiver", parameters(standby), check_mode=True, diff=True)
    assert forecast["changed"]
    assert forecast["diff"]["before"].startswith("primary_conninfo = host=")
    assert (standby.read("postgresql.auto.conf"), bool(standby.sql(STREAMING))) == (before, True)

    result = run_module("wal_receiver", parameters(standby), diff=True)
    assert (result["failed"], result["changed"], result["timeline"]) == (False, True, 1), result
    assert result["position"] == result["received"] == lsn(standby, "pg_last_wal_receive_lsn()")
    assert standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)]
    assert other_lines(standby) == others
    assert f"primary_slot_name = {slot_of(standby)}" in others
    primary.sql("INSERT INTO t VALUES (2)")
    primary.sql("CHECKPOINT")

    again = run_module("wal_receiver", parameters(standby))
    assert (again["changed"], again["position"]) == (False, result["position"]), again
    assert standby.sql("SELECT count(*) FROM t") == [(1,)]

    assert run_module("recovery_config", attach)["changed"]
    wait_until_streaming(standby, primary)
    wait_until_caught_up(standby, primary)
    assert standby.sql("SELECT count(*) FROM t") == [(2,)]
    assert standby.postmaster_start_time() == started


def test_a_paused_standby_is_detached_too(primary: Server, standby: Server, run_module: RunModule) -> None:
    """There nobody but the module ends the walreceiver. What was received and not replayed counts."""
    standby.sql("SELECT pg_wal_replay_pause()")
    paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
    wait_for(lambda: standby.sql(paused)[0][0], "the replay to pause")
    replayed = lsn(standby, "pg_last_wal_replay_lsn()")
    primary.sql("INSERT INTO t SELECT generate_series(1, 1000)")
    more = "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"
    wait_for(lambda: standby.sql(more)[0][0], "more to be received")
    result = run_module("wal_receiver", parameters(standby))
    assert (result["changed"], result["replayed"]) == (True, replayed), result
    assert result["position"] == result["received"] != replayed
    assert standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)]
    assert standby.sql("SELECT pg_is_wal_replay_paused()") == [(True,)]


def test_with_a_dead_primary(primary: Server, standby: Server, run_module: RunModule) -> None:
    """The walreceiver that tries again and again ends as well. After a restart received is not the end."""
    primary.sql("INSERT INTO t VALUES (1)")
    wait_until_caught_up(standby, primary)
    kill(primary)
    wait_until_alone(standby)
    wait_for(
        lambda: standby.sql("SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()")[0][0],
        "all that was received to be replayed",
    )
    position = lsn(standby, "pg_last_wal_replay_lsn()")
    standby.restart()
    result = run_module("wal_receiver", parameters(standby))
    assert (result["changed"], result["replayed"], result["position"]) == (True, position, position), result
    assert result["received"] != position
    assert run_module("wal_receiver", parameters(standby))["changed"] is False


def test_a_line_that_the_server_would_not_take(primary: Server, standby: Server, run_module: RunModule) -> None:
    before = standby.read("postgresql.auto.conf")
    standby.write("postgresql.conf", standby.read("postgresql.conf") + "work_mem = 'much'\n")
    result = run_module("wal_receiver", parameters(standby))
    assert result["error_name"] == "unreadable_settings", result
    assert standby.read("postgresql.auto.conf") == before
    assert standby.sql(STREAMING)


def test_only_a_standby_that_runs(primary: Server, standby: Server, run_module: RunModule) -> None:
    for check_mode in (True, False):
        result = run_module("wal_receiver", parameters(primary), check_mode=check_mode)
        assert result["error_name"] == "not_a_standby", result
    standby.stop()
    assert run_module("wal_receiver", parameters(standby))["error_name"] == "not_running"
