# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""--check --diff says what it would do, and changes nothing: neither on virgin hosts nor on a running cluster."""

from __future__ import annotations

import hashlib

from support.hosts import Fleet, snapshot
from support.hosts.controller import Controller
from support.hosts.host import Host

NODES = ("db-1", "db-2", "db-3")
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
    """Something is to do on each node: a setting, a rule, a slot; and nothing of it is done."""
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
    run = controller.playbook("site", "--check", "--diff", check=True)
    for name in NODES:
        assert run.changed[name] > 0
        assert snapshot.differences(before[name], snapshot.take(cluster[name], restless=restless)) == []
        assert catalog(cluster[name]) == catalogs[name]
    assert "+work_mem = 7MB" in run.stdout
    assert "somebody_else" in run.stdout
    assert "db-1  primary  none    is the running primary, on timeline 1" in run.stdout
