# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: a running standby, its positions and its walreceiver. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conninfo import parse
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.wal_reader import nothing_whole_after
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect, same_major
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_records import (
    Record,
    last_record,
    read_from,
)

from .live_server import apply_delay, dialect_of, recovery_setting, session_with
from .replication import standby_timeline
from .server_processes import receiver_process
from .session import Session
from .stream import Stream

RECEIVER_COLUMNS = (
    "r.pid, r.status, r.received_tli, r.latest_end_lsn::text AS told,"
    " extract(epoch FROM r.last_msg_receipt_time)::float8 AS heard"
    " FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_stat_wal_receiver AS r ON true"
)


@contextmanager
def open_server(instance: Instance, commands: Commands, version: str | None) -> Iterator[StandbyServer]:
    """The instance's server, while the block lasts. version: its major version, None for whichever.

    Raises HotStandbyError "not_running", "version_unsupported", "version_mismatch", and those of connect.
    """
    with session_with(instance) as session:
        dialect = dialect_of(session)
        if version and not same_major(version, dialect):
            raise HotStandbyError(
                "version_mismatch",
                f"the server at {session.target} is PostgreSQL {dialect.major}, not {version}",
                "Correct postgres_version, postgres_port or postgres_data_directory",
            )
        directory = instance.data_directory or str(session.value("SHOW data_directory"))
        yield StandbyServer(session, dialect, commands, directory)


@dataclass(frozen=True)
class StandbyServer:
    """A running server that may be a standby, asked over one session."""

    session: Session
    dialect: Dialect
    commands: Commands
    data_directory: str

    @property
    def wal_directory(self) -> str:
        return os.path.join(self.data_directory, self.dialect.wal_directory)

    def look(self) -> Stream:
        """One look, in one cheap statement. The walreceiver is read before the positions.

        So the positions of a walreceiver that no longer streams are final: it flushes before it says so.
        """
        has_view = self.dialect.has_wal_receiver_view
        row = self.session.row(
            "SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,"
            " extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS now,"
            f" {self.dialect.last_receive_lsn_function}()::text AS received,"
            f" {self.dialect.last_replay_lsn_function}()::text AS replayed"
            + (f", {RECEIVER_COLUMNS}" if has_view else "")
        )
        process = None if has_view else receiver_process(self.data_directory)
        status = row.get("status") if has_view else (process or (0, ""))[1]
        return Stream(
            in_recovery=bool(row["in_recovery"]),
            now=float(row["now"]),
            received=Lsn.from_optional(row["received"]),
            replayed=Lsn.from_optional(row["replayed"]),
            receiver=row.get("pid") if has_view else (process or (None, ""))[0],
            streaming=status == "streaming",
            timeline=row.get("received_tli"),
            told=Lsn.from_optional(row.get("told")),
            heard=row.get("heard"),
        )

    def timeline(self) -> int:
        """The timeline that the standby is on; IDENTIFY_SYSTEM knows, the control file follows with delay."""
        control = self.commands.control_data(self.data_directory)
        recorded = max(
            int(control.get(label, "0"))
            for label in ("Latest checkpoint's TimeLineID", "Min recovery ending loc's timeline")
        )
        return standby_timeline(self.session.target, recorded)

    def segment_size(self) -> int:
        """Bytes per WAL segment."""
        return int(self.commands.control_data(self.data_directory)["Bytes per WAL segment"])

    def upstream(self) -> dict[str, str]:
        """The connection parameters of primary_conninfo; none when it names no one server, or cannot be read."""
        text = recovery_setting(self.session, self.dialect, self.data_directory, "primary_conninfo")
        try:
            found = parse(text or "")
        except ValueError:
            return {}
        return {} if "," in found.get("host", "") + found.get("hostaddr", "") else found

    def apply_delay(self) -> int:
        """recovery_min_apply_delay in milliseconds."""
        return apply_delay(self.session, self.dialect, self.data_directory)

    def paused(self) -> bool:
        """Whether its replay is paused."""
        return bool(self.session.value(f"SELECT {self.dialect.replay_paused_function}()"))

    def last_record(self, timeline: int, end: Lsn, segment_size: int) -> Record | None:
        """The last record in its own WAL that starts before end. Raises HotStandbyError "missing_program"."""
        start = read_from(end, segment_size)
        arguments = ("-p", self.wal_directory, "-t", str(timeline), "-s", str(start), "-e", str(end))
        listed = self.commands.attempt(self.dialect.waldump_program, *arguments)
        return last_record(listed.output, segment_size)

    def nothing_whole_after(self, timeline: int, position: Lsn) -> bool:
        """Whether no whole record follows in its own WAL; see _host/wal_reader."""
        return nothing_whole_after(self.commands, self.dialect, self.wal_directory, timeline, position)
