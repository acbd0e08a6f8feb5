# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""site.yml once more on a cluster that is as it should be: nothing changes, nothing restarts, few tasks run."""

from __future__ import annotations

import json

from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.faults import UNIT
from support.hosts.host import Host

NODES = ("db-1", "db-2", "db-3")
# Executed tasks of a standby; the first host of the play also runs those that run once.
MOST_TASKS_PER_HOST = 5
TASKS_THAT_RUN_ONCE = 6
GUARD_FILES = [f"/usr/local/lib/hotstandby/15-main/boot_guard.{suffix}" for suffix in ("json", "py")]
GUARD_PLACES = ("/etc/systemd", "/usr/local", "/var/lib/postgresql")


def test_a_second_run_changes_nothing(cluster: Fleet, controller: Controller) -> None:
    started = {name: cluster[name].sql("SELECT pg_postmaster_start_time()") for name in NODES}
    run = controller.playbook("site", check=True)
    assert run.changed == dict.fromkeys((*NODES, "localhost"), 0)
    assert {name: cluster[name].sql("SELECT pg_postmaster_start_time()") for name in NODES} == started
    tasks = {name: run.recap[name]["ok"] for name in NODES}
    assert max(tasks["db-2"], tasks["db-3"]) <= MOST_TASKS_PER_HOST, tasks
    assert tasks["db-1"] <= MOST_TASKS_PER_HOST + TASKS_THAT_RUN_ONCE, tasks


def test_status_and_verify_say_what_is_there(cluster: Fleet, controller: Controller) -> None:
    tree = controller.playbook("status", check=True).stdout.splitlines()
    top = next(number for number, line in enumerate(tree) if line.startswith("db-1  primary  running  timeline 1"))
    assert tree[top + 1].startswith("├─ db-2  standby  streaming  timeline 1")
    assert tree[top + 2].startswith("└─ db-3  standby  streaming  timeline 1")
    assert tree[top + 3] == "healthy"

    machine = controller.playbook("status", "-e", "status_format=json", check=True).stdout
    status = json.loads(next(line for line in machine.splitlines() if line.startswith("{")))
    assert status["healthy"]
    assert status["primary"] == "db-1"
    assert [node["state"] for node in status["nodes"]] == ["running", "streaming", "streaming"]
    assert [node["lag_bytes"] is not None for node in status["nodes"]] == [False, True, True]

    verified = controller.playbook("verify", check=True)
    assert verified.changed == dict.fromkeys((*NODES, "localhost"), 0)
    token = cluster["db-1"].sql("SELECT token FROM hotstandby.probe")
    assert [cluster[name].sql("SELECT token FROM hotstandby.probe") for name in ("db-2", "db-3")] == [token, token]


def test_an_unhealthy_cluster_is_a_failure_that_names_the_node(cluster: Fleet, controller: Controller) -> None:
    cluster["db-3"].run("systemctl", "stop", UNIT)
    try:
        run = controller.playbook("status")
        assert run.returncode != 0
        assert "PROBLEM: db-3: stopped" in run.stdout
    finally:
        cluster["db-3"].run("systemctl", "start", UNIT)


def test_the_boot_guard_is_off_by_a_variable(cluster: Fleet, controller: Controller) -> None:
    """It goes without a trace; systemd no longer asks it, and no server is restarted for that."""
    started = {name: cluster[name].sql("SELECT pg_postmaster_start_time()") for name in NODES}
    assert [guarded(cluster[name]) for name in NODES] == [True, True, True]
    owners = [cluster[name].run("stat", "-c", "%U %a", *GUARD_FILES).stdout.split("\n") for name in NODES]
    assert owners == [["postgres 600", "root 644", ""]] * 3
    without = ("-e", "postgres_boot_guard=false")
    run = controller.playbook("site", *without, check=True)
    assert {name: run.changed[name] for name in NODES} == dict.fromkeys(NODES, 1)
    assert [guarded(cluster[name]) for name in NODES] == [False, False, False]
    left = [cluster[name].run("find", *GUARD_PLACES, "-name", "*boot*guard*", check=False).stdout for name in NODES]
    assert left == ["", "", ""]
    assert not any(controller.playbook("site", *without, check=True).changed.values())
    assert {name: cluster[name].sql("SELECT pg_postmaster_start_time()") for name in NODES} == started


def guarded(host: Host) -> bool:
    """Whether systemd asks the guard before it starts the server."""
    return "boot_guard.py" in host.run("systemctl", "show", "--property=ExecStartPre", UNIT).stdout
