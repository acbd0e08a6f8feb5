# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What befalls a cluster: a switchover, the end of the primary, failover, rejoin. Each is a playbook of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from hotstandby_demo.cluster import CLIENT, Cluster
from hotstandby_demo.console import DemoError, say
from hotstandby_demo.layout import NODES
from hotstandby_demo.stopping import alive, children, end, postmaster, processes_below

BEGUN, DONE = "begun", "done"
ROWS, ROWS_ALONE = 1000, 500
PATIENCE_SECONDS = 60.0
# Told not to salvage, failover.yml leaves the old primary with rows of its own: then there is something to rewind.
NO_SALVAGE = ("-e", "failover_salvage=false")


def live(cluster: Cluster) -> int:
    """Take the cluster through it; 0, or the exit status of the playbook that failed."""
    cluster.remember_life(BEGUN)
    table = f"DROP TABLE IF EXISTS life; CREATE TABLE life AS SELECT * FROM generate_series(1, {ROWS}) number"
    write(cluster, table)
    former = cluster.primary()
    say(f"\n== Its life, 1: {former} is wanted for something else. playbooks/switchover.yml moves the primary away,")
    say(f"   without losing a row ({ROWS} were just written).")
    status = cluster.play("switchover", quiet=True)
    if status != 0:
        return failed("switchover", status)
    primary = cluster.primary()
    say(f"{rows(cluster)} of {ROWS} rows: the connection string found the new primary, {primary}, by itself.")

    say(f"\n== Its life, 2: {primary} dies. First nothing reaches its standbys any more, then {ROWS_ALONE} rows are")
    say("   written, which it acknowledges and nobody else has, then all of it is killed (SIGKILL, as by a power cut).")
    kill_with_rows_of_its_own(cluster, primary)
    say("   playbooks/status.yml has to say so:")
    if cluster.play("status", quiet=True) == 0:
        raise DemoError(f"{primary} was killed, and status.yml calls the cluster healthy")

    say(
        "\n== Its life, 3: playbooks/failover.yml makes the best standby the primary. It would bring the rows over from"
    )
    say(f"   the dead primary's disk; here {' '.join(NO_SALVAGE)} forbids it, as if that disk could not be read.")
    status = cluster.play("failover", NO_SALVAGE, quiet=True)
    if status != 0:
        return failed("failover", status)

    say(f"\n== Its life, 4: playbooks/rejoin.yml brings {primary} back. It has rows that the others do not have, so it")
    say("   cannot simply follow; pg_rewind takes it back to where they part. Nothing has to be cloned.")
    status = cluster.play("rejoin", quiet=True)
    if status != 0:
        return failed("rejoin", status)
    counts = ", ".join(f"{name} {rows_on(cluster, name)}" for name in NODES)
    say(f"Rows: {counts}. All have the same again; the {ROWS_ALONE} are gone, as failover.yml had announced.")
    cluster.remember_life(DONE)
    return 0


def resume(cluster: Cluster) -> int:
    """Help a cluster up whose life was cut off, so that site.yml finds a primary; 0, or a playbook's exit status."""
    for pid in processes_below([cluster.layout.directory]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # walsenders that were held back
    roles = [cluster.role(name) for name in NODES]
    if "primary" in roles:
        purpose, playbook = "bring back what is not part of the cluster", "rejoin"
    elif "standby" in roles:
        purpose, playbook = "its primary is gone", "failover"
    else:
        return 0  # all are stopped: site.yml starts them
    say(f"\n== playbooks/{playbook}.yml: the demo was cut off in the middle of its life; {purpose}")
    status = cluster.play(playbook, quiet=True)
    return resume(cluster) if playbook == "failover" and status == 0 else status


def failed(playbook: str, status: int) -> int:
    say(f"demo: {playbook}.yml failed (see above); left as it is")
    return status


def write(cluster: Cluster, commands: str) -> None:
    """As an application does: through the connection string that is printed for writing."""
    cluster.psql(cluster.client("read-write"), commands)


def rows(cluster: Cluster) -> str:
    return cluster.psql(cluster.client("read-write"), "SELECT count(*) FROM life")


def rows_on(cluster: Cluster, name: str) -> str:
    return cluster.psql(cluster.local(name, CLIENT), "SELECT count(*) FROM life")


def kill_with_rows_of_its_own(cluster: Cluster, primary: str) -> None:
    """Hold its walsenders back, write, and SIGKILL every process of the server."""
    await_replay(cluster, primary)
    pid = postmaster(cluster.layout.data_directory(primary))
    if pid is None:
        raise DemoError(f"{primary} does not run")
    senders = cluster.psql(cluster.local(primary), "SELECT pid FROM pg_stat_replication").split()
    for sender in senders:
        os.kill(int(sender), signal.SIGSTOP)
    try:
        write(cluster, f"INSERT INTO life SELECT generate_series({ROWS + 1}, {ROWS + ROWS_ALONE})")
    finally:  # whatever happens, nothing stays behind that is stopped half-way
        server = [pid, *children(pid)]
        end(alive(server), (signal.SIGKILL,))


def await_replay(cluster: Cluster, primary: str) -> None:
    """Until every standby has all that was written, so that what is lost later is what was meant."""
    others = len(NODES) - 1
    lsn = cluster.psql(cluster.local(primary), "SELECT pg_current_wal_lsn()")
    query = f"SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= '{lsn}'"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while int(cluster.psql(cluster.local(primary), query)) < others:
        if time.monotonic() > deadline:
            raise DemoError(f"the standbys did not catch up in {PATIENCE_SECONDS:g} s; see demo/run play status")
        time.sleep(0.05)
