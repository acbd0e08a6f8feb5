# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""failover.yml replaces a primary that is gone, none that anybody still sees, and loses nothing that can be had."""

from __future__ import annotations

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import sweep, writer
from support.hosts import Fleet, snapshot
from support.hosts.controller import Controller
from support.hosts.faults import CONTROLLER, DATA, boot, cut, dropped_from, kill_postmaster, unmask
from support.hosts.host import Host
from support.hosts.states import (
    assert_cluster,
    detach,
    in_recovery,
    plan,
    plan_line,
    position,
    refused,
    said,
    serves,
    timeline,
    wait_until_replayed,
)
from support.processes import kill_tree
from support.waiting import wait_for
from support.writer import Writer

NODES = ("db-1", "db-2", "db-3")
# Where playbooks write.
ROOTS = ("/etc", "/home", "/root", "/srv", "/usr/local", "/var/lib/postgresql", "/var/tmp")
# What a running server writes by itself. Its configuration is not among it.
SERVERS_OWN = tuple(
    f"{DATA}/{name}"
    for name in ("base", "global", "pg_logical", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_wal", "pg_xact")
)

WALDUMP = "/usr/lib/postgresql/15/bin/pg_waldump"
LATE = "/var/tmp/late"
# Once the end of the WAL has been read, the server comes up, for clients on its own host only, and one writes a row.
_LATE_ROW = """
set -eu
mv "$1" "$1.real"
cat >"$1" <<END
#!/bin/sh
"$1.real" "\\$@"
code=\\$?
if [ "\\$*" != --version ] && [ ! -e $3 ]; then
    config="-c config_file=/etc/postgresql/15/main/postgresql.conf -c listen_addresses="
    $(dirname $1)/pg_ctl start -D $2 -w -l /tmp/late.log -o "\\$config" >/dev/null 2>&1 </dev/null
    psql -c "CREATE TABLE late AS SELECT 'acknowledged'" >$3 2>&1
fi
exit \\$code
END
chmod 755 "$1"
"""


def facts(host: Host) -> list[list[str]]:
    return host.sql(
        "SELECT pg_is_in_recovery(), pg_postmaster_start_time(), current_setting('primary_conninfo'),"
        " (SELECT string_agg(slot_name, ' ' ORDER BY 1) FROM pg_replication_slots)"
    )


def everything(fleet: Fleet) -> dict[str, str]:
    """All that a playbook could change on the three hosts; of a dead server every file."""

    def of(name: str) -> dict[str, str]:
        alive = serves(fleet[name])
        restless = (*snapshot.RESTLESS, *(SERVERS_OWN if alive else ()))
        found = snapshot.take(fleet[name], ROOTS, restless)
        return {f"{name}: {path}": nature for path, nature in found.items()} | (
            {f"{name}: server": repr(facts(fleet[name]))} if alive else {}
        )

    with ThreadPoolExecutor(max_workers=len(NODES)) as pool:
        return {path: nature for found in pool.map(of, NODES) for path, nature in found.items()}


def addresses(fleet: Fleet, *names: str) -> list[str]:
    return [fleet[name].address for name in names]


def declare(controller: Controller, fence_command: str) -> None:
    """The inventory, with a command that switches db-1 off."""
    of_db_1 = {"postgres_fence_command": fence_command}
    controller.inventory(["db-1"], ["db-2", "db-3"], host_variables={"db-1": of_db_1})


def test_the_primary_is_killed(cluster: Fleet, controller: Controller) -> None:
    """Both standbys lack what it had; its disk is read: nothing that was acknowledged is lost."""
    dead, best, lagging = (cluster[name] for name in NODES)
    for host in (dead, best, lagging):
        host.sql("ALTER SYSTEM SET log_statement = 'all'")
        host.sql("SELECT pg_reload_conf()")
    with Writer(addresses(cluster, *NODES)) as client:
        for standby in (lagging, best):
            client.proceed()
            detach(standby)
        client.proceed()
        dead.sql("CREATE TABLE alone AS SELECT i FROM generate_series(1, 5000) AS i")
        client.proceed()
        kill_postmaster(dead, mask=True)

        # salvaging is not wanted, and so much may not be lost
        before = everything(cluster)
        run = controller.playbook("failover", "-e", "failover_salvage=false", "-e", "failover_maximum_loss=1000")
        line = refused(run, "loss_too_great")
        assert "that only db-1 has" in line
        assert "1,000 bytes" in line

        # a forecast
        run = controller.playbook("failover", "--check", check=True)
        assert plan(run) == {"db-1": ["fence"], "db-2": ["salvage", "promote"], "db-3": ["follow"]}
        assert "further than any other" in plan_line(run, "db-2", "promote")
        assert "bytes behind db-2" in plan_line(run, "db-3", "follow")
        assert "loss: nothing, if the " in run.stdout
        assert snapshot.differences(before, everything(cluster)) == []

        # and without --check
        run, samples = sweep.playbook(cluster, controller, "failover")
        assert run.returncode == 0, run.output
        assert plan(run) == {"db-1": ["fence"], "db-2": ["salvage", "promote", "none"], "db-3": ["follow"]}
        assert "salvaged" in run.stdout
        assert re.search(r"^db-2 is the primary [0-9]+ s after this run had begun$", run.stdout, re.MULTILINE)
        assert "rejoin.yml" in run.stdout
        client.proceed()
    assert client.lost(best) == []
    assert best.sql("SELECT count(*) FROM alone") == [["5000"]]
    assert_cluster(cluster, "db-2", ["db-3"], on_timeline=2)
    assert dead.run("test", "-e", f"{DATA}/standby.signal", check=False).returncode == 0
    assert not serves(dead)
    assert sweep.findings(cluster, run, samples, nodes=("db-2", "db-3")) == []

    # once more: there is nothing left to do
    run = controller.playbook("failover")
    assert not any(run.changed.values()), run.output
    assert timeline(best) == 2

    # its host reboots, and its unit may start again
    unmask(dead)
    dead.stop()
    boot(dead)
    assert in_recovery(dead)


def test_a_primary_that_comes_up_after_it_was_looked_at(cluster: Fleet, controller: Controller) -> None:
    """And is written to before its fence: the row is on its disk only, and is brought over."""
    dead, best = cluster["db-1"], cluster["db-2"]
    wait_until_replayed(best, position(dead))
    kill_postmaster(dead)
    dead.run("sh", "-c", _LATE_ROW, "sh", WALDUMP, DATA, LATE)
    run = controller.playbook("failover", check=True)
    assert dead.run("cat", LATE).stdout == "SELECT 1\n"
    assert "loss: nothing, if the " in run.stdout
    assert not serves(dead)
    assert best.sql("SELECT * FROM late") == [["acknowledged"]]
    assert_cluster(cluster, "db-2", ["db-3"], on_timeline=2)


def test_a_primary_that_is_alive_is_left_alone(cluster: Fleet, controller: Controller) -> None:
    alive = cluster["db-1"]
    before = facts(alive)

    line = refused(controller.playbook("failover"), "primary_alive")
    assert "db-2 and db-3" in line
    assert "switchover.yml" in line
    assert "nobody" in refused(controller.playbook("failover", "-e", "failover_to=nobody"), "unknown_host")

    cut(alive, CONTROLLER)
    run = controller.playbook("failover")
    line = refused(run, "primary_unreachable")
    assert "failover_primary_is_dead=db-1" in line
    assert "postgres_fence_command" in line
    assert "db-2 and db-3" in refused(run, "primary_alive")
    # whatever the user says
    run = controller.playbook("failover", "-e", "failover_primary_is_dead=db-1")
    assert "db-2 and db-3" in refused(run, "primary_alive")
    # nor when none of them streams from it any more
    for name in ("db-2", "db-3"):
        detach(cluster[name])
    run = controller.playbook("failover", "-e", "failover_primary_is_dead=db-1")
    assert "db-2 and db-3" in refused(run, "primary_alive")
    assert facts(alive) == before


def test_the_primary_s_host_is_silently_cut_off(cluster: Fleet, controller: Controller) -> None:
    """No socket is closed and nothing answers: once it is declared dead, it is not asked for anything."""
    gone = cluster["db-1"]
    with Writer(addresses(cluster, *NODES)) as client:
        client.proceed()
    for name in ("db-2", "db-3"):
        wait_until_replayed(cluster[name], position(gone))
    before = {name: facts(cluster[name]) for name in NODES}
    cut(gone)

    # a command that does not fence
    declare(controller, f"{sys.executable} -c 'raise SystemExit(3)'")
    line = said(controller.playbook("failover"), "fence_failed")
    assert "db-1" in line
    assert "ended with 3" in line
    assert "failover_primary_is_dead=db-1" in line
    assert {name: facts(cluster[name]) for name in NODES} == before

    controller.inventory(["db-1"], ["db-2", "db-3"])
    cut(gone)  # counts anew
    began = time.monotonic()
    run = controller.playbook("failover", "-e", "failover_primary_is_dead=db-1")
    print(f"failover with the primary's host cut off: {time.monotonic() - began:.1f} s")
    assert run.returncode == 0, run.output
    assert plan(run) == {"db-1": ["none"], "db-2": ["promote", "none"], "db-3": ["follow"]}
    assert dropped_from(gone, CONTROLLER) == 0
    assert not in_recovery(gone), "it was there all the time"
    assert client.lost(cluster["db-2"]) == []
    assert_cluster(cluster, "db-2", ["db-3"], on_timeline=2)


def test_a_primary_on_whose_host_nothing_can_be_asked(
    cluster: Fleet, controller: Controller, tmp_path: Path
) -> None:
    """ssh gets in, and no module runs there: such a host is not stopped and marked, so it has to be fenced."""
    gone = cluster["db-1"]
    for name in ("db-2", "db-3"):
        wait_until_replayed(cluster[name], position(gone))
    kill_postmaster(gone)
    gone.run("chmod", "000", "/usr/bin/python3.11")
    assert "failover_primary_is_dead=db-1" in said(controller.playbook("failover"), "primary_unreachable")

    declare(controller, "/bin/false")
    said(controller.playbook("failover"), "fence_failed")
    assert in_recovery(cluster["db-2"])
    fenced = tmp_path / "fenced"
    declare(controller, f"touch {fenced}")
    run = controller.playbook("failover")
    assert fenced.exists(), run.output
    assert not in_recovery(cluster["db-2"]), run.output
    followed = f"db-3 to follow db-2 after this run:\n{run.output}"
    wait_for(lambda: cluster["db-2"].sql(writer.STREAMING) == [["db-3"]], followed)


# Switches the container off, as a power switch would; one that is off already stays off.
_POWER_SWITCH = """
import sys
import docker
container = docker.from_env().containers.get(sys.argv[1])
if container.status == "running":
    container.kill()
"""


def test_the_controller_is_killed_after_the_promotion(
    cluster: Fleet, controller: Controller, tmp_path: Path
) -> None:
    """The command fences; the run that is cut off has promoted. The next one does the rest, and promotes nobody."""
    gone, new = cluster["db-1"], cluster["db-2"]
    switch = tmp_path / "power_switch.py"
    switch.write_text(_POWER_SWITCH)
    declare(controller, f"{sys.executable} {switch} {gone.container_name}")
    with Writer(addresses(cluster, "db-2", "db-3", "db-1")) as client:
        client.proceed()
        cut(gone)
        process = controller.start("failover", "-e", "failover_to=db-2")
        try:
            wait_for(lambda: not in_recovery(new) or process.poll() is not None, "db-2 to be promoted", 300)
            assert process.poll() is None, process.communicate()[0]
        finally:
            kill_tree(process)
        assert not gone.running, "the command was run"
        assert timeline(new) == 2

        run = controller.playbook("failover")
        assert "db-1 did not answer" in said(run, "incomplete")
        assert plan(run) == {"db-2": ["none"], "db-3": ["follow"]}
        client.proceed()
    assert_cluster(cluster, "db-2", ["db-3"], on_timeline=2)
