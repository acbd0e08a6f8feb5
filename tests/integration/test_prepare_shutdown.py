# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module prepare_shutdown: the silent standby is let go, the others are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import LogicalReplicationConnection

from support.promotions import STREAMING
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {"data_directory": server.data_directory, "silence": 5, **more}


def names(primary: Server) -> list[str]:
    return [row[0] for row in primary.sql("SELECT application_name FROM pg_stat_replication ORDER BY 1")]


def pid_of(primary: Server, standby: Server) -> int:
    query = "SELECT pid FROM pg_stat_replication WHERE application_name = %s"
    return int(primary.sql(query, (standby.name,))[0][0])


@contextmanager
def silent(standby: Server) -> Iterator[None]:
    """Its walreceiver hears and says nothing any more; the kernel still takes what is sent to it."""
    receiver = standby.sql("SELECT pid FROM pg_stat_wal_receiver")[0][0]
    os.kill(receiver, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(receiver, signal.SIGCONT)


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    return servers.primary()


@pytest.fixture
def first(servers: ServerFactory, primary: Server) -> Server:
    return servers.standby("s1", primary)


@pytest.fixture
def second(servers: ServerFactory, primary: Server) -> Server:
    return servers.standby("s2", primary)


def test_the_silent_one_is_ended_and_the_other_is_not(
    primary: Server, first: Server, second: Server, run_module: RunModule
) -> None:
    kept = pid_of(primary, first)
    with silent(second):
        forecast = run_module("prepare_shutdown", parameters(primary, keep="s1"), check_mode=True)
        assert (forecast["changed"], forecast["ended"], forecast["checkpoint_lsn"]) == (False, [], None), forecast
        assert names(primary) == ["s1", "s2"]
        result = run_module("prepare_shutdown", parameters(primary, keep="s1"))
        assert not result["failed"], result
        assert (result["changed"], result["ended"]) == (True, ["s2 (local socket)"])
        assert names(primary) == ["s1"]
        assert pid_of(primary, first) == kept
        again = run_module("prepare_shutdown", parameters(primary))
        assert (again["changed"], again["ended"]) == (False, [])
        # waits for nobody: wal_sender_timeout is a minute
        primary.run("pg_ctl", "stop", "-w", "-t", "20", "-m", "fast", "-D", primary.data_directory)


def test_one_that_is_silent_while_much_is_written_is_ended_too(
    primary: Server, first: Server, second: Server, run_module: RunModule
) -> None:
    """Its walsender can send nothing more, not even that it was terminated."""
    with silent(second):
        primary.sql("CREATE TABLE big AS SELECT repeat('x', 500) AS t FROM generate_series(1, 40000)")
        end = primary.sql("SELECT pg_current_wal_lsn()")[0][0]
        wait_for(
            lambda: primary.sql(
                "SELECT 1 FROM pg_stat_replication WHERE application_name = 's1' AND flush_lsn >= %s", (end,)
            ),
            "s1 to have it",
        )
        assert primary.sql(
            "SELECT 1 FROM pg_stat_replication WHERE application_name = 's2' AND sent_lsn < %s", (end,)
        ), "the connection to s2 takes more than was written"
        result = run_module("prepare_shutdown", parameters(primary, keep="s1"))
        assert (result["failed"], result["ended"]) == (False, ["s2 (local socket)"]), result
        assert names(primary) == ["s1"]
        primary.run("pg_ctl", "stop", "-w", "-t", "20", "-m", "fast", "-D", primary.data_directory)


def test_nobody_is_ended_who_answers(primary: Server, first: Server, second: Server, run_module: RunModule) -> None:
    """Nor is the time of silence waited for when all have answered."""
    pids = [pid_of(primary, server) for server in (first, second)]
    before = primary.sql("SELECT checkpoint_lsn FROM pg_control_checkpoint()")
    result = run_module("prepare_shutdown", parameters(primary, silence=50, timeout=60))
    assert (result["changed"], result["ended"], result["backups"]) == (False, [], []), result
    assert result["waited_seconds"] < 50
    assert primary.sql("SELECT checkpoint_lsn FROM pg_control_checkpoint()") != before
    assert [pid_of(primary, server) for server in (first, second)] == pids


def test_the_candidate_is_never_ended(primary: Server, first: Server, second: Server, run_module: RunModule) -> None:
    with silent(first), silent(second):
        result = run_module("prepare_shutdown", parameters(primary, keep="s1", silence=1))
        assert result["error_name"] == "candidate_silent", result
        assert names(primary) == ["s1", "s2"]
    assert run_module("prepare_shutdown", parameters(primary, keep="s3"))["error_name"] == "candidate_not_attached"


def test_a_paused_replay_is_not_silence(primary: Server, first: Server, run_module: RunModule) -> None:
    first.sql("SELECT pg_wal_replay_pause()")
    result = run_module("prepare_shutdown", parameters(primary))
    assert (result["failed"], result["ended"]) == (False, []), result
    refused = run_module("prepare_shutdown", parameters(primary, keep="s1", replay_patience=1))
    assert refused["error_name"] == "candidate_not_replaying", refused


def test_a_base_backup_is_a_reason_to_refuse(servers: ServerFactory, primary: Server, run_module: RunModule) -> None:
    primary.sql("CREATE TABLE big AS SELECT repeat('x', 500) AS t FROM generate_series(1, 20000)")
    target = servers.empty("copy")
    backup = primary.account_entry.popen(
        [
            str(primary.bin_directory / "pg_basebackup"),
            *("-h", str(primary.socket_directory), "-p", str(primary.port)),
            *("-D", str(target.data_directory), "-c", "fast", "-X", "none", "--max-rate=32k"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: names(primary) == ["pg_basebackup"], "the backup to begin")
        sending = "SELECT 1 FROM pg_stat_replication WHERE state = 'backup'"
        wait_for(lambda: primary.sql(sending), "the backup to be under way")
        for check_mode in (True, False):
            result = run_module("prepare_shutdown", parameters(primary), check_mode=check_mode)
            assert result["error_name"] == "backup_running", result
        allowed = run_module("prepare_shutdown", parameters(primary, refuse_backup=False))
        assert (allowed["ended"], allowed["backups"]) == ([], ["pg_basebackup (local socket)"]), allowed
        assert primary.sql(sending)
    finally:
        backup.kill()
        backup.wait()


@contextmanager
def consumer(primary: Server, slot: str, *, confirms: bool) -> Iterator[None]:
    """A client of a logical slot that answers several times a second."""
    primary.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (slot,))
    with primary.account_entry.effective():
        connection = psycopg2.connect(
            f"host={primary.socket_directory} port={primary.port} dbname=postgres application_name=client_{slot}",
            connection_factory=LogicalReplicationConnection,
        )
    ended = threading.Event()

    def consume() -> None:
        with suppress(psycopg2.Error), connection.cursor() as cursor:
            cursor.start_replication(slot_name=slot, decode=True)
            answer: Any = cursor.send_feedback
            first = cursor.wal_end
            while not ended.wait(0.1):
                while cursor.read_message() is not None:
                    pass
                first = first or cursor.wal_end
                reached = cursor.wal_end if confirms else first
                answer(write_lsn=cursor.wal_end, flush_lsn=reached, apply_lsn=reached, force=True)

    thread = threading.Thread(target=consume)
    thread.start()
    try:
        wait_for(
            lambda: primary.sql("SELECT 1 FROM pg_stat_replication WHERE flush_lsn IS NOT NULL"), f"{slot} to answer"
        )
        yield
    finally:
        ended.set()
        thread.join()
        connection.close()


@pytest.fixture
def publisher(servers: ServerFactory) -> Server:
    return servers.primary(settings={"wal_level": "logical"})


def test_a_consumer_that_never_confirms_is_refused_by_name(publisher: Server, run_module: RunModule) -> None:
    with consumer(publisher, "cdc", confirms=False):
        publisher.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
        result = run_module("prepare_shutdown", parameters(publisher, consumer_patience=3, timeout=60))
        assert result.get("error_name") == "consumer_not_confirming", result
        pid = publisher.sql("SELECT pid FROM pg_stat_replication")[0][0]
        for word in ("slot cdc", "database postgres", "client_cdc (local socket)", f"process {pid},", "bytes behind"):
            assert word in result["msg"], result
        assert names(publisher) == ["client_cdc"]
        stop = publisher.run("pg_ctl", "stop", "-w", "-t", "5", "-D", publisher.data_directory, check=False)
        assert stop.returncode != 0, "a stop does wait for it"


def test_a_consumer_that_says_little_and_comes_back_is_refused(publisher: Server, run_module: RunModule) -> None:
    """It is taken for silent and ended, and tries again at once: a stop would wait for it after all."""
    publisher.sql("SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')")
    place = ["-h", str(publisher.socket_directory), "-p", str(publisher.port), "-d", "postgres"]
    words = ["pg_recvlogical", *place, "--slot=cdc", "--start", "--file=-", "--status-interval=600"]
    program = str(publisher.bin_directory / words[0])
    client = publisher.account_entry.popen([program, *words[1:]], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: names(publisher) == ["pg_recvlogical"], "it to stream")
        publisher.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
        result = run_module("prepare_shutdown", parameters(publisher, consumer_patience=3, timeout=60))
        assert result.get("error_name") == "consumer_not_confirming", result
        assert "it has come back" in result["msg"], result
        assert "slot cdc" in result["msg"], result
    finally:
        client.kill()
        client.wait()


def test_a_consumer_that_confirms_and_a_slot_without_one_hold_nothing_up(
    publisher: Server, run_module: RunModule
) -> None:
    publisher.sql("SELECT pg_create_logical_replication_slot('idle', 'test_decoding')")
    with consumer(publisher, "cdc", confirms=True):
        publisher.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
        result = run_module("prepare_shutdown", parameters(publisher, timeout=60))
        assert (result["failed"], result["ended"]) == (False, []), result
        assert names(publisher) == ["client_cdc"]
        publisher.run("pg_ctl", "stop", "-w", "-t", "20", "-m", "fast", "-D", publisher.data_directory)


def test_only_on_a_primary_that_runs(primary: Server, first: Server, run_module: RunModule) -> None:
    assert first.sql(STREAMING)
    for check_mode in (True, False):
        result = run_module("prepare_shutdown", parameters(first), check_mode=check_mode)
        assert result["error_name"] == "not_a_primary", result
    primary.stop()
    assert run_module("prepare_shutdown", parameters(primary))["error_name"] == "not_running"
