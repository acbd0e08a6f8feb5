# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""switchover.yml moves the primary, loses nothing, leaves nothing behind, and can be undone up to the promotion."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from support import load, writer
from support.hosts import Fleet, faults
from support.hosts.controller import Controller, Run
from support.hosts.host import Host
from support.hosts.states import assert_cluster, in_recovery, plan, said, slot_of, timeline
from support.processes import kill_tree
from support.waiting import wait_for
from support.writer import Writer

NODES = ("db-1", "db-2", "db-3")
# The wanted primary of each round; None: the playbook chooses.
ROUNDS = ("db-2", "db-3", None)
# Programs that no switchover needs, and where it shows if one was used.
COSTLY = ("pg_rewind", "pg_basebackup")
BIN = "/usr/lib/postgresql/15/bin"
USED = "/var/tmp/used"
_SPY = """
set -eu
mv "$1" "$1.real"
printf '#!/bin/sh\\nif [ "$*" != --version ]; then echo "$0 $*" >>%s; fi\\nexec "$0.real" "$@"\\n' "$2" >"$1"
chmod 755 "$1"
"""
# An archive that has nothing, and while the file is there does not even say so to a server that has replayed it all.
# Asked earlier, when a walreceiver has ended before the replay of what it brought, it would keep that from the replay.
_HANGING_ARCHIVE = """
set -eu
cat >"$1" <<END
#!/bin/sh
query='SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()'
while test -f $2 && test "\\$($3/psql -XAtc "\\$query")" = t; do sleep 0.1; done
false
END
chmod 755 "$1"
"""
# Holds replay the moment that module promote is armed, until which replay is looked at; ends after a minute at most.
_HOLD_WHEN_ARMED = """
armed="SELECT 1 FROM pg_stat_activity WHERE application_name = 'hotstandby armed'"
for i in $(seq 600); do
  if test -n "$(psql -XAtc "$armed")"; then exec pkill -STOP --full '^postgres: .*startup'; fi
  sleep 0.05
done
exit 1
"""
SLOTS = "SELECT slot_name FROM pg_replication_slots ORDER BY 1"
Show = Callable[[object], None]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Print, whether the test succeeds or not."""

    def printed(what: object) -> None:
        with capsys.disabled():
            print(f"\n    {what}", end="", flush=True)

    return printed


def addresses(fleet: Fleet, *names: str) -> list[str]:
    return [fleet[name].address for name in names]


def spy(host: Host) -> None:
    """Let the costly programs tell when they are used."""
    for program in COSTLY:
        host.run("sh", "-c", _SPY, "sh", f"{BIN}/{program}", USED)


def stopped(host: Host) -> bool:
    """Whether the server has been stopped; its host runs."""
    return host.run("test", "-e", f"{faults.DATA}/postmaster.pid", check=False).returncode != 0


def upstream(host: Host) -> str:
    """Where the node receives from, as its primary_conninfo says."""
    words = host.sql("SELECT current_setting('primary_conninfo')")[0][0].replace("'", "").split()
    return next(word.removeprefix("host=") for word in words if word.startswith("host="))


def new_primary(fleet: Fleet) -> str:
    return next(name for name in NODES if not in_recovery(fleet[name]))


def wait_for_load(primary: Host) -> None:
    """Wait until pgbench has written there."""
    query = "SELECT count(*) FROM pgbench_history"
    before = primary.sql(query, database=writer.DATABASE)
    wait_for(lambda: primary.sql(query, database=writer.DATABASE) != before, f"pgbench to write on {primary.name}")


def assert_nothing_costly(fleet: Fleet, run: Run) -> None:
    kinds = {kind for steps in plan(run).values() for kind in steps}
    assert kinds, run.output
    assert not kinds & {"rewind", "clone"}, run.output
    for name in NODES:
        used = fleet[name].run("cat", USED, check=False)
        assert used.returncode != 0, used.stdout


def assert_tidy(fleet: Fleet, primary: str) -> None:
    """Everybody follows that primary; slots are there and nowhere else."""
    for name in NODES:
        others = [[slot_of(other)] for other in NODES if other != name]
        assert fleet[name].sql(SLOTS) == (others if name == primary else []), name
        assert in_recovery(fleet[name]) == (name != primary), name
        if name != primary:
            assert upstream(fleet[name]) == fleet[primary].address, name


def test_three_times_round_under_load(cluster: Fleet, controller: Controller, show: Show) -> None:
    """No acknowledged row is lost, the old primary is back without rewind, nothing is left over."""
    for name in NODES:
        spy(cluster[name])
    everybody = addresses(cluster, *NODES)
    load.initialise(everybody)
    primary = "db-1"
    with Writer(everybody) as client, load.pgbench(everybody):
        for number, wanted in enumerate(ROUNDS, 1):
            client.lap()
            chosen = ("-e", f"switchover_to={wanted}") if wanted else ()
            run = controller.playbook("switchover", *chosen, check=True)
            client.proceed()
            show(f"round {number}, {primary} -> {new_primary(cluster)}: {client.longest_gap()}")
            assert re.search(rf"nobody could write for [0-9.]+ s, .*: {primary} was told to stop at ", run.stdout)
            assert new_primary(cluster) == wanted if wanted else new_primary(cluster) != primary
            primary = new_primary(cluster)
            assert timeline(cluster[primary]) == 1 + number
            assert re.search(r"^healthy\nthis run took [0-9]+ s so far$", run.stdout, re.MULTILINE), run.stdout
            assert_nothing_costly(cluster, run)
            assert_tidy(cluster, primary)
            wait_for_load(cluster[primary])
    assert_cluster(cluster, primary, [name for name in NODES if name != primary], on_timeline=1 + len(ROUNDS))
    for name in NODES:
        assert client.lost(cluster[name]) == [], name


def test_a_third_node_that_is_silently_gone(cluster: Fleet, controller: Controller, show: Show) -> None:
    """Its walsender would hold up the stop for wal_sender_timeout; here that is an hour."""
    for name in NODES:
        cluster[name].sql("ALTER SYSTEM SET wal_sender_timeout = '1h'")
        cluster[name].sql("SELECT pg_reload_conf()")
    with Writer(addresses(cluster, "db-1", "db-2")) as client:
        controller.playbook("switchover", "-e", "switchover_to=db-2", check=True)
        client.proceed()
        show(f"with every node: {client.longest_gap()}")
        client.lap()

        with faults.silent(cluster["db-3"]):
            run = controller.playbook("switchover", "-e", "switchover_to=db-1")
            client.proceed()
            show(f"with a silent one: {client.longest_gap()}")
            assert "db-3" in said(run, "incomplete")
            assert "rejoin.yml" in said(run, "incomplete")
            assert not in_recovery(cluster["db-1"])
            assert timeline(cluster["db-1"]) == 3
            receives = "SELECT status, sender_host, slot_name FROM pg_stat_wal_receiver"
            assert cluster["db-2"].sql(receives) == [["streaming", cluster["db-1"].address, slot_of("db-2")]]
            assert cluster["db-2"].sql(SLOTS) == []
            assert [slot_of("db-2")] in cluster["db-1"].sql(SLOTS)

    # the playbook that was named makes it whole
    controller.playbook("rejoin", check=True)
    assert_cluster(cluster, "db-1", ["db-2", "db-3"], on_timeline=3)
    assert client.lost(cluster["db-1"]) == []


def test_a_third_node_on_which_no_module_runs(cluster: Fleet, controller: Controller) -> None:
    db2, db3 = cluster["db-2"], cluster["db-3"]
    db3.run("chmod", "000", "/usr/bin/python3.11")
    run = controller.playbook("switchover", "-e", "switchover_to=db-2")
    assert "db-3" in said(run, "incomplete")
    wait_for(lambda: db2.sql(writer.STREAMING) == [["db-1"]], "db-1 to follow db-2")
    db3.run("chmod", "755", "/usr/bin/python3.11")
    controller.playbook("rejoin", check=True)
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)


def test_the_candidate_dies_between_stop_and_promotion(cluster: Fleet, controller: Controller, show: Show) -> None:
    """Its replay is held, so that it cannot promote, and its host dies the moment that the primary has stopped."""
    db1, db2 = cluster["db-1"], cluster["db-2"]

    def held() -> bool:
        return db2.run("sh", "-c", _HOLD_WHEN_ARMED, user="postgres", check=False).returncode == 0

    with Writer(addresses(cluster, *NODES)) as client:
        with (
            faults.triggered(held, lambda: None) as holds,
            faults.triggered(lambda: holds.is_set() and stopped(db1), db2.kill) as killed,
        ):
            run = controller.playbook("switchover", "-e", "switchover_to=db-2", "-e", "switchover_timeout=20")
        assert killed.is_set(), run.output
        assert "db-1" in said(run, "rolled_back")
        client.proceed()
        show(f"rolled back: {client.longest_gap()}")
        assert not in_recovery(db1)
        assert timeline(db1) == 1
        wait_for(lambda: db1.sql(writer.STREAMING) == [["db-3"]], "db-3 to stream again")
        faults.boot(db2)
        wait_for(lambda: db1.sql(writer.STREAMING) == [["db-2"], ["db-3"]], "db-2 to stream again")
    assert_cluster(cluster, "db-1", ["db-2", "db-3"], on_timeline=1)
    assert client.lost(db1) == []


def test_the_controller_is_killed_after_the_promotion(cluster: Fleet, controller: Controller) -> None:
    """Nobody follows the new primary yet; the same command once more brings them to it."""
    new = cluster["db-2"]
    with Writer(addresses(cluster, *NODES)) as client:
        client.proceed()
        process = controller.start("switchover", "-e", "switchover_to=db-2")
        try:
            wait_for(lambda: not in_recovery(new) or process.poll() is not None, "db-2 to be promoted", 300)
            assert process.poll() is None, process.communicate()[0]
        finally:
            kill_tree(process)
        assert new.sql(writer.STREAMING) == [], "nobody follows it yet"
        run = controller.playbook("switchover", "-e", "switchover_to=db-2", check=True)
        assert plan(run)["db-1"] == ["follow", "start"], run.output
        client.proceed()
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)
    assert client.lost(new) == []


def test_a_promoted_candidate_whose_task_fails_is_the_primary(cluster: Fleet, controller: Controller) -> None:
    """Its first checkpoint does not end in time. The old primary sees that it was promoted, and follows it."""
    with Writer(addresses(cluster, *NODES)) as client:
        client.proceed()
        with faults.frozen(cluster["db-2"], "checkpointer"):
            run = controller.playbook("switchover", "-e", "switchover_to=db-2", "-e", "postgres_timeout=15")
        assert "db-2: its first checkpoint as a primary failed" in said(run, "incomplete")
        client.proceed()
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)
    assert client.lost(cluster["db-2"]) == []


def test_the_candidate_was_told_and_hangs(cluster: Fleet, controller: Controller, show: Show) -> None:
    """It asks an archive that does not answer when it promotes itself: beside it the old primary is not started."""
    db1, db2 = cluster["db-1"], cluster["db-2"]
    hanging = "/var/lib/postgresql/hanging"
    db2.run("sh", "-c", _HANGING_ARCHIVE, "sh", f"{hanging}.sh", hanging, BIN)
    db2.sql(f"ALTER SYSTEM SET restore_command = '{hanging}.sh'")
    db2.sql("SELECT pg_reload_conf()")
    wait_for(lambda: db1.sql(writer.STREAMING) == [["db-2"], ["db-3"]], "both standbys to stream")
    db2.run("touch", hanging)
    with Writer(addresses(cluster, *NODES)) as client:
        client.proceed()
        waits = ("-e", "postgres_timeout=10", "-e", "switchover_timeout=30")
        run = controller.playbook("switchover", "-e", "switchover_to=db-2", *waits)
        said(run, "promotion_pending")
        assert "db-1 stays stopped" in run.output
        assert stopped(db1)
        assert in_recovery(db2)
        db2.run("rm", hanging)
        wait_for(lambda: not in_recovery(db2), "db-2 to become the primary after all")
        client.proceed()
        show(f"a candidate that hung: {client.longest_gap()}")
        db2.sql("ALTER SYSTEM RESET restore_command")
        controller.playbook("rejoin", check=True)
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)
    assert client.lost(db2) == []
