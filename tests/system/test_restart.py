# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""restart.yml applies what waits for a restart, in the order that hot-standby parameters demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from support import sweep, writer
from support.hosts import Fleet, faults
from support.hosts.controller import Controller
from support.hosts.states import assert_cluster, in_recovery, plan, plan_line, refused
from support.waiting import wait_for
from support.writer import Writer

NODES = ("db-1", "db-2", "db-3")
MORE_CONNECTIONS, FEWER_CONNECTIONS = 150, 90
TALKATIVE = {"log_statement": "all", "log_connections": "on", "log_replication_commands": "on"}
BY_SWITCHOVER = ("-e", "restart_primary_by=switchover")
ALL = ("-e", "restart_all=true")


def declare(controller: Controller, settings: Mapping[str, object]) -> None:
    controller.inventory(["db-1"], ["db-2", "db-3"], variables={"postgres_settings": settings})


def starts(fleet: Fleet) -> dict[str, float]:
    """When each server was started."""
    query = "SELECT extract(epoch FROM pg_postmaster_start_time())"
    return {name: float(fleet[name].sql(query)[0][0]) for name in NODES}


def pending(fleet: Fleet) -> dict[str, list[list[str]]]:
    query = "SELECT name FROM pg_settings WHERE pending_restart ORDER BY 1"
    return {name: fleet[name].sql(query) for name in NODES}


def everywhere(fleet: Fleet, query: str, value: object) -> bool:
    return all(fleet[name].sql(query) == [[str(value)]] for name in NODES)


def set_max_connections(fleet: Fleet, controller: Controller, number: int) -> None:
    """Declare it and run site.yml, which restarts nobody that serves."""
    before = starts(fleet)
    declare(controller, {"max_connections": number})
    run = controller.playbook("site", check=True)
    for name in NODES:
        assert f"{name}: a restart is pending for max_connections; restart.yml applies it" in run.output
    assert starts(fleet) == before
    assert pending(fleet) == {name: [["max_connections"]] for name in NODES}


def test_raised_on_the_standbys_first_and_lowered_on_the_primary_first(
    cluster: Fleet, controller: Controller
) -> None:
    db1 = cluster["db-1"]
    with Writer([cluster[name].address for name in NODES]) as client:
        set_max_connections(cluster, controller, MORE_CONNECTIONS)

        # one up, one down: there is no right order
        before = starts(cluster)
        db1.sql("ALTER SYSTEM SET max_worker_processes = 4")
        db1.sql("SELECT pg_reload_conf()")
        assert "max_worker_processes" in refused(controller.playbook("restart"), "mixed_directions")
        assert starts(cluster) == before
        db1.sql("ALTER SYSTEM RESET max_worker_processes")
        db1.sql("SELECT pg_reload_conf()")

        run = controller.playbook("restart", check=True)
        assert plan(run) == {name: ["restart"] for name in NODES}
        assert "3 of 3" in plan_line(run, "db-1", "restart")
        after = starts(cluster)
        assert max(after["db-2"], after["db-3"]) < after["db-1"]
        assert min(after.values()) > max(before.values())
        assert everywhere(cluster, "SHOW max_connections", MORE_CONNECTIONS)

        before = starts(cluster)
        run = controller.playbook("restart", check=True)
        assert not any(run.changed.values()), run.output
        assert plan(run) == {name: ["none"] for name in NODES}
        assert starts(cluster) == before

        # with one standby down, nobody else is taken down
        cluster["db-3"].run("systemctl", "stop", faults.UNIT)
        assert "db-3" in refused(controller.playbook("restart", *ALL), "not_healthy")
        cluster["db-3"].run("systemctl", "start", faults.UNIT)
        wait_for(lambda: db1.sql(writer.STREAMING) == [["db-2"], ["db-3"]], "db-3 to stream again")
        after = starts(cluster)
        assert {**after, "db-3": 0.0} == {**before, "db-3": 0.0}

        set_max_connections(cluster, controller, FEWER_CONNECTIONS)
        run = controller.playbook("restart", check=True)
        assert "1 of 3" in plan_line(run, "db-1", "restart")
        after = starts(cluster)
        assert after["db-1"] < min(after["db-2"], after["db-3"])
        assert everywhere(cluster, "SHOW max_connections", FEWER_CONNECTIONS)
        assert pending(cluster) == {name: [] for name in NODES}
        client.proceed()
    assert_cluster(cluster, "db-1", ["db-2", "db-3"], on_timeline=1)
    assert client.lost(db1) == []


def test_restarted_by_switchover_and_switched_back_without_a_secret_told(
    cluster: Fleet, controller: Controller
) -> None:
    """Everybody is restarted, nobody loses a row; meanwhile it is watched where the password turns up."""
    for name in NODES:
        for setting, value in TALKATIVE.items():
            cluster[name].sql(f"ALTER SYSTEM SET {setting} = '{value}'")
        cluster[name].sql("SELECT pg_reload_conf()")
    before = starts(cluster)
    with Writer([cluster[name].address for name in NODES]) as client:
        run, samples = sweep.playbook(cluster, controller, "restart", *ALL, *BY_SWITCHOVER)
        assert run.returncode == 0, run.output
        assert in_recovery(cluster["db-1"])
        assert min(starts(cluster).values()) > max(before.values())
        back, more = sweep.playbook(cluster, controller, "switchover", "-e", "switchover_to=db-1")
        assert back.returncode == 0, back.output
        client.proceed()
    assert_cluster(cluster, "db-1", ["db-2", "db-3"], on_timeline=3)
    assert client.lost(cluster["db-1"]) == []

    # the processes in which all that matters was seen
    for name, seen in more.seen.items():
        samples.seen[name] |= seen
    both = replace(run, stdout=run.stdout + back.stdout, stderr=run.stderr + back.stderr)
    assert samples.saw("db-1", "cmdline", b"walreceiver")
    assert samples.saw("controller", "cmdline", b"playbooks/switchover.yml")
    wait_for(lambda: b"START_REPLICATION" in cluster["db-1"].read(sweep.LOG), "the log to have it")
    assert sweep.findings(cluster, both, samples) == []
