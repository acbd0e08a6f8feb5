# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that was primary and whose host comes back finds out that it is none any more, by itself."""

from __future__ import annotations

from support import sweep, writer
from support.hosts import Fleet, boots
from support.hosts.controller import Controller
from support.hosts.faults import UNIT, boot
from support.hosts.host import Host
from support.hosts.states import (
    assert_cluster,
    detach,
    in_recovery,
    leftovers,
    paths,
    plan,
    plan_line,
    position,
    serves,
    timeline,
    wait_until_replayed,
)
from support.waiting import wait_for
from support.writer import Writer

NODES = ("db-1", "db-2", "db-3")
OWN_PORT = 5433
CONFIGURATION = "/etc/postgresql/15/main/postgresql.conf"
# What a server logs that accepts writes; a standby says "ready to accept read-only connections".
WRITABLE = b"database system is ready to accept connections"


def times_writable(host: Host) -> int:
    """How often a server has logged that it accepts writes."""
    return host.read(sweep.LOG).count(WRITABLE)


def numbers(host: Host) -> set[int]:
    """The rows of the client that a host has."""
    return {int(row[0]) for row in host.sql("SELECT n FROM written", database=writer.DATABASE)}


def test_the_primary_s_host_loses_its_power_and_comes_back(cluster: Fleet, controller: Controller) -> None:
    """Nobody could fence it. It comes up as a standby, with rows that it alone has, and is rewound."""
    old, best, preferred = (cluster[name] for name in NODES)
    with Writer([host.address for host in (preferred, best, old)]) as client:
        # the preferred one lacks what another has, and both lack what only the primary has
        for standby in (preferred, best):
            client.proceed()
            detach(standby)
        old.sql("CREATE TABLE alone AS SELECT i FROM generate_series(1, 1000) AS i")
        client.proceed()
        old.kill()
        assert numbers(preferred) < numbers(best)
        received = numbers(best)

        run = controller.playbook("failover", "-e", "failover_primary_is_dead=db-1", "-e", "failover_to=db-3")
        assert run.returncode == 0, run.output
        assert plan(run)["db-3"] == ["catch_up", "promote", "none"]
        assert "asked for" in plan_line(run, "db-3", "promote")
        assert "loss: cannot be told" in run.stdout
        client.proceed()
        assert received <= numbers(preferred), "what db-2 had received is kept"
    assert_cluster(cluster, "db-3", ["db-2"], on_timeline=2)

    boot(old)
    assert serves(old)
    assert in_recovery(old)
    once = times_writable(old)
    # by its own lights it is a primary: only the guard has made it a standby
    assert "timeline 2, newer than 1 here" in old.run("journalctl", "--unit", UNIT, "--boot", "--no-pager").stdout
    # it has seen by now that it is not on the new primary's history, and may not want to start at all
    old.run("systemctl", "restart", UNIT, check=False)
    assert not serves(old) or in_recovery(old)
    assert times_writable(old) == once
    assert timeline(preferred) == 2

    # it comes back on a port of its own, with a word of its own in its configuration
    old.run("systemctl", "stop", UNIT)
    old.run("sed", "-i", f"s/^port = .*/port = {OWN_PORT} # mine/", CONFIGURATION)
    controller.inventory(
        ["db-1"], ["db-2", "db-3"], host_variables={"db-1": {"postgres_port": OWN_PORT}}
    )
    run = controller.playbook("rejoin", check=True)
    assert plan(run) == {"db-1": ["rewind", "start"], "db-2": ["none"], "db-3": ["none"]}
    assert paths(run) == {"db-1": "rewound"}
    assert f"port = {OWN_PORT} # mine" in old.read(CONFIGURATION).decode()
    assert old.sql("SELECT to_regclass('alone') IS NULL", port=OWN_PORT) == [["t"]]
    assert_cluster(cluster, "db-3", ["db-1", "db-2"], on_timeline=2, ports={"db-1": OWN_PORT})
    assert leftovers(old) == []


def test_the_power_of_all_hosts_fails(cluster: Fleet) -> None:
    """Nobody is asked by the primary that knows better: it comes up as the primary, without a human."""
    hosts = [cluster[name] for name in NODES]
    with Writer([host.address for host in hosts]) as client:
        client.proceed()
        for host in reversed(hosts):
            host.kill()
    for host in hosts:  # the primary is the first, and waits for one of the others
        host.container.start()
    for host in hosts:
        boot(host)
    primary, *standbys = hosts
    assert not in_recovery(primary)
    assert timeline(primary) == 1
    assert client.lost(primary) == []
    for standby in standbys:
        wait_until_replayed(standby, position(primary))
    wait_for(
        lambda: primary.sql("SELECT state FROM pg_stat_replication") == [["streaming"]] * 2, "both standbys to stream"
    )
    assert_cluster(cluster, "db-1", ["db-2", "db-3"], on_timeline=1)


def test_they_boot_together_after_a_failover(cluster: Fleet, controller: Controller) -> None:
    """db-1 was primary and was never brought back; tests/drivers/test_boot_matrix.py has all orders."""
    old, new, third = hosts = [cluster[name] for name in NODES]
    boots.fail_over(controller, old, new)
    boots.power_cut(hosts, [(new, 0), (old, 0), (third, 0)], new, on_timeline=2)

    # the password was changed while the old primary was away, and the third one is down
    boots.as_left(old)
    new.sql("ALTER ROLE replicator PASSWORD 'another one'")
    third.kill()
    old.kill()
    boot(old)
    assert not serves(old)
    assert "not started: db-2 lives and does not say whether it is a newer primary" in boots.said_at_boot(old)
