# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: SQL and replication commands over psycopg2. Nothing else imports psycopg2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.session_settings import (
    essential_options,
    session_options,
    set_statements,
)

from .connection_errors import comes_from_server, explain_refusal, missing_psycopg2
from .endpoint import Endpoint

if TYPE_CHECKING:
    from typing_extensions import Self

try:
    import psycopg2
    import psycopg2.extensions
    import psycopg2.extras

    HAS_PSYCOPG2 = True
except ImportError:
    HAS_PSYCOPG2 = False


class Session:
    """One connection in autocommit. Use it as a context manager."""

    def __init__(self, connection: Any, target: Endpoint) -> None:
        self._connection = connection
        self.target = target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def version(self) -> int:
        """server_version_num, for example 150018."""
        return int(self._connection.server_version)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one statement; return its rows (an empty list when it returns none).

        Raises HotStandbyError "sql_failed" with the server's own message.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                if cursor.description is None:
                    return []
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
        except psycopg2.Error as error:
            raise SqlError(str(error), error.pgcode or "", self.target) from error

    def row(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Like rows, for a statement that returns one row (an empty dict when it returns none)."""
        found = self.rows(sql, parameters)
        return found[0] if found else {}

    def value(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        return next(iter(self.row(sql, parameters).values()), None)

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        """Like rows, for a statement whose result does not matter."""
        self.rows(sql, parameters)


class SqlError(HotStandbyError):
    """A statement that the server refused; sqlstate is its five-character code."""

    def __init__(self, message: str, sqlstate: str, target: Endpoint) -> None:
        super().__init__("sql_failed", f"the server at {target} answered: {message}")
        self.sqlstate = sqlstate


def quote_identifier(name: str) -> str:
    """Quote a name for use in SQL where a parameter is not allowed."""
    return '"' + name.replace('"', '""') + '"'


def connect(target: Endpoint) -> Session:
    """Open an SQL session. Raises HotStandbyError "cannot_connect" with the server's own message."""
    timeout = target.statement_timeout_seconds
    session = _connect(target, {"options": session_options(timeout)})
    more = _settings_by_version(session.version)
    try:
        if more:
            session.execute(set_statements(more))
    except SqlError:
        # a time limit of the server's ended it before that: the version is known now, and names them in the packet
        session.close()
        return _connect(target, {"options": session_options(timeout, more=more)})
    return session


def connect_plainly(target: Endpoint) -> Session:
    """An SQL session that sees the server's own settings: of ours it has only those without which it could not ask.

    Raises HotStandbyError "cannot_connect" with the server's own message.
    """
    return _connect(target, {"options": essential_options(target.statement_timeout_seconds)})


def connect_replication(target: Endpoint) -> Session:
    """Open a physical replication session: it takes replication commands (IDENTIFY_SYSTEM, ...), not SQL.

    Raises HotStandbyError "cannot_connect" with the server's own message.
    """
    if not HAS_PSYCOPG2:
        raise missing_psycopg2()
    options = session_options(target.statement_timeout_seconds)
    return _connect(target, {"options": options, "connection_factory": psycopg2.extras.PhysicalReplicationConnection})


def is_served(conninfo: Mapping[str, str], timeout_seconds: int) -> bool:
    """Whether a server answers there within the time, also if it only says why it lets nobody in.

    timeout_seconds: libpq's least is 2.
    """
    parameters: dict[str, Any] = {**conninfo, "connect_timeout": timeout_seconds, "application_name": "hotstandby"}
    try:
        psycopg2.connect(**parameters, connection_factory=psycopg2.extras.PhysicalReplicationConnection).close()
    except psycopg2.Error as error:
        return comes_from_server(str(error))
    return True


def _connect(target: Endpoint, extra: dict[str, Any]) -> Session:
    if not HAS_PSYCOPG2:
        raise missing_psycopg2()
    try:
        connection = psycopg2.connect(**target.parameters(), **extra)
    except psycopg2.Error as error:
        raise explain_refusal(target, str(error)) from error
    if "connection_factory" not in extra:  # a replication connection is in autocommit anyway, and cannot be asked
        connection.autocommit = True
    return Session(connection, target)


def _settings_by_version(version: int) -> tuple[tuple[str, str], ...]:
    try:
        return Dialect.for_version(version).session_settings
    except ValueError:
        return ()  # whoever needs the dialect says that it is not supported
