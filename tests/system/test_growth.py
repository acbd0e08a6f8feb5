# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A standby that is new in the inventory is cloned while the primary is written to; nobody else is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.host import Host
from support.hosts.states import leftovers
from support.waiting import wait_for

OLD = ("db-1", "db-2", "db-3")
SLOTS = [[f"hotstandby_db_{number}", "t"] for number in (2, 3, 4)]
CLONING = "^/usr/lib/postgresql/15/bin/pg_basebackup -D"  # and not one that only tells its version
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
SEGMENT_BYTES = 16 * 1024 * 1024
# WAL that nobody needs is gone at the next checkpoint.
SHORT_MEMORY = {
    "postgres_wal_keep": 0,
    "postgres_settings": {"min_wal_size": "32MB", "max_wal_size": "48MB", "checkpoint_timeout": "30s"},
}
TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_history", "pgbench_tellers")
WRITES = "pgbench-writes"
LEAST_TURNS = 5
PASSFILE = "Write the passfile of the replication user"
GUARD = "Keep the boot guard"  # it asks all the other nodes
RULES = "Write and prove the access rules"


def changed_tasks(output: str) -> dict[str, list[str]]:
    """Names of the tasks that changed something, by host, without the role's name."""
    found: dict[str, list[str]] = {}
    task = ""
    for line in output.splitlines():
        heading = re.match(r"TASK \[(?:.* : )?(?:\w+ \| )?(.*)\] \**$", line)
        task = heading[1] if heading else task
        change = re.match(r"changed: \[(.*)\]", line)
        if change:
            found.setdefault(change[1], []).append(task)
    return found


@contextmanager
def pgbench_writing(host: Host) -> Iterator[None]:
    """A hundred transactions in every second meanwhile; they must not fail."""
    options = ["--client=2", "--rate=100", "--time=3600", "--no-vacuum"]
    host.run("systemd-run", f"--unit={WRITES}", "--uid=postgres", PGBENCH, *options, "postgres")
    try:
        wait_for(lambda: host.sql("SELECT count(*) FROM pgbench_history") > [["0"]], "pgbench to write")
        yield
        assert host.run("systemctl", "is-active", WRITES).stdout == "active\n"
    finally:
        host.run("systemctl", "stop", WRITES)


def wal_position(host: Host) -> tuple[str, int]:
    """The WAL file that is written to, and how many bytes have been written since ever."""
    name, size = host.sql("SELECT pg_walfile_name(lsn), lsn - '0/0' FROM pg_current_wal_lsn() AS lsn")[0]
    return name, int(size)


def is_recycled(host: Host, segment: str) -> bool:
    """Whether a WAL file is gone after a checkpoint."""
    host.sql("CHECKPOINT")
    return host.sql(f"SELECT count(*) FROM pg_ls_waldir() WHERE name = '{segment}'") == [["0"]]


def content(host: Host) -> dict[str, list[list[str]]]:
    """A checksum over each table, whatever the order of its rows."""
    query = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} AS t"
    return {table: host.sql(query.format(table)) for table in TABLES}


def copying(host: Host) -> bool:
    return host.run("pgrep", "--full", CLONING, check=False).returncode == 0


def test_a_new_standby_is_cloned_while_wal_turns_over(cluster: Fleet, newcomer: Host, controller: Controller) -> None:
    primary, new = cluster["db-1"], newcomer
    controller.inventory(["db-1"], ["db-2", "db-3"], variables=SHORT_MEMORY)
    controller.playbook("site", check=True)
    primary.run(PGBENCH, "--initialize", "--quiet", "--scale=4", "postgres", user="postgres")
    started = {name: cluster[name].sql("SELECT pg_postmaster_start_time()") for name in OLD}

    controller.inventory(
        ["db-1"],
        ["db-2", "db-3", "db-4"],
        variables=SHORT_MEMORY,
        host_variables={"db-4": {"hot_standby_clone_max_rate": "4M"}},
    )
    with pgbench_writing(primary):
        process = controller.start("site")
        try:
            wait_for(lambda: copying(new) or process.poll() is not None, "the clone to begin", 300)
            segment, before = wal_position(primary)
            while copying(new):
                primary.sql("SELECT pg_switch_wal()")
                primary.sql("CHECKPOINT")
            turns = (wal_position(primary)[1] - before) // SEGMENT_BYTES
            output = process.communicate(timeout=300)[0]
            assert process.returncode == 0, output
        finally:
            process.kill()
        # still written to: it streams, and the WAL that the clone began with is needed by nobody any more
        assert primary.sql("SELECT slot_name, active FROM pg_replication_slots ORDER BY 1") == SLOTS
        wait_for(lambda: is_recycled(primary, segment), f"the primary to recycle {segment}")
        assert turns >= LEAST_TURNS

    # nobody else was touched
    assert {name: cluster[name].sql("SELECT pg_postmaster_start_time()") for name in OLD} == started
    changed = changed_tasks(output)
    assert changed["db-1"] == [PASSFILE, GUARD, RULES, "Declare one slot per standby"]
    assert changed["db-2"] == changed["db-3"] == [PASSFILE, GUARD, RULES]
    assert "Clone the primary" in " ".join(changed["db-4"])

    # and it has all
    end = primary.sql("SELECT pg_current_wal_lsn()")[0][0]
    wait_for(lambda: new.sql(f"SELECT pg_last_wal_replay_lsn() >= '{end}'") == [["t"]], f"db-4 to replay {end}")
    assert content(new) == content(primary)
    assert new.sql("SELECT status, slot_name FROM pg_stat_wal_receiver") == [["streaming", "hotstandby_db_4"]]
    assert leftovers(new) == []


def test_a_new_standby_is_cloned_from_another_one(cluster: Fleet, newcomer: Host, controller: Controller) -> None:
    """Which does not let it in before; its slot and its upstream are the primary's."""
    slowly = {"hot_standby_clone_from": "db-2", "hot_standby_clone_max_rate": "1500k"}
    controller.inventory(["db-1"], ["db-2", "db-3", "db-4"], host_variables={"db-4": slowly})
    forecast = controller.playbook("site", "--check", check=True)
    assert re.search(r"^db-4 .* clone .*; it is copied from db-2$", forecast.output, re.MULTILINE), forecast.output
    backups = "SELECT count(*) FROM pg_stat_replication WHERE state = 'backup'"
    process = controller.start("site")
    try:
        wait_for(lambda: copying(newcomer) or process.poll() is not None, "the clone to begin", 300)
        wait_for(lambda: cluster["db-2"].sql(backups) == [["1"]], "db-2 to be copied")
        assert cluster["db-1"].sql(backups) == [["0"]]
        kept = "SELECT restart_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'hotstandby_db_4'"
        assert cluster["db-1"].sql(kept) == [["t"]]
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output
    finally:
        process.kill()
    # over ssh, and as another ordinary account than the one that logs in
    assert re.search(r"^db-4  clone  [\d.]+ of [\d.]+ MB, \d+ %, 1\.\d MB/s, \d+ s left$", output, re.MULTILINE), output
    assert cluster["db-1"].sql("SELECT slot_name, active FROM pg_replication_slots ORDER BY 1") == SLOTS
    assert newcomer.sql("SELECT status, slot_name FROM pg_stat_wal_receiver") == [["streaming", "hotstandby_db_4"]]
    assert leftovers(newcomer) == []
    again = controller.playbook("site", check=True)
    assert set(again.changed.values()) == {0}, again.output


def test_a_standby_that_is_gone_for_good_is_taken_out(cluster: Fleet, controller: Controller) -> None:
    """docs/operations.md: nobody is in the group master any more, and nothing of db-3 is left on the others."""
    lost = cluster["db-3"]
    lost.kill()
    assert "db-3: does not answer" in controller.playbook("status").output
    controller.inventory([], ["db-1", "db-2"])
    run = controller.playbook("site", check=True)
    changed = changed_tasks(run.output)
    assert changed["db-1"] == [PASSFILE, GUARD, RULES, "Declare one slot per standby"]
    assert changed["db-2"] == [PASSFILE, GUARD, RULES]
    assert cluster["db-1"].sql("SELECT slot_name, active FROM pg_replication_slots") == SLOTS[:1]
    for name in ("db-1", "db-2"):
        found = cluster[name].run("grep", "-rlwF", lost.address, "/etc/postgresql", "/var/lib/postgresql", check=False)
        assert found.stdout == "", found.stdout
    controller.playbook("status", check=True)
