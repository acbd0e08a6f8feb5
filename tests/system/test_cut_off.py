# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is killed in the middle of a clone: site.yml once more puts everything right and leaves nothing behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator

import pytest

from support.hosts import Fleet
from support.hosts.controller import Controller, Run
from support.hosts.host import Host
from support.hosts.states import leftovers
from support.processes import kill_tree
from support.waiting import wait_for

DATA = "/var/lib/postgresql/15/main"
SIDE = f"{DATA}.hotstandby-clone"
# The tablespace's location on the primary and on db-2, and on db-3.
SPACE, ELSEWHERE = "/srv/space", "/srv/elsewhere"
SLOTS = [["hotstandby_db_2", "t"], ["hotstandby_db_3", "t"]]
ROWS = 150_000  # about a KiB each
PART_BYTES = 8 * 1024 * 1024
STREAMS = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1"


def declare(controller: Controller, **more: object) -> None:
    """The inventory; `more` are variables of db-3."""
    mapping = {"hot_standby_tablespace_mapping": {SPACE: ELSEWHERE}}
    controller.inventory(["db-1"], ["db-2", "db-3"], host_variables={"db-3": {**mapping, **more}})


def fill(fleet: Fleet) -> None:
    """Give the primary a large table, and one in a tablespace."""
    for name, location in (("db-1", SPACE), ("db-2", SPACE), ("db-3", ELSEWHERE), ("db-3", SPACE)):
        fleet[name].run("install", "-d", "-m", "700", "-o", "postgres", location)
    for statement in (
        f"CREATE TABLESPACE space LOCATION '{SPACE}'",
        "CREATE TABLE spaced TABLESPACE space AS SELECT i FROM generate_series(1, 5000) AS i",
        f"CREATE TABLE large AS SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, {ROWS}) AS i",
    ):
        fleet["db-1"].sql(statement)


def is_whole(fleet: Fleet) -> bool:
    """Whether the cluster is as `assert_converged` has seen it."""
    primary, standby = fleet["db-1"], fleet["db-3"]
    filled = primary.running and primary.run("test", "-d", SPACE, check=False).returncode == 0
    served = standby.running and standby.run("pg_ctlcluster", "15", "main", "status", check=False).returncode == 0
    return filled and served and not copying(standby) and primary.sql(STREAMS) == [["db-2"], ["db-3"]]


@pytest.fixture
def large(request: pytest.FixtureRequest, fleet: Fleet, controller: Controller) -> Fleet:
    """A cluster with much data, whose standby db-3 has lost its own. Filled once, as long as a test leaves it whole."""
    if not is_whole(fleet):
        request.getfixturevalue("cluster")
        fill(fleet)
    primary, standby = fleet["db-1"], fleet["db-3"]
    standby.run("pg_dropcluster", "--stop", "15", "main")
    standby.run("find", SPACE, ELSEWHERE, "-mindepth", "1", "-delete")
    mine = "FROM pg_replication_slots WHERE slot_name = 'hotstandby_db_3' AND NOT active"
    wait_for(
        lambda: primary.sql(f"SELECT slot_name, pg_drop_replication_slot(slot_name) {mine}"), "the slot to be free"
    )
    declare(controller, hot_standby_clone_max_rate="1M")
    return fleet


def copying(host: Host) -> list[str]:
    """Pids of pg_basebackup, the one that was started first comes first."""
    return host.run("pgrep", "--exact", "pg_basebackup", check=False).stdout.split()


def half_way(host: Host) -> bool:
    """Whether a part of the data is there, after all of the tablespace; the rest would take minutes."""
    size = host.run("sh", "-c", f"du --bytes --summarize {SIDE}/base", check=False).stdout
    return bool(size) and int(size.split()[0]) > PART_BYTES


@contextlib.contextmanager
def half_way_through(controller: Controller, host: Host) -> Iterator[subprocess.Popen[str]]:
    """site.yml, in the middle of the clone."""
    process = controller.start("site")
    try:
        wait_for(lambda: half_way(host) or process.poll() is not None, "the clone to be half-way", 300)
        assert process.poll() is None, process.communicate()[0]
        assert len(copying(host)) == 2  # the second one receives WAL
        assert host.run("find", ELSEWHERE, "-name", "*.hotstandby-clone-*").stdout
        yield process
    finally:
        process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """Its output, once it has failed by itself."""
    output = process.communicate(timeout=300)[0]
    assert process.returncode != 0, output
    return output


def assert_converged(fleet: Fleet, run: Run) -> None:
    """The next run has put everything right, and nothing of the one that was cut off is left."""
    assert run.returncode == 0, run.output
    primary, standby = fleet["db-1"], fleet["db-3"]
    assert primary.sql("SELECT slot_name, active FROM pg_replication_slots ORDER BY 1") == SLOTS
    assert primary.sql(STREAMS) == [["db-2"], ["db-3"]]
    assert copying(standby) == []
    # no module of the run that was cut off goes on
    wait_for(
        lambda: standby.run("pgrep", "--full", "AnsiballZ|ansible_collections", check=False).stdout == "",
        "the last module to end",
    )
    for host in (primary, fleet["db-2"], standby):
        assert leftovers(host) == []
    assert standby.sql("SELECT count(*), count(DISTINCT i) FROM large") == [[str(ROWS)] * 2]
    assert standby.sql("SELECT count(*) FROM spaced") == [["5000"]]
    assert standby.sql("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'space'") == [[ELSEWHERE]]


def test_pg_basebackup_is_killed(large: Fleet, controller: Controller) -> None:
    with half_way_through(controller, large["db-3"]) as process:
        large["db-3"].run("kill", "-KILL", copying(large["db-3"])[0])
        output = said(process)
    errors = [line for line in output.splitlines() if line.startswith("[ERROR]") and "pg_basebackup" in line]
    assert len(errors) == 1, output
    assert "failed: it was killed by signal 9. Put that right and run this again; nothing was changed" in errors[0]
    assert "fatal: [db-3]: FAILED!" in output
    assert leftovers(large["db-3"]) == []
    declare(controller)
    assert_converged(large, controller.playbook("site"))


def test_the_controller_is_killed(large: Fleet, controller: Controller) -> None:
    with half_way_through(controller, large["db-3"]) as process:
        kill_tree(process)
        assert process.returncode == -signal.SIGKILL
    assert len(copying(large["db-3"])) == 2, "the clone goes on by itself"
    declare(controller)
    assert_converged(large, controller.playbook("site"))


def test_the_power_of_the_standby_fails(large: Fleet, controller: Controller) -> None:
    host = large["db-3"]
    with half_way_through(controller, host) as process:
        host.disconnect()  # so that nobody is told
        host.kill()
        host.connect()
        host.container.start()
        # Debian starts at boot what is configured, and there is no data yet; all else is up then
        wait_for(lambda: host.fault().startswith("units have failed: postgresql@15-main.service"), "db-3 to boot", 180)
        output = said(process)
    assert "UNREACHABLE" in output
    assert leftovers(host) != []
    declare(controller)
    assert_converged(large, controller.playbook("site"))
    assert set(controller.playbook("site", check=True).changed.values()) == {0}
