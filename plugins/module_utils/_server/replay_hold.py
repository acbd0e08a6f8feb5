# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sessions hold the replay of a standby back: a snapshot that still needs removed rows, or a lock.

What a session's query says is never told, since a query may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .session import Session

# On a standby nobody but the replay asks for an AccessExclusiveLock.
SESSIONS_SQL = (
    "SELECT a.pid, coalesce(a.usename::pg_catalog.text, '') AS user, a.application_name AS application,"
    " a.state, a.xact_start::pg_catalog.text AS since, a.backend_start::pg_catalog.text AS started,"
    " coalesce(pg_catalog.age(a.backend_xmin), -1) AS snapshot_age,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_locks AS waiting JOIN pg_catalog.pg_locks AS held"
    " ON held.locktype = waiting.locktype"
    " AND held.database = waiting.database"
    " AND held.relation = waiting.relation"
    " WHERE NOT waiting.granted AND waiting.mode = 'AccessExclusiveLock'"
    " AND held.granted AND held.pid = a.pid) AS blocks"
    " FROM pg_catalog.pg_stat_activity AS a"
    " WHERE a.datid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()"
)
END_SQL = (
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
    " WHERE pid = %s AND backend_start::pg_catalog.text = %s"
)


@dataclass(frozen=True)
class Client:
    """A session on the standby. snapshot_age: in transactions, -1 without a snapshot. blocks: whether the replay waits
    for a lock that it holds. started: when the session began, which tells it from a later one of the same pid."""

    pid: int
    user: str
    application: str
    state: str | None
    since: str | None
    started: str
    snapshot_age: int
    blocks: bool

    def __str__(self) -> str:
        application = f" with {self.application}" if self.application else ""
        since = f", in a transaction since {self.since}" if self.since else ""
        return f"pid {self.pid} (user {self.user}{application}, {self.state or 'state unknown'}{since})"


def sessions_of(session: Session) -> tuple[Client, ...]:
    """All other sessions on that server."""
    return tuple(Client(**row) for row in session.rows(SESSIONS_SQL))


def holders(sessions: Iterable[Client]) -> tuple[Client, ...]:
    """Those that can hold back a replay that stands still, the likeliest first.

    Who holds a lock that it waits for, does. Otherwise it waits for snapshots, and which of them are too old only the
    server knows: the oldest is one.
    """
    every = tuple(sessions)
    locking = tuple(one for one in every if one.blocks)
    return locking or tuple(
        sorted((one for one in every if one.snapshot_age >= 0), key=lambda one: (-one.snapshot_age, one.pid))
    )


def first_to_end(found: tuple[Client, ...]) -> tuple[Client, ...]:
    """Of the holders those that certainly are: so nobody is ended who is not in the way."""
    return tuple(one for one in found if one.blocks or one.snapshot_age == found[0].snapshot_age)


def end(session: Session, found: Iterable[Client]) -> tuple[Client, ...]:
    """End these; return those that were still there."""
    return tuple(one for one in found if session.rows(END_SQL, (one.pid, one.started)))
