# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The troubles of docs/operations.md, produced for real on a demo: servers killed, a host that does not answer."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from hotstandby_demo.layout import NODES, Layout
from hotstandby_demo.stopping import alive, children, postmaster
from support.demo_user import DemoUser
from support.ports import PortReservation
from support.runbooks import Step
from support.waiting import wait_for


@dataclass
class Cluster:
    """A running demo. In the guide db-1 is the primary, db-2 and db-3 are the others in order: see `name_nodes`."""

    user: DemoUser
    names: dict[str, str] = field(default_factory=dict)
    closed_ports: PortReservation = field(default_factory=PortReservation)

    @property
    def layout(self) -> Layout:
        return Layout(self.user.demo)

    def query(self, node: str, sql: str) -> Any:
        """First value of the answer, as superuser."""
        state = self.layout.load()
        with self.user.account.effective():
            connection = psycopg2.connect(
                host=str(self.layout.socket_directory(state, node)), port=state.ports[node], dbname="postgres"
            )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                row = cursor.fetchone() if cursor.description else None
                return row[0] if row else None
        finally:
            connection.close()

    def name_nodes(self) -> None:
        """Give the nodes the names of the guide. Every one of them has to run, and one to be the primary."""
        primaries = [node for node in NODES if not self.query(node, "SELECT pg_is_in_recovery()")]
        assert len(primaries) == 1, primaries
        order = [*primaries, *(node for node in NODES if node not in primaries)]
        self.names = {f"db-{number}": node for number, node in enumerate(order, start=1)}

    def psql(self, step: Step) -> tuple[int, str]:
        """Exit status and output of a command of the guide that is typed on a host."""
        state, node = self.layout.load(), self.names[step.host or ""]
        sql = step.command.split('"')[1]
        place = f"host={self.layout.socket_directory(state, node)} port={state.ports[node]} dbname=postgres"
        process = self.user.account.popen(
            [str(Path(state.bin_directory) / "psql"), "-X", "-d", place, "-c", sql], stdout=-1, stderr=-2
        )
        output = process.communicate(timeout=60)[0]
        return process.returncode, output

    def kill(self, node: str) -> None:
        """SIGKILL every process of the server."""
        pid = postmaster(self.layout.data_directory(node))
        assert pid is not None, node
        server = [pid, *children(pid)]
        for number in server:
            with contextlib.suppress(ProcessLookupError):  # most end by themselves when the first of them is gone
                os.kill(number, signal.SIGKILL)
        wait_for(lambda: not alive(server), f"the end of {node}")

    def kill_with_rows_of_its_own(self) -> None:
        """The primary acknowledges rows that it has sent to nobody, and is killed."""
        primary = self.names["db-1"]
        wait_for(lambda: self._mute(primary), "both standbys to have the same, and no more to come")
        self.query(primary, "CREATE TABLE IF NOT EXISTS alone (number int)")
        self.query(primary, "INSERT INTO alone SELECT generate_series(1, 1000)")
        self.kill(primary)

    def _mute(self, primary: str) -> bool:
        """Stop its walsenders; let them go on unless all had sent the same by then."""
        self.await_replay()
        senders = self.query(primary, "SELECT array_agg(pid) FROM pg_stat_replication")
        for pid in senders:
            os.kill(pid, signal.SIGSTOP)
        same = bool(self.query(primary, "SELECT count(DISTINCT sent_lsn) = 1 FROM pg_stat_replication"))
        if not same:
            for pid in senders:
                os.kill(pid, signal.SIGCONT)
        return same

    def await_replay(self) -> None:
        primary = self.names["db-1"]
        lsn = self.query(primary, "SELECT pg_current_wal_lsn()")
        count = f"SELECT count(*) = {len(NODES) - 1} FROM pg_stat_replication WHERE replay_lsn >= '{lsn}'"
        wait_for(functools.partial(self.query, primary, count), "replay everywhere")

    def edit_inventory(self, pattern: str, replacement: str) -> None:
        path = self.layout.inventory
        text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert count == 1, (pattern, count)
        path.write_text(text, encoding="utf-8")


def setting_changed(cluster: Cluster) -> None:
    cluster.edit_inventory("'shared_buffers': '32MB'", "'shared_buffers': '33MB'")


def _in_the_way(cluster: Cluster) -> Path:
    """Where the modules write postgresql.auto.conf anew, before they rename it."""
    return cluster.layout.data_directory(cluster.names["db-3"]) / ".postgresql.auto.conf.hotstandby"


def standby_not_writable(cluster: Cluster) -> None:
    _in_the_way(cluster).mkdir()


def standby_writable(cluster: Cluster) -> None:
    _in_the_way(cluster).rmdir()


def primary_killed(cluster: Cluster) -> None:
    cluster.kill_with_rows_of_its_own()


def primary_host_gone(cluster: Cluster) -> None:
    """Its server dies, and nobody listens where Ansible would reach the host."""
    cluster.kill_with_rows_of_its_own()
    nowhere = f"ansible_connection=ssh ansible_host=127.0.0.1 ansible_port={cluster.closed_ports.reserve()}"
    cluster.edit_inventory(rf"^({cluster.names['db-1']} .*)$", rf"\1 {nowhere}")


def host_back(cluster: Cluster) -> None:
    cluster.edit_inventory(r" ansible_connection=ssh .*$", "")


def power_cut(cluster: Cluster) -> None:
    cluster.await_replay()
    for node in NODES:
        cluster.kill(node)
    cluster.edit_inventory(r"^(postgres_service=pg_ctl)$", r"\1\npostgres_boot_guard_when_unsure=refuse")


def failover_cut_off(cluster: Cluster) -> None:
    """The controller is killed as soon as the new primary takes writes."""
    cluster.kill_with_rows_of_its_own()
    process = cluster.user.start("play", "failover")
    candidate = cluster.names["db-2"]
    try:
        wait_for(lambda: not cluster.query(candidate, "SELECT pg_is_in_recovery()"), "the promotion", 300)
    finally:
        cluster.user.kill(process)


def second_primary(cluster: Cluster) -> None:
    cluster.await_replay()
    assert cluster.query(cluster.names["db-3"], "SELECT pg_promote()")
    cluster.query(cluster.names["db-3"], "CREATE TABLE of_its_own (number int)")


def standby_dead(cluster: Cluster) -> None:
    cluster.kill(cluster.names["db-3"])


def wal_removed(cluster: Cluster) -> None:
    """The primary no longer has what a dead standby needs, whose slot was given up."""
    primary = cluster.names["db-1"]
    cluster.kill(cluster.names["db-3"])
    slot = f"hotstandby_{cluster.names['db-3']}"
    wait_for(
        lambda: cluster.query(primary, f"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'") is False,
        slot,
    )
    cluster.query(primary, f"SELECT pg_drop_replication_slot('{slot}')")
    oldest = "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    needed = cluster.query(primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    cluster.query(primary, "ALTER SYSTEM SET wal_keep_size = 0")
    cluster.query(primary, "SELECT pg_reload_conf()")

    def gone() -> bool:
        cluster.query(primary, "CREATE TABLE IF NOT EXISTS filler (number int)")
        cluster.query(primary, "INSERT INTO filler VALUES (1)")
        cluster.query(primary, "SELECT pg_switch_wal()")
        cluster.query(primary, "CHECKPOINT")
        return bool(cluster.query(primary, oldest) > needed)

    wait_for(gone, f"the removal of {needed}")
    cluster.query(primary, "ALTER SYSTEM RESET wal_keep_size")
    cluster.query(primary, "SELECT pg_reload_conf()")


EMERGENCIES: dict[str, Callable[[Cluster], None]] = {
    function.__name__: function
    for function in (
        standby_not_writable,
        standby_writable,
        setting_changed,
        primary_killed,
        primary_host_gone,
        host_back,
        power_cut,
        failover_cut_off,
        second_primary,
        standby_dead,
        wal_removed,
    )
}
