# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module promote, at once: real standbys become primaries, and none that must not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.modules import ModuleProcess
from support.promotions import in_recovery, kill, leave_half_a_record, wait_until_alone, wait_until_caught_up
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "version": server.version,
        **more,
    }


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    primary = servers.primary()
    primary.sql("CREATE TABLE t AS SELECT generate_series(1, 100) AS i")
    return primary


@pytest.fixture
def standby(servers: ServerFactory, primary: Server) -> Server:
    return servers.standby("s", primary)


def left_alone(primary: Server, standby: Server) -> Server:
    """The standby after its primary was killed, with all of its rows received."""
    wait_until_caught_up(standby, primary)
    kill(primary)
    wait_until_alone(standby)
    return standby


def control(server: Server, label: str) -> str:
    text = server.run("pg_controldata", "-D", server.data_directory, environ={"LC_ALL": "C"}).stdout
    return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(label))


def test_promotes_proves_and_leaves_it_at_that(primary: Server, standby: Server, run_module: RunModule) -> None:
    left_alone(primary, standby)
    params = parameters(standby)
    forecast = run_module("promote", params, check_mode=True)
    assert (forecast["changed"], forecast["promoted"], forecast["timeline"]) == (True, False, 1), forecast
    assert in_recovery(standby)

    before = time.time()
    result = run_module("promote", params)
    assert not result["failed"], result
    assert (result["changed"], result["promoted"], result["primary"]) == (True, True, True)
    assert before <= result["promoted_at"] <= time.time()
    assert (result["timeline_before"], result["timeline"]) == (1, 2)
    assert standby.read("pg_wal/00000002.history").split("\t")[:2] == ["1", result["switch_point"]]
    assert control(standby, "Latest checkpoint's TimeLineID") == "2"
    assert standby.sql("SELECT count(*) FROM t") == [(100,)]
    standby.sql("INSERT INTO t VALUES (101)")

    again = run_module("promote", {**params, "expected_timeline": 1})
    assert (again["changed"], again["promoted"], again["primary"]) == (False, False, True), again
    assert again["promoted_at"] is None
    for key in ("timeline_before", "timeline", "switch_point"):
        assert again[key] == result[key]


def test_a_live_primary_is_a_reason_to_refuse(primary: Server, standby: Server, run_module: RunModule) -> None:
    for check_mode in (True, False):
        result = run_module("promote", parameters(standby), check_mode=check_mode)
        assert result["error_name"] == "still_streaming", result
    assert in_recovery(standby)
    assert primary.sql("SELECT state FROM pg_stat_replication") == [("streaming",)]


def test_a_server_that_does_not_run(standby: Server, run_module: RunModule) -> None:
    standby.stop()
    for check_mode in (True, False):
        assert run_module("promote", parameters(standby), check_mode=check_mode)["error_name"] == "not_running"
    standby.start()
    assert run_module("promote", parameters(standby, version="9.6"))["error_name"] == "version_mismatch"


def test_one_that_left_recovery_without_a_promotion(primary: Server, standby: Server, run_module: RunModule) -> None:
    left_alone(primary, standby)
    standby.stop()
    (standby.data_directory / "standby.signal").unlink()
    standby.start()
    params = parameters(standby)
    assert run_module("promote", {**params, "expected_timeline": 1})["error_name"] == "not_promoted"
    told = run_module("promote", params)
    assert (told["changed"], told["primary"], told["timeline"], told["switch_point"]) == (False, True, 1, None)


def test_a_checkpoint_that_is_missing_is_made_up_for(primary: Server, standby: Server, run_module: RunModule) -> None:
    """As after a run that was cut off right behind the promotion."""
    # so much to write that the server's own checkpoint takes minutes
    primary.sql("CREATE TABLE big AS SELECT repeat('x', 500) AS t FROM generate_series(1, 40000)")
    left_alone(primary, standby)
    standby.sql("SELECT pg_promote()")
    run_module("promote", parameters(standby), check_mode=True)
    assert control(standby, "Latest checkpoint's TimeLineID") == "1"
    result = run_module("promote", parameters(standby))
    assert (result["changed"], result["primary"], result["timeline"]) == (False, True, 2), result
    assert control(standby, "Latest checkpoint's TimeLineID") == "2"


def test_a_pause_is_ended_and_all_is_replayed(primary: Server, standby: Server, run_module: RunModule) -> None:
    standby.sql("SELECT pg_wal_replay_pause()")
    primary.sql("INSERT INTO t SELECT generate_series(101, 5000)")
    written = primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    received = "SELECT pg_last_wal_receive_lsn() >= %s::pg_lsn"
    wait_for(lambda: standby.sql(received, (written,))[0][0], "the rows to be received")
    kill(primary)
    wait_until_alone(standby)
    assert standby.sql("SELECT pg_is_wal_replay_paused(), (SELECT count(*) FROM t)") == [(True, 100)]
    result = run_module("promote", parameters(standby))
    assert result["promoted"], result
    assert standby.sql("SELECT count(*) FROM t") == [(5000,)]


def test_a_pause_for_want_of_settings_is_not_ended(
    servers: ServerFactory, primary: Server, run_module: RunModule
) -> None:
    """To resume would stop the standby."""
    standby = servers.standby("s", primary, settings={"max_connections": 100})
    primary.configure({"max_connections": 150})
    primary.restart()
    wait_for(lambda: standby.sql("SELECT pg_is_wal_replay_paused()")[0][0], "the replay to pause")
    kill(primary)
    wait_until_alone(standby)
    result = run_module("promote", parameters(standby))
    assert result["error_name"] == "replay_paused", result
    assert "max_connections 100, needed 150" in result["msg"]
    assert standby.running


def test_what_never_comes_is_not_replayed(primary: Server, standby: Server, run_module: RunModule) -> None:
    left_alone(primary, standby)
    result = run_module("promote", parameters(standby, replay_to="F/0", timeout=1))
    assert result["error_name"] == "not_replayed", result
    assert in_recovery(standby)
    assert run_module("promote", parameters(standby, replay_to="soon"))["error_name"] == "bad_value"


def test_half_a_record_does_not_hold_it_up(primary: Server, standby: Server, run_module: RunModule) -> None:
    """A primary that dies while it sends leaves a part of a record, which nobody will ever complete."""
    leave_half_a_record(primary, standby)
    result = run_module("promote", parameters(standby))
    assert result["promoted"], result


def test_nobody_sleeps_through_the_call(servers: ServerFactory, primary: Server, start_module: StartModule) -> None:
    """Told so while it loses its upstream, the server would sleep until it tries that again, and not be promoted."""
    standby = servers.standby("s", primary, settings={"wal_retrieve_retry_interval": "10min"})
    sender = primary.sql("SELECT pid FROM pg_stat_replication")[0][0]
    primary.sql("SELECT pg_terminate_backend(%s)", (sender,))  # only a second loss is followed by a sleep
    again = "SELECT 1 FROM pg_stat_replication WHERE pid <> %s AND state = 'streaming'"
    wait_for(lambda: primary.sql(again, (sender,)), "the standby to stream again")
    # it logs what runs every 15 seconds: nothing may come that cannot be replayed
    background = primary.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'")[0][0]
    os.kill(background, signal.SIGSTOP)
    wait_until_caught_up(standby, primary)
    replaying = standby.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")[0][0]
    os.kill(replaying, signal.SIGSTOP)
    kill(primary)
    wait_until_alone(standby)
    module = start_module("promote", parameters(standby, timeout=20))
    told = standby.data_directory / "promote"
    wait_for(lambda: told.exists() or not module.running, "the server to be told")
    os.kill(replaying, signal.SIGCONT)
    assert module.wait().get("promoted"), module.stdout


def test_one_that_was_told_may_still_become_a_primary(
    primary: Server, standby: Server, run_module: RunModule
) -> None:
    left_alone(primary, standby)
    replaying = standby.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")[0][0]
    os.kill(replaying, signal.SIGSTOP)
    result = run_module("promote", parameters(standby, timeout=2))
    assert result["error_name"] == "promotion_pending", result
    assert in_recovery(standby)
    os.kill(replaying, signal.SIGCONT)
    wait_for(lambda: not in_recovery(standby), "the promotion that it was told of")


def test_nobody_who_has_to_confirm(servers: ServerFactory, primary: Server, run_module: RunModule) -> None:
    """A synchronous standby that does not exist holds up every commit but ours."""
    standby = servers.standby("s", primary, settings={"synchronous_standby_names": "nobody"})
    left_alone(primary, standby)
    result = run_module("promote", parameters(standby))
    assert result["promoted"], result
    assert standby.sql("SHOW synchronous_standby_names") == [("nobody",)]
