# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module promote, armed: the candidate takes over at its primary's clean stop, and at nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.armed import ARMED_SESSION
from support.modules import ModuleProcess
from support.promotions import STREAMING, in_recovery, kill, wait_until_alone, wait_until_caught_up
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]

LONG, SHORT = 60, 10


def parameters(server: Server, arm_timeout: int = LONG, **more: Any) -> dict[str, Any]:
    return {
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "when": "primary_has_stopped",
        "arm_timeout": arm_timeout,
        **more,
    }


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    primary = servers.primary()
    primary.sql("CREATE TABLE t (i int)")
    return primary


@pytest.fixture
def standby(servers: ServerFactory, primary: Server) -> Server:
    standby = servers.standby("s", primary, settings={"wal_retrieve_retry_interval": "200ms"})
    wait_until_caught_up(standby, primary)
    return standby


def wait_until_armed(standby: Server) -> None:
    """Wait for the sign that the primary is stopped upon, and for a look that begins after this call."""
    now = standby.sql("SELECT clock_timestamp()")[0][0]
    looked = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND query_start > %s"
    wait_for(lambda: standby.sql(looked, (ARMED_SESSION, now)), "the module to look, armed")


def shutdown_checkpoint_end(primary: Server) -> int:
    """The end of the WAL of the stopped primary, as pg_waldump tells it."""
    listed = primary.run("pg_controldata", "-D", primary.data_directory, environ={"LC_ALL": "C"}).stdout
    start = next(line.split()[-1] for line in listed.splitlines() if line.startswith("Latest checkpoint location"))
    summary = primary.run("pg_waldump", "-p", primary.data_directory / "pg_wal", "-s", start, "-z", check=False).stdout
    return position(summary.split(" and ", 1)[1].split(":", 1)[0])


def position(lsn: str) -> int:
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)


def test_takes_over_with_every_row(servers: ServerFactory, primary: Server, start_module: StartModule) -> None:
    """However long the standby would sleep before it tries its upstream again."""
    standby = servers.standby("s", primary, settings={"wal_retrieve_retry_interval": "10min"})
    module = start_module("promote", parameters(standby, timeout=20))
    wait_until_armed(standby)
    primary.sql("INSERT INTO t SELECT generate_series(1, 200000)")
    primary.stop()
    result = module.wait()
    assert not result["failed"], result
    assert (result["changed"], result["promoted"], result["primary"], result["timeline"]) == (True, True, True, 2), (
        result
    )
    assert "CHECKPOINT_SHUTDOWN" in result["reason"]
    assert standby.sql("SELECT count(*) FROM t") == [(200000,)]
    assert shutdown_checkpoint_end(primary) <= position(result["switch_point"])


def test_takes_over_when_wal_is_switched_before_the_end(servers: ServerFactory, start_module: StartModule) -> None:
    """With an archive the shutdown checkpoint is the first record of its segment."""
    primary = servers.primary(settings={"archive_mode": "on", "archive_command": "true"})
    standby = servers.standby("s", primary)
    module = start_module("promote", parameters(standby))
    wait_until_armed(standby)
    primary.stop()
    result = module.wait()
    assert result["promoted"], result
    assert shutdown_checkpoint_end(primary) <= position(result["switch_point"])


def test_a_crash_is_no_stop(primary: Server, standby: Server, start_module: StartModule) -> None:
    module = start_module("promote", parameters(standby, SHORT))
    wait_until_armed(standby)
    primary.sql("INSERT INTO t VALUES (1)")
    kill(primary)
    result = module.wait()
    assert (result["failed"], result["changed"], result["promoted"], result["primary"]) == (False, False, False, False)
    assert "the walreceiver has ended, but the last record is" in result["reason"], result
    assert in_recovery(standby)


def test_a_primary_that_stays_up(primary: Server, standby: Server, run_module: RunModule) -> None:
    result = run_module("promote", parameters(standby, 1))
    assert (result["failed"], result["changed"], result["promoted"]) == (False, False, False), result
    assert "the walreceiver still streams" in result["reason"]
    assert in_recovery(standby)
    assert primary.sql("SELECT state FROM pg_stat_replication") == [("streaming",)]


def test_somebody_else_promotes_it(primary: Server, standby: Server, start_module: StartModule) -> None:
    """That is no "nobody was promoted": the old primary must not be started beside it."""
    module = start_module("promote", parameters(standby))
    wait_until_armed(standby)
    assert standby.sql("SELECT pg_promote()") == [(True,)]
    result = module.wait()
    assert (result["failed"], result.get("error_name")) == (True, "not_promoted"), result
    assert "somebody else" in result["msg"]


@contextmanager
def ended_receiver(standby: Server) -> Iterator[None]:
    """End the walreceiver and keep it from coming back; nothing of the primary's is touched."""
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.reload()
    try:
        yield
    finally:
        standby.sql("ALTER SYSTEM RESET primary_conninfo")


def test_an_old_stop_does_not_count(primary: Server, standby: Server, start_module: StartModule) -> None:
    """The last record is a shutdown checkpoint, of an earlier stop, and the primary lives."""
    primary.stop()
    wait_until_alone(standby)
    # held where it is: started again, the primary writes nothing that could follow the checkpoint
    primary.configure({"bgwriter_delay": 10000, "autovacuum": False, "checkpoint_timeout": "1h"})
    primary.start()
    wait_for(lambda: standby.sql(STREAMING), "the standby to stream again")
    module = start_module("promote", parameters(standby, SHORT))
    wait_until_armed(standby)
    with ended_receiver(standby):
        result = module.wait()
        assert (result["failed"], result["changed"], result["promoted"]) == (False, False, False), result
        assert "the last record is the old CHECKPOINT_SHUTDOWN" in result["reason"]
        assert in_recovery(standby)
        assert primary.running


def test_a_receiver_that_comes_back_means_that_the_primary_lives(
    primary: Server, standby: Server, start_module: StartModule
) -> None:
    """And a clean stop after that is one all the same."""
    module = start_module("promote", parameters(standby))
    wait_until_armed(standby)
    first = primary.sql("SELECT pid FROM pg_stat_replication")[0][0]
    primary.sql("SELECT pg_terminate_backend(%s)", (first,))
    again = "SELECT 1 FROM pg_stat_replication WHERE pid <> %s AND state = 'streaming'"
    wait_for(lambda: primary.sql(again, (first,)), "the standby to stream again")
    assert in_recovery(standby)
    wait_until_armed(standby)
    primary.sql("INSERT INTO t VALUES (1)")
    wait_until_caught_up(standby, primary)
    primary.sql("INSERT INTO t VALUES (2)")
    wait_until_caught_up(standby, primary)
    wait_until_armed(standby)
    primary.stop()
    result = module.wait()
    assert result["promoted"], result
    assert standby.sql("SELECT count(*) FROM t") == [(2,)]


def test_a_crash_and_recovery_of_the_primary_is_no_stop(
    primary: Server, standby: Server, start_module: StartModule
) -> None:
    """It ends with a record that looks like a shutdown; then the connection breaks, and the primary lives."""
    module = start_module("promote", parameters(standby, 8))
    wait_until_armed(standby)
    primary.stop("immediate")
    primary.configure({"bgwriter_delay": 10000, "autovacuum": False, "checkpoint_timeout": "1h"})
    primary.start()
    wait_for(lambda: standby.sql(STREAMING), "the standby to stream again")
    wait_until_caught_up(standby, primary)
    with ended_receiver(standby):
        result = module.wait()
        assert (result["changed"], result["promoted"]) == (False, False), result
        assert in_recovery(standby)
        assert primary.running


def freeze_armed(standby: Server) -> int:
    """Stop the session that looks, between two looks (in one it may hold what the replay needs); its pid, or 0."""
    session = "SELECT pid, state FROM pg_stat_activity WHERE application_name = %s"
    pid = int(standby.sql(session, (ARMED_SESSION,))[0][0])
    os.kill(pid, signal.SIGSTOP)
    if standby.sql(session, (ARMED_SESSION,)) == [(pid, "idle")]:
        return pid
    os.kill(pid, signal.SIGCONT)
    return 0


def test_a_crash_that_the_armed_slept_through(primary: Server, standby: Server, start_module: StartModule) -> None:
    """It sees one stream that ended and behind it what looks like a shutdown; only the primary itself can tell."""
    module = start_module("promote", parameters(standby, 20))
    wait_until_armed(standby)
    asked = wait_for(lambda: freeze_armed(standby), "the session of the armed to be stopped")
    try:
        primary.stop("immediate")
        primary.configure({"bgwriter_delay": 10000, "autovacuum": False, "checkpoint_timeout": "1h"})
        primary.start()
        wait_for(lambda: standby.sql(STREAMING), "the standby to stream again")
        wait_until_caught_up(standby, primary)
        with ended_receiver(standby):
            wait_until_alone(standby)
            os.kill(asked, signal.SIGCONT)
            result = module.wait()
    finally:
        with suppress(ProcessLookupError):
            os.kill(asked, signal.SIGCONT)
    assert (result["failed"], result["changed"], result["promoted"]) == (False, False, False), result
    assert "but the primary answers" in result["reason"]
    assert in_recovery(standby)
    assert primary.running


def test_after_the_time_is_up_it_stays_a_standby(primary: Server, standby: Server, run_module: RunModule) -> None:
    assert not run_module("promote", parameters(standby, 1))["promoted"]
    primary.stop()
    wait_until_alone(standby)
    assert in_recovery(standby)


def test_whoever_does_not_listen_gets_no_promotion(primary: Server, standby: Server, start_module: StartModule) -> None:
    """The controller's connection breaks: nobody would learn of the promotion."""
    module = start_module("promote", parameters(standby, 10 * LONG))
    wait_until_armed(standby)
    assert module.process.stdout
    module.process.stdout.close()
    wait_for(lambda: not module.running, "the module to end")
    primary.stop()
    wait_until_alone(standby)
    assert in_recovery(standby)


def test_what_is_not_replayed_in_time(primary: Server, standby: Server, start_module: StartModule) -> None:
    module = start_module("promote", parameters(standby, SHORT, replay_to="F/0"))
    wait_until_armed(standby)
    primary.stop()
    result = module.wait()
    assert (result["changed"], result["promoted"]) == (False, False), result
    assert "not everything" in result["reason"]
    assert in_recovery(standby)


def test_refused_at_once(primary: Server, standby: Server, run_module: RunModule) -> None:
    forecast = run_module("promote", parameters(standby), check_mode=True)
    assert (forecast["changed"], forecast["promoted"]) == (True, False), forecast
    standby.sql("SELECT pg_wal_replay_pause()")
    assert run_module("promote", parameters(standby))["error_name"] == "replay_paused"
    standby.sql("SELECT pg_wal_replay_resume()")
    assert run_module("promote", parameters(standby, bin_directory="/nowhere"))["error_name"] == "missing_program"
    primary.stop()
    wait_until_alone(standby)
    for check_mode in (True, False):
        result = run_module("promote", parameters(standby), check_mode=check_mode)
        assert result["error_name"] == "not_streaming", result
    assert in_recovery(standby)
