# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of promotions share."""

from __future__ import annotations

import os
import signal

from support.servers import Server
from support.waiting import wait_for

STREAMING = "SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"


def kill(server: Server) -> None:
    """SIGKILL the postmaster; what is left of it is not waited for."""
    pid = server.postmaster_pid
    if pid is None:
        raise RuntimeError(f"{server.name} is not running")
    os.kill(pid, signal.SIGKILL)


def wait_until_alone(standby: Server) -> None:
    wait_for(lambda: not standby.sql(STREAMING), f"{standby.name} to stream from nobody")


def wait_until_caught_up(standby: Server, primary: Server) -> None:
    """Wait until all that the primary has committed can be read.

    Up to what is flushed: WAL that nobody has waited for yet may stay unwritten for many seconds.
    """
    lsn = primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
    wait_for(lambda: standby.sql(replayed, (lsn,))[0][0], f"{standby.name} to replay {lsn}")


def in_recovery(server: Server) -> bool:
    return bool(server.sql("SELECT pg_is_in_recovery()")[0][0])


def leave_half_a_record(primary: Server, *standbys: Server) -> None:
    """Kill the primary while it sends one long record: nobody gets the whole of it."""
    for standby in standbys:
        wait_until_caught_up(standby, primary)
    receivers = [standby.sql("SELECT pid FROM pg_stat_wal_receiver")[0][0] for standby in standbys]
    for receiver in receivers:
        os.kill(receiver, signal.SIGSTOP)
    before = primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    primary.sql("SELECT pg_logical_emit_message(true, 'hotstandby', repeat('x', 9000000))")  # its commit flushes it
    written = primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
    under_way = "SELECT count(*) FROM pg_stat_replication WHERE sent_lsn - %s::pg_lsn >= 200000"
    wait_for(lambda: primary.sql(under_way, (before,)) == [(len(standbys),)], "a part of it to be sent")
    primary.kill()  # the walsenders too, before the rest can be sent
    for receiver in receivers:
        os.kill(receiver, signal.SIGCONT)
    part = "SELECT pg_last_wal_replay_lsn() < pg_last_wal_receive_lsn(), pg_last_wal_receive_lsn() < %s::pg_lsn"
    for standby in standbys:
        wait_until_alone(standby)
        assert standby.sql(part, (written,)) == [(True, True)]
