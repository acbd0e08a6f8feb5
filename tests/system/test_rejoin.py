# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rejoin.yml brings every node back by the cheapest safe path, and says which that was."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import sweep
from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.faults import DATA, UNIT, kill_postmaster
from support.hosts.host import Host
from support.hosts.states import (
    BIN,
    assert_cluster,
    in_recovery,
    leftovers,
    paths,
    plan,
    plan_line,
    position,
    promote,
    refused,
    said,
    wait_until_replayed,
)
from support.waiting import wait_for

NODES = ("db-1", "db-2", "db-3")
ARCHIVE = "/var/lib/postgresql/archive"
ARCHIVING = f"test -e {ARCHIVE}/%f || cp %p {ARCHIVE}/%f"
CONFIGURATION = "/etc/postgresql/15/main/postgresql.conf"
OWN_CONFIGURATION = f"{DATA}/own.conf"
NO_CLONE = {"hot_standby_allow_clone": False}
# Blocks that differ are copied for a moment, long enough to be killed in: 60 MiB in one table.
LARGE = "CREATE TABLE large AS SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 60000) AS i"


def declare(
    controller: Controller,
    host_variables: Mapping[str, Mapping[str, object]] | None = None,
    **settings: str,
) -> None:
    """The inventory; `settings` are the servers'."""
    controller.inventory(["db-1"], ["db-2", "db-3"], {"postgres_settings": settings}, host_variables)


def write_alone(host: Host) -> str:
    """Rows that the other primary does not have; their end."""
    host.sql("CREATE TABLE alone AS SELECT i FROM generate_series(1, 1000) AS i")
    return position(host)


def has_alone(host: Host) -> bool:
    return host.sql("SELECT to_regclass('alone') IS NOT NULL") == [["t"]]


def start_time(host: Host) -> list[list[str]]:
    return host.sql("SELECT pg_postmaster_start_time()")


def states(fleet: Fleet) -> dict[str, object]:
    query = "SELECT pg_is_in_recovery(), pg_postmaster_start_time(), current_setting('primary_conninfo')"
    return {name: fleet[name].sql(query) for name in NODES}


def everywhere(fleet: Fleet, *command: str, user: str = "root") -> None:
    """The same command on the three hosts at the same time."""
    with ThreadPoolExecutor(max_workers=len(NODES)) as pool:
        list(pool.map(lambda name: fleet[name].run(*command, user=user), NODES))


def test_two_primaries(cluster: Fleet, controller: Controller) -> None:
    """The old one is up, writes, and is even followed: it is fenced and rewound, and its follower with it."""
    old, new, follower = (cluster[name] for name in NODES)
    for host in (old, new, follower):
        for setting in ("log_statement = 'all'", "log_connections = on"):
            host.sql(f"ALTER SYSTEM SET {setting}")
        host.sql("SELECT pg_reload_conf()")
    # configuration of its own, in the data directory and outside of it
    old.run("sh", "-c", f"echo '# mine' >{OWN_CONFIGURATION}", user="postgres")
    old.run("sh", "-c", f"echo \"include '{OWN_CONFIGURATION}' # mine\" >>{CONFIGURATION}")
    old.sql("ALTER SYSTEM SET work_mem = '5MB'")
    promote(new)
    new.sql("ALTER SYSTEM SET work_mem = '6MB'")
    wait_until_replayed(follower, write_alone(old))

    before = states(cluster)
    line = refused(controller.playbook("rejoin"), "two_primaries")
    assert "db-1" in line
    assert "db-2" in line
    assert "rejoin_primary" in line, "the way out"
    assert states(cluster) == before

    run, samples = sweep.playbook(cluster, controller, "rejoin", "-e", "rejoin_primary=db-2")
    assert run.returncode == 0, run.output
    assert plan(run)["db-1"] == ["fence", "rewind", "start"]
    assert plan(run)["db-3"] == ["rewind", "start"]
    assert "gone" in plan_line(run, "db-1", "rewind")
    assert paths(run) == {"db-1": "rewound", "db-3": "rewound"}
    assert states(cluster)["db-2"] == before["db-2"], "the primary was not touched"
    for name in NODES:
        assert not has_alone(cluster[name])
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)
    # its own configuration is kept
    assert old.read(OWN_CONFIGURATION) == b"# mine\n"
    assert old.run("grep", "-c", "# mine", CONFIGURATION).stdout == "1\n"
    assert old.sql("SHOW work_mem") == [["5MB"]]
    for name in NODES:
        assert leftovers(cluster[name]) == []
    assert not any(controller.playbook("rejoin", check=True).changed.values())

    assert samples.saw("db-1", "cmdline", b"pg_rewind\0")
    assert sweep.findings(cluster, run, samples) == []


def test_cleanly_stopped_and_never_diverged(cluster: Fleet, controller: Controller) -> None:
    """Both it and the other standby follow; neither is rewound or copied, and the files are the same ones."""
    old, new = cluster["db-1"], cluster["db-2"]
    inode = old.run("stat", "--format=%i", f"{DATA}/PG_VERSION").stdout
    old.run("systemctl", "stop", UNIT)
    promote(new)
    run = controller.playbook("rejoin", check=True)
    assert plan(run) == {"db-1": ["follow", "start"], "db-2": ["none"], "db-3": ["follow"]}
    assert paths(run) == {}
    assert old.run("stat", "--format=%i", f"{DATA}/PG_VERSION").stdout == inode
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)


@pytest.fixture
def without_hints(cluster: Fleet, controller: Controller) -> Fleet:
    """A cluster in which no block tells that it was changed: neither checksums nor hints in the WAL."""
    declare(controller, wal_log_hints="off")
    everywhere(cluster, "systemctl", "stop", UNIT)
    everywhere(cluster, f"{BIN}/pg_checksums", "--disable", "-D", DATA, user="postgres")
    everywhere(cluster, "sh", "-c", f"echo 'wal_log_hints = off' >>{CONFIGURATION}")
    for name in NODES:
        cluster[name].run("systemctl", "start", UNIT)
    off = "SELECT current_setting('data_checksums'), current_setting('wal_log_hints')"
    assert cluster["db-1"].sql(off) == [["off", "off"]]
    # the shutdown was written by db-1 alone and sent when it was up again
    wait_until_replayed(cluster["db-2"], position(cluster["db-1"]))
    wait_until_replayed(cluster["db-3"], position(cluster["db-1"]))
    return cluster


def test_what_cannot_be_rewound_is_cloned_if_that_is_allowed(without_hints: Fleet, controller: Controller) -> None:
    old = without_hints["db-1"]
    without_hints["db-3"].run("systemctl", "stop", UNIT)
    promote(without_hints["db-2"])
    write_alone(old)
    declare(controller, {"db-1": NO_CLONE}, wal_log_hints="off")
    started = start_time(old)
    # no standby streams from either of the two
    refused(controller.playbook("rejoin"), "two_primaries")
    wanted = ("-e", "rejoin_primary=db-2")
    line = refused(controller.playbook("rejoin", *wanted), "cannot_rewind")
    assert "db-1" in line
    assert "hot_standby_allow_clone" in line
    assert start_time(old) == started
    assert not in_recovery(old)

    declare(controller, wal_log_hints="off")
    run = controller.playbook("rejoin", *wanted, check=True)
    assert plan(run)["db-1"] == ["fence", "clone", "start"]
    assert plan(run)["db-3"] == ["follow", "start"]
    assert not has_alone(old)
    assert_cluster(without_hints, "db-2", ["db-1", "db-3"], on_timeline=2)
    for name in NODES:
        assert leftovers(without_hints[name]) == []


FORGETFUL = {"wal_keep_size": "0", "min_wal_size": "'32MB'", "max_wal_size": "'48MB'"}


def test_needed_wal_is_recycled(cluster: Fleet, controller: Controller) -> None:
    """Both have diverged and lack the WAL behind the fork: the one with an archive is rewound, the other cloned."""
    old, new, follower = (cluster[name] for name in NODES)
    old.run("install", "-d", "-o", "postgres", ARCHIVE)
    old.run("sed", "-i", f"s#^archive_command.*#archive_command = '{ARCHIVING}'#", CONFIGURATION)
    old.sql("SELECT pg_reload_conf()")
    wait_for(lambda: old.sql("SHOW archive_command") == [[ARCHIVING]], "db-1 to archive")
    common = old.sql("SELECT redo_wal_file FROM pg_control_checkpoint()")[0][0]
    promote(new)

    write_alone(old)
    for host in (old, follower):
        for setting, value in FORGETFUL.items():
            host.sql(f"ALTER SYSTEM SET {setting} = {value}")
        host.sql("SELECT pg_reload_conf()")
    unused = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
    others = "SELECT slot_name FROM pg_replication_slots"
    wait_for(lambda: (old.sql(unused), len(old.sql(others)) == 1)[1], "only db-3's slot to be left")

    def is_recycled() -> bool:
        old.sql("SELECT pg_switch_wal() FROM (SELECT pg_logical_emit_message(false, 'test', 'x')) AS written")
        old.sql("CHECKPOINT")
        wait_until_replayed(follower, position(old))
        follower.sql("CHECKPOINT")
        there = f"SELECT 1 FROM pg_ls_waldir() WHERE name = '{common}'"
        return old.sql(there) == follower.sql(there) == []

    wait_for(is_recycled, f"both to recycle {common}")
    wait_for(
        lambda: old.run("test", "-e", f"{ARCHIVE}/{common}", check=False).returncode == 0, "the archive to have it"
    )

    for setting in FORGETFUL:
        old.sql(f"ALTER SYSTEM RESET {setting}")
    of_db_1 = {
        "postgres_settings": {"archive_mode": "on", "archive_command": ARCHIVING},
        "hot_standby_restore_command": f"cp {ARCHIVE}/%f %p",
    }
    declare(controller, {"db-1": of_db_1})
    run = controller.playbook("rejoin", "-e", "rejoin_primary=db-2")
    assert run.returncode == 0, run.output
    assert paths(run) == {"db-1": "rewound", "db-3": "impossible"}
    assert "TASK [hotstandby.postgresql.hot_standby : clone | Clone the primary, or a standby of it]" in run.stdout
    assert not has_alone(old)
    assert not has_alone(follower)
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)


# Runs the real program, and kills it when it has begun to copy a file; 3 if that was too late.
_KILLED_HALF_WAY = """#!/bin/sh
case " $* " in
  *" --dry-run "*) exec {real} "$@" ;;
  *" --source-server"*) ;;
  *) exec {real} "$@" ;;
esac
{real} "$@" &
while [ ! -s {victim} ]; do
  read -r state </proc/$!/stat
  case "$state" in *") Z "*) exit 3 ;; esac
done
kill -KILL $!
wait $!
touch /tmp/killed
kill -KILL $$
"""


def test_pg_rewind_is_killed_half_way(cluster: Fleet, controller: Controller) -> None:
    """Its directory is never started again: the next run sees the wreck, moves it aside and clones."""
    old, new = cluster["db-1"], cluster["db-2"]
    program, real = f"{BIN}/pg_rewind", f"{BIN}/pg_rewind.real"
    cluster["db-3"].run("systemctl", "stop", UNIT)
    promote(new)
    write_alone(old)
    kill_postmaster(old)
    new.sql(
        "CREATE TABLE small AS SELECT 1; CREATE TABLE smaller AS SELECT 1"
    )  # so that its file has a name of its own
    new.sql(LARGE)
    table = new.sql("SELECT pg_relation_filepath('large')")[0][0]
    assert old.run("test", "-e", f"{DATA}/{table}", check=False).returncode == 1
    old.run("mv", program, real)
    script = _KILLED_HALF_WAY.format(real=real, victim=f"{DATA}/{table}")
    old.run("sh", "-c", 'printf %s "$1" >"$2"; chmod 755 "$2"', "sh", script, program)

    run = controller.playbook("rejoin")
    assert plan(run)["db-1"] == ["rewind", "start"]
    said(run, "rewind_failed")
    assert "PROBLEM: db-1: this run failed on it" in run.stdout, "what it was before is true no more"
    assert old.run("test", "-e", "/tmp/killed", check=False).returncode == 0, "it was killed while it copied"
    assert old.run("test", "-e", f"{DATA}/standby.signal", check=False).returncode == 0
    assert old.run("systemctl", "is-active", UNIT, check=False).stdout != "active\n"

    old.run("mv", real, program)
    run = controller.playbook("rejoin", check=True)
    assert plan(run)["db-1"] == ["clone", "start"]
    assert "a rewind was cut off here" in plan_line(run, "db-1", "clone")
    assert not has_alone(old)
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)
    for name in NODES:
        assert leftovers(cluster[name]) == []


def test_without_a_primary_there_is_nothing_to_rejoin(cluster: Fleet, controller: Controller) -> None:
    cluster["db-1"].run("systemctl", "stop", UNIT)
    assert "failover.yml" in refused(controller.playbook("rejoin"), "no_primary")
