# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What switchover.yml refuses, each with its name, or finds done: a client writes on meanwhile and notices nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from support import writer
from support.hosts import Fleet, faults
from support.hosts.controller import Controller
from support.hosts.host import Host
from support.hosts.states import in_recovery, plan, position, refused, wait_until_replayed
from support.waiting import wait_for
from support.writer import Writer

NODES = ("db-1", "db-2", "db-3")
HBA = "/etc/postgresql/15/main/pg_hba.conf"
BACKLOG = 2
LAG_BYTES = 1024 * 1024
MORE_THAN_THAT = (
    "INSERT INTO written (writer, n, at) SELECT 'bulk', nextval('bulk'), now() FROM generate_series(1, 20000)"
)
READY = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"


@pytest.fixture(scope="module")
def shared(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """One cluster for all refusals: none of them changes it."""
    writer.cluster(fleet, Controller(fleet, tmp_path_factory.mktemp("controller"), variables=writer.VARIABLES))
    fleet["db-1"].sql("SET ROLE app; CREATE SEQUENCE bulk", database=writer.DATABASE)
    return fleet


@pytest.fixture(scope="module")
def client(shared: Fleet) -> Iterator[Writer]:
    """Writes from the first refusal to the last."""
    with Writer([shared[name].address for name in NODES]) as running:
        yield running


@contextmanager
def untouched(primary: Host, client: Writer) -> Iterator[None]:
    """The server goes on, writable, and the client has not met a single error."""
    started = primary.sql("SELECT pg_postmaster_start_time()")
    yield
    client.proceed()
    assert primary.sql("SELECT pg_postmaster_start_time()") == started
    assert not in_recovery(primary)
    assert client.errors == []
    assert client.lost(primary) == []


def switch_wal(primary: Host) -> None:
    """A segment more for the archiver."""
    primary.sql("SELECT pg_logical_emit_message(false, 'test', 'something to archive')")
    primary.sql("SELECT pg_switch_wal()")


def backlog(primary: Host) -> int:
    return int(primary.sql(READY)[0][0])


@contextmanager
def slow_archive(fleet: Fleet) -> Iterator[None]:
    primary = fleet["db-1"]
    primary.run("touch", writer.SLOW_ARCHIVE)
    try:
        while backlog(primary) <= BACKLOG + 1:
            switch_wal(primary)
        yield
    finally:
        primary.run("rm", writer.SLOW_ARCHIVE)
        wait_for(lambda: backlog(primary) == 0, "the archive to have all")


@contextmanager
def failing_archive(fleet: Fleet) -> Iterator[None]:
    primary = fleet["db-1"]
    failed = "SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver"
    primary.run("touch", writer.NO_ARCHIVE)
    try:
        switch_wal(primary)
        wait_for(lambda: primary.sql(failed) == [["t"]], "the archiver to fail")
        yield
    finally:
        primary.run("rm", writer.NO_ARCHIVE)
        switch_wal(primary)  # which wakes the archiver
        wait_for(lambda: backlog(primary) == 0, "the archive to have all")


@contextmanager
def lagging(fleet: Fleet) -> Iterator[None]:
    with faults.frozen(fleet["db-2"], "startup"):
        fleet["db-1"].sql(MORE_THAN_THAT, database=writer.DATABASE)
        yield
    wait_until_replayed(fleet["db-2"], position(fleet["db-1"]))


@contextmanager
def replay_paused(fleet: Fleet) -> Iterator[None]:
    fleet["db-2"].sql("SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        fleet["db-2"].sql("SELECT pg_wal_replay_resume()")


@contextmanager
def closed(fleet: Fleet) -> Iterator[None]:
    """Access rules under which db-2 lets nobody replicate from it."""
    db2 = fleet["db-2"]
    db2.run("cp", "-p", HBA, f"{HBA}.kept")
    db2.run("sed", "-i", "/replicat/d", HBA)
    db2.sql("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        db2.run("mv", f"{HBA}.kept", HBA)
        db2.sql("SELECT pg_reload_conf()")


@contextmanager
def altered(fleet: Fleet, setting: str, value: str) -> Iterator[None]:
    """Somebody's ALTER SYSTEM on db-2."""
    db2 = fleet["db-2"]
    db2.sql(f"ALTER SYSTEM SET {setting} = '{value}'")
    db2.sql("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        db2.sql(f"ALTER SYSTEM RESET {setting}")
        db2.sql("SELECT pg_reload_conf()")


@contextmanager
def stopped(fleet: Fleet, *names: str) -> Iterator[None]:
    for name in names:
        fleet[name].run("systemctl", "stop", faults.UNIT)
    try:
        yield
    finally:
        for name in names:
            fleet[name].run("systemctl", "start", faults.UNIT)
        wait_for(lambda: fleet["db-1"].sql(writer.STREAMING) == [["db-2"], ["db-3"]], "the standbys to stream")


@contextmanager
def as_it_is(fleet: Fleet) -> Iterator[None]:
    assert fleet.hosts
    yield


Condition = Callable[[Fleet], AbstractContextManager[None]]
TO_DB_2 = ("-e", "switchover_to=db-2")
# Under which condition, with which arguments: the name of the refusal, and what else its line has to say.
REFUSED: dict[str, tuple[Condition, tuple[str, ...], str, str]] = {
    "archive backlog": (
        slow_archive,
        (*TO_DB_2, "-e", f"switchover_maximum_archive_backlog={BACKLOG}"),
        "archive_backlog",
        rf"db-1: ([{BACKLOG + 1}-9]|\d\d+) WAL files",
    ),
    "archiver fails": (failing_archive, TO_DB_2, "archiver_failing", "db-1: .*archive_command"),
    "lagging": (
        lagging,
        (*TO_DB_2, "-e", f"switchover_maximum_lag={LAG_BYTES}"),
        "candidate_lagging",
        r"db-2: .*[\d,]{9,} bytes",
    ),
    "replay paused": (replay_paused, TO_DB_2, "replay_paused", "db-2: "),
    "access rules": (closed, TO_DB_2, "candidate_rejects", "no pg_hba.conf entry for replication connection"),
    "settings": (lambda fleet: altered(fleet, "wal_keep_size", "1MB"), TO_DB_2, "overridden", "error_name"),
    "synchronous with itself": (
        lambda fleet: altered(fleet, "synchronous_standby_names", '"db-2"'),
        TO_DB_2,
        "commits_would_wait",
        "db-2: .*there is none",
    ),
    "stopped candidate": (lambda fleet: stopped(fleet, "db-2"), TO_DB_2, "candidate_not_streaming", "db-2: "),
    "no healthy candidate": (lambda fleet: stopped(fleet, "db-2", "db-3"), (), "no_candidate", "db-2: .*db-3: "),
    "unknown host": (as_it_is, ("-e", "switchover_to=db-9"), "unknown_host", "db-9"),
    "never promoted": (as_it_is, ("-e", "switchover_to=db-3"), "never_promote", "db-3: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_primary_untouched(case: str, shared: Fleet, client: Writer, controller: Controller) -> None:
    condition, arguments, name, words = REFUSED[case]
    never = {"db-3": {"hot_standby_never_promote": case == "never promoted"}}
    controller.inventory(["db-1"], ["db-2", "db-3"], host_variables=never)
    with untouched(shared["db-1"], client), condition(shared):
        line = refused(controller.playbook("switchover", *arguments), name)
        assert re.search(words, line), line
        client.proceed()


def test_to_the_primary_there_is_nothing_to_do(shared: Fleet, client: Writer, controller: Controller) -> None:
    controller.inventory(["db-1"], ["db-2", "db-3"])
    with untouched(shared["db-1"], client):
        run = controller.playbook("switchover", "-e", "switchover_to=db-1", check=True)
        assert not any(run.changed.values()), run.output
        assert plan(run) == {"db-1": ["none"]}


def test_check_mode_shows_the_plan_and_does_nothing(shared: Fleet, client: Writer, controller: Controller) -> None:
    controller.inventory(["db-1"], ["db-2", "db-3"])
    with untouched(shared["db-1"], client):
        run = controller.playbook("switchover", "--check", *TO_DB_2, check=True)
        assert plan(run) == {"db-1": ["hand_over"], "db-2": ["promote"], "db-3": ["follow"]}
        assert shared["db-1"].sql(writer.STREAMING) == [["db-2"], ["db-3"]]
