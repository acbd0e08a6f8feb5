# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: SQL and replication commands over psycopg2. Nothing else imports psycopg2."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.session_settings import (
    essential_options,
    session_options,
    set_statements,
)

if TYPE_CHECKING:
    from typing_extensions import Self

try:
    import psycopg2
    import psycopg2.extensions
    import psycopg2.extras

    HAS_PSYCOPG2 = True
except ImportError:
    HAS_PSYCOPG2 = False


@dataclass(frozen=True)
class Target:
    """Where and as whom to connect. host is a socket directory or an address; passfile keeps the password
    out of every connection string."""

    host: str
    port: int
    database: str = "postgres"
    user: str | None = None
    passfile: str | None = None
    connect_timeout_seconds: int = 10
    statement_timeout_seconds: int = 30

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"

    def parameters(self) -> dict[str, Any]:
        """libpq's connection parameters."""
        wanted = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "passfile": self.passfile,
            "connect_timeout": self.connect_timeout_seconds,
            "application_name": "hotstandby",
            "client_encoding": "UTF8",
            "keepalives_idle": 5,
        }
        return {name: value for name, value in wanted.items() if value is not None}


class Session:
    """One connection in autocommit. Use it as a context manager."""

    def __init__(self, connection: Any, target: Target) -> None:
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

    def __init__(self, message: str, sqlstate: str, target: Target) -> None:
        super().__init__("sql_failed", f"the server at {target} answered: {message}")
        self.sqlstate = sqlstate


def quote_identifier(name: str) -> str:
    """Quote a name for use in SQL where a parameter is not allowed."""
    return '"' + name.replace('"', '""') + '"'


def connect(target: Target) -> Session:
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


def connect_plainly(target: Target) -> Session:
    """An SQL session that sees the server's own settings: of ours it has only those without which it could not ask.

    Raises HotStandbyError "cannot_connect" with the server's own message.
    """
    return _connect(target, {"options": essential_options(target.statement_timeout_seconds)})


def connect_replication(target: Target) -> Session:
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


def comes_from_server(message: str) -> bool:
    """Whether a refused connection was refused by a server that stays: not by one that shuts down. Pure."""
    if "the database system is shutting down" in message:
        return False
    return "FATAL:" in message or any(fragment in message for fragment, _name, _hint in REFUSALS)


def _connect(target: Target, extra: dict[str, Any]) -> Session:
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


def missing_psycopg2() -> HotStandbyError:
    return HotStandbyError(
        "missing_psycopg2",
        "the Python library psycopg2 is not installed for the interpreter that Ansible uses on this host",
        "Install python3-psycopg2 (or psycopg2-binary) there, or set ansible_python_interpreter",
    )


# application_name of the session in which an armed candidate waits for its primary to stop.
ARMED_SESSION = "hotstandby armed"

# What libpq and the server say, and what to do about it. First match wins.
REFUSALS = (
    (
        "no pg_hba.conf entry",
        "no_access_rule",
        (
            "Add the address that it names to the access rules of that server"
            " (set postgres_address of this host to the address that the server sees) and run site.yml again"
        ),
    ),
    (
        "password authentication failed",
        "wrong_password",
        "Make postgres_replication_password the one that the server has, or run site.yml to set it",
    ),
    (
        "no password supplied",
        "no_password",
        "The passfile has no line for this host, port and user: run site.yml",
    ),
    (
        "Peer authentication failed",
        "peer_failed",
        "Run as the operating system user that owns the cluster, or set login_user",
    ),
    (
        "the database system is starting up",
        "starting_up",
        "Wait until recovery has finished and run this again",
    ),
    ("remaining connection slots", "no_connection_slot", "Raise max_connections or close sessions"),
    ("too many clients", "no_connection_slot", "Raise max_connections or close sessions"),
    (
        "number of requested standby connections exceeds",
        "no_walsender",
        "Raise max_wal_senders on that server: restart it with site.yml's settings applied",
    ),
)

# Answers of a source that is not set up yet, which check mode has to expect.
NOT_YET = frozenset(
    {"cannot_connect", "missing_psycopg2", "no_access_rule", "wrong_password", "no_password", "starting_up"}
)


# Over the socket we are who owns the server, and have no password.
ASKED_FOR_MORE = frozenset({"no_access_rule", "wrong_password", "no_password"})


def explain_refusal(target: Target, message: str) -> HotStandbyError:
    """Give a refused connection a stable name and a next step; the server's own words stay in the message."""
    told = f"cannot connect to {target}: {message}"
    for fragment, name, hint in REFUSALS:
        if fragment in message:
            if name in ASKED_FOR_MORE and target.host.startswith("/") and not target.passfile:
                return _no_peer_access(target, told)
            return HotStandbyError(name, told, hint)
    return HotStandbyError("cannot_connect", told, "Check that the server runs and can be reached")


def _no_peer_access(target: Target, told: str) -> HotStandbyError:
    user = target.user or pwd.getpwuid(os.geteuid()).pw_name
    return HotStandbyError(
        "no_peer_access",
        told,
        "The server may serve all others well, but a line of its pg_hba.conf keeps us out:"
        f' make "local all {user} peer" its first line, reload it, and run this again',
    )
