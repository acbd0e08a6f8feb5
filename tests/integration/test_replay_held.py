# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A candidate whose replay stands still: found before a primary is stopped, and freed in an emergency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.promotions import in_recovery, kill, wait_until_alone, wait_until_caught_up
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
SECRET = "a_password_in_a_query"


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {"bin_directory": server.bin_directory, "data_directory": server.data_directory, **more}


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    primary = servers.primary()
    primary.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    return primary


@pytest.fixture
def standby(servers: ServerFactory, primary: Server) -> Server:
    standby = servers.standby("s1", primary, settings={"max_standby_streaming_delay": -1})
    wait_until_caught_up(standby, primary)
    return standby


def observed(run_module: RunModule, standby: Server) -> dict[str, Any]:
    where = {"port": standby.port, "socket_directory": standby.socket_directory}
    result = run_module("node_info", parameters(standby, **where))
    return dict(result["node"]["server"])


def received_all(primary: Server, standby: Server) -> None:
    written = primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    query = "SELECT pg_last_wal_receive_lsn() >= %s::pg_lsn"
    wait_for(lambda: standby.sql(query, (written,))[0][0], "all to be received")


@contextmanager
def held(primary: Server, standby: Server, remove: str) -> Iterator[int]:
    """A report on the standby holds its replay back; the pid of its session."""
    connection = standby.connect("postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'report'")
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(f"SELECT count(*), '{SECRET}' FROM t")
            for statement in remove.split(";"):
                primary.sql(statement)
            primary.sql("CREATE TABLE later AS SELECT 1 AS i")
            received_all(primary, standby)
            stands = "SELECT pg_last_wal_replay_lsn() < pg_last_wal_receive_lsn()"
            wait_for(lambda: standby.sql(stands)[0][0], "the replay to stand still")
            yield connection.get_backend_pid()
    finally:
        connection.close()


@pytest.mark.parametrize("remove", ["DELETE FROM t;VACUUM t", "TRUNCATE t"])
def test_a_held_candidate_is_refused_by_name(
    primary: Server, standby: Server, run_module: RunModule, remove: str
) -> None:
    with held(primary, standby, remove) as pid:
        refused = run_module("prepare_shutdown", parameters(primary, keep="s1", replay_patience=1))
        assert refused["error_name"] == "candidate_not_replaying", refused
        assert "s1 has replayed up to" in refused["msg"]

        def seen() -> list[str]:
            return list(observed(run_module, standby)["held_by"])

        wait_for(lambda: seen() != [], "the title of the process to say that it waits")
        assert seen()[0].startswith(f"pid {pid} (user {standby.account} with report, idle in transaction"), seen()
        armed = run_module("promote", parameters(standby, when="primary_has_stopped", arm_timeout=30))
        assert armed["error_name"] == "candidate_not_replaying", armed
        assert f"pid {pid} " in armed["msg"]
        assert SECRET not in f"{seen()}{armed}{refused}"
        assert not in_recovery(primary)
    wait_until_caught_up(standby, primary)
    assert not run_module("prepare_shutdown", parameters(primary, keep="s1"))["failed"]
    assert seen() == []


@pytest.mark.parametrize("remove", ["DELETE FROM t;VACUUM t", "TRUNCATE t"])
def test_in_an_emergency_the_session_is_ended_and_named(
    primary: Server, standby: Server, run_module: RunModule, remove: str
) -> None:
    with held(primary, standby, remove) as pid:
        kill(primary)
        wait_until_alone(standby)
        refused = run_module("promote", parameters(standby, timeout=4))
        assert refused["error_name"] == "not_replayed", refused
        assert f"pid {pid} " in refused["msg"]
        assert in_recovery(standby)
        result = run_module("promote", parameters(standby, end_sessions=True))
        assert result["promoted"], result
        assert [text.split()[1] for text in result["ended_sessions"]] == [str(pid)]
    assert standby.sql("SELECT count(*) FROM t") == [(0,)]
    assert standby.sql("SELECT i FROM later") == [(1,)]


def test_a_delayed_standby_has_all_that_it_received_once_it_is_promoted(
    primary: Server, standby: Server, run_module: RunModule
) -> None:
    standby.sql("ALTER SYSTEM SET recovery_min_apply_delay = '1h'")
    standby.reload()
    primary.sql("INSERT INTO t SELECT generate_series(1001, 5000)")
    received_all(primary, standby)
    assert observed(run_module, standby)["apply_delay_ms"] == 3600000
    armed = run_module("promote", parameters(standby, when="primary_has_stopped", arm_timeout=30))
    assert armed["error_name"] == "candidate_not_replaying", armed
    assert "3,600,000 ms" in armed["msg"]
    kill(primary)
    wait_until_alone(standby)
    assert standby.sql("SELECT count(*) FROM t") == [(1000,)]
    result = run_module("promote", parameters(standby))
    assert result["promoted"], result
    assert standby.sql("SELECT count(*) FROM t") == [(5000,)]
