# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One query for each fact of replication: position, timeline, streams, senders. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn

from .endpoint import Endpoint
from .session import Session, connect_replication


@dataclass(frozen=True)
class Sender:
    """One row of pg_stat_replication. replied: when, as text, or None where the server does not say.

    slot and database: of a logical consumer; None for a standby.
    """

    pid: int
    application_name: str
    address: str | None
    state: str
    written: Lsn | None
    flushed: Lsn | None
    replied: str | None
    replayed: Lsn | None = None
    slot: str | None = None
    database: str | None = None

    def __str__(self) -> str:
        return f"{self.application_name or 'without a name'} ({self.address or 'local socket'})"

    @property
    def confirmed(self) -> Lsn:
        """Up to where a stop takes it for done: a client that never flushes counts by what it wrote."""
        return (self.flushed if self.flushed and self.flushed.value else self.written) or Lsn(0)

    @property
    def who(self) -> tuple[str, int | str]:
        """What makes it the same one after a while; a consumer that comes back is still the one of its slot."""
        return ("slot", self.slot) if self.slot else ("pid", self.pid)

    @property
    def signs_of_life(self) -> tuple[Lsn | None, Lsn | None, str | None]:
        return self.written, self.flushed, self.replied


def senders_of(session: Session, dialect: Dialect) -> tuple[Sender, ...]:
    """Every walsender."""
    replied = "r.reply_time::text" if dialect.has_reply_time else "NULL::text"
    rows = session.rows(
        "SELECT r.pid, coalesce(r.application_name, '') AS application_name, pg_catalog.host(r.client_addr) AS address,"
        f" coalesce(r.state, '') AS state, r.{dialect.write_lsn_column}::text AS written,"
        f" r.{dialect.flush_lsn_column}::text AS flushed, {replied} AS replied,"
        f" r.{dialect.replay_lsn_column}::text AS replayed, s.slot_name AS slot, s.database"
        " FROM pg_catalog.pg_stat_replication r LEFT JOIN pg_catalog.pg_replication_slots s"
        " ON s.active_pid = r.pid AND s.slot_type = 'logical' ORDER BY r.application_name, r.pid"
    )
    return tuple(
        Sender(**{**row, **{name: Lsn.from_optional(row[name]) for name in ("written", "flushed", "replayed")}})
        for row in rows
    )


def is_streaming(session: Session, dialect: Dialect) -> bool:
    """Whether a standby receives WAL; in 9.5, whether it has received any since its start."""
    if dialect.has_wal_receiver_view:
        return bool(session.value("SELECT 1 FROM pg_catalog.pg_stat_wal_receiver WHERE status = 'streaming'"))
    return session.value(f"SELECT {dialect.last_receive_lsn_function}()") is not None


def is_in_recovery(session: Session) -> bool:
    """Whether the server is a standby."""
    return bool(session.value("SELECT pg_catalog.pg_is_in_recovery()"))


def primary_position(session: Session, dialect: Dialect) -> Lsn | None:
    """The end of what a primary has written."""
    return Lsn.from_optional(session.value(f"SELECT {dialect.current_wal_lsn_function}()::text"))


def standby_position(session: Session, dialect: Dialect) -> tuple[Lsn | None, Lsn | None]:
    """The furthest that a standby received or replayed, and how far it has replayed."""
    row = session.row(
        f"SELECT {dialect.last_receive_lsn_function}()::text AS received,"
        f" {dialect.last_replay_lsn_function}()::text AS replayed"
    )
    received, replayed = Lsn.from_optional(row["received"]), Lsn.from_optional(row["replayed"])
    return max((lsn for lsn in (received, replayed) if lsn is not None), default=None), replayed


def primary_timeline(session: Session, dialect: Dialect, *, inserted: bool) -> int:
    """The timeline of a server that is not in recovery, at the end of what it has inserted, or else has written."""
    end = f"{dialect.current_wal_insert_lsn_function if inserted else dialect.current_wal_lsn_function}()"
    name = session.value(f"SELECT {dialect.walfile_name_function}({end})")
    return int(str(name)[:8], 16)


def standby_timeline(endpoint: Endpoint, recorded: int) -> int:
    """The timeline that a standby replays. IDENTIFY_SYSTEM knows it; the control file, which has recorded, follows
    with delay."""
    try:
        with connect_replication(endpoint) as session:
            return max(int(session.row("IDENTIFY_SYSTEM")["timeline"]), recorded)
    except HotStandbyError:
        return recorded
