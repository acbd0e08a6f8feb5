# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""--check --diff says what it would do, and changes nothing: neither on virgin hosts nor on a running cluster."""

from __future__ import annotations

import hashlib
import re

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.parts import ORDER
from support.hosts import Fleet, snapshot
from support.hosts.controller import Controller, Run
from support.hosts.host import Host
from support.hosts.states import plan_line

NODES = ("db-1", "db-2", "db-3")
NOTHING = {name: {"none"} for name in NODES}
DATA = "/var/lib/postgresql/15/main"
# What a running server writes by itself. Its configuration is not among it.
SERVERS_OWN = tuple(
    f"{DATA}/{name}"
    for name in (
        "base",
        "global",
        "pg_logical",
        "pg_replslot",
        "pg_stat",
        "pg_stat_tmp",
        "pg_subtrans",
        "pg_wal",
        "pg_xact",
        "pg_multixact",
    )
)


def catalog(host: Host) -> str:
    """A hash over roles with their verifiers, grants, databases, tables, contents and the names of slots."""
    dump = host.run("pg_dumpall", user="postgres").stdout
    slots = host.sql("SELECT slot_name FROM pg_replication_slots ORDER BY 1")
    lines = [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return hashlib.sha256(repr((lines, slots)).encode()).hexdigest()


def steps(run: Run) -> dict[str, set[str]]:
    """The kinds of the steps in the plan that was printed, by host."""
    found: dict[str, set[str]] = {}
    kinds = "|".join(ORDER)  # the tree at the end has lines of the same form
    for name, kind in re.findall(rf"^(\S+)\s+(?:primary|standby)\s+({kinds})\s", run.stdout, re.MULTILINE):
        found.setdefault(name, set()).add(kind)
    return found


def test_on_virgin_hosts(virgins: Fleet, controller: Controller) -> None:
    before = {name: snapshot.take(virgins[name]) for name in NODES}
    run = controller.playbook("site", "--check", "--diff", check=True)
    assert "db-1  primary  create  the cluster is empty and this host is in the group master" in run.stdout
    assert "db-2  standby  clone" in run.stdout
    assert "+wal_log_hints = on" in run.stdout
    assert all(run.changed[name] > 0 for name in NODES)
    for name in NODES:
        assert snapshot.differences(before[name], snapshot.take(virgins[name])) == []


def test_on_a_running_cluster(cluster: Fleet, controller: Controller) -> None:
    """Something is to do on each node: a setting, a rule, a slot. Nothing of it is done, and the run does just that."""
    restless = (*snapshot.RESTLESS, *SERVERS_OWN)
    controller.inventory(
        ["db-1"],
        ["db-2", "db-3"],
        variables={
            "postgres_settings": {"work_mem": "7MB"},
            "postgres_replication_user": "somebody_else",
            "postgres_slot_prefix": "other_",
        },
    )
    before = {name: snapshot.take(cluster[name], restless=restless) for name in NODES}
    catalogs = {name: catalog(cluster[name]) for name in NODES}
    forecast = controller.playbook("site", "--check", "--diff", check=True)
    for name in NODES:
        assert forecast.changed[name] > 0
        assert snapshot.differences(before[name], snapshot.take(cluster[name], restless=restless)) == []
        assert catalog(cluster[name]) == catalogs[name]
    assert "+work_mem = 7MB" in forecast.stdout
    assert "is the running primary, on timeline 1" in plan_line(forecast, "db-1", "none")
    assert "work_mem not set -> 7MB" in plan_line(forecast, "db-3", "settings")
    of_standby = {"none", "passfile", "settings", "follow", "guard", "access"}
    of_primary = {"none", "passfile", "settings", "guard", "access", "user", "slots"}
    assert steps(forecast) == {"db-1": of_primary, "db-2": of_standby, "db-3": of_standby}
    done = controller.playbook("site", check=True)
    assert steps(done) == steps(forecast)
    assert done.changed == forecast.changed
    again = controller.playbook("site", check=True)
    assert steps(again) == NOTHING, again.output
    assert not any(again.changed.values()), again.output


def test_one_node_differs(cluster: Fleet, controller: Controller) -> None:
    """Only that node has a step, and only there is anything changed."""
    cluster["db-2"].sql("ALTER SYSTEM SET work_mem = '9MB'")
    cluster["db-2"].sql("SELECT pg_reload_conf()")
    controller.inventory(["db-1"], ["db-2", "db-3"], variables={"postgres_settings": {}})
    assert steps(controller.playbook("site", "--check", check=True)) == NOTHING
    cluster["db-3"].run("sed", "-i", "/BEGIN/,/END/d", "/etc/postgresql/15/main/pg_hba.conf")
    forecast = controller.playbook("site", "--check", check=True)
    assert steps(forecast) == {"db-1": {"none"}, "db-2": {"none"}, "db-3": {"none", "access"}}
    done = controller.playbook("site", check=True)
    assert steps(done) == steps(forecast)
    assert {name for name, count in done.changed.items() if count} == {"db-3"}
