# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client that writes numbered rows all along and keeps what was acknowledged, whoever is primary."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType, TracebackType

import psycopg2
from psycopg2.extensions import connection, make_dsn

from support.hosts.controller import Controller
from support.hosts.fleet import Fleet
from support.hosts.host import Host
from support.waiting import wait_for

USER = DATABASE = "app"
PASSWORD = "what the application knows"
PORT = 5432
NODES = ("db-1", "db-2", "db-3")
NO_PORTS: Mapping[str, int] = MappingProxyType({})
EXIT_TIMEOUT_SECONDS = 30.0

# Rule for postgres_hba, with which the client gets into every node, whichever is primary.
ACCESS = MappingProxyType(
    {"type": "host", "database": DATABASE, "user": USER, "address": "198.51.100.0/24", "method": "scram-sha-256"}
)
# What each inventory of such a cluster says. WAL is archived to nowhere: on a host with the file NO_ARCHIVE that
# fails, on one with the file SLOW_ARCHIVE it takes as long as the file is there.
NO_ARCHIVE = "/var/lib/postgresql/no-archive"
SLOW_ARCHIVE = "/var/lib/postgresql/slow-archive"
SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "archive_mode": "on",
        "archive_command": f"test ! -f {NO_ARCHIVE} && while test -f {SLOW_ARCHIVE}; do sleep 0.1; done",
    }
)
VARIABLES: Mapping[str, object] = MappingProxyType(
    {"postgres_hba": [dict(ACCESS)], "postgres_settings": dict(SETTINGS)}
)
STREAMING = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1"
TABLE = (
    "CREATE TABLE written (writer text, n bigint, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (writer, n))"
)


def prepare(primary: Host) -> None:
    """Give the client its role, its database and its table."""
    primary.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
    primary.sql(f"CREATE DATABASE {DATABASE} OWNER {USER}")
    primary.sql(f"SET ROLE {USER}; {TABLE}", database=DATABASE)


def cluster(fleet: Fleet, controller: Controller) -> None:
    """db-1 with the standbys db-2 and db-3, built once by site.yml, then put back from images; both stream.

    The controller's inventories say VARIABLES.
    """
    controller.inventory(["db-1"], ["db-2", "db-3"])
    if not fleet.restore("written", *NODES):
        fleet.recreate(*NODES)
        controller.playbook("site", check=True)
        prepare(fleet["db-1"])
        fleet.save("written", *NODES)
    wait_for(lambda: fleet["db-1"].sql(STREAMING) == [["db-2"], ["db-3"]], "both standbys to stream")


def conninfo(addresses: Sequence[str], ports: Mapping[str, int] = NO_PORTS) -> dict[str, str]:
    """How a client finds the primary among several nodes, and notices when it is silently gone.

    `ports`: by address, where it is not the usual one.
    """
    return {
        "host": ",".join(addresses),
        "port": ",".join(str(ports.get(address, PORT)) for address in addresses),
        "user": USER,
        "dbname": DATABASE,
        "target_session_attrs": "read-write",
        "connect_timeout": "2",
        "tcp_user_timeout": "3000",
        "keepalives": "1",
        "keepalives_idle": "1",
        "keepalives_interval": "1",
        "keepalives_count": "3",
    }


@dataclass(frozen=True)
class Gap:
    """A time without an acknowledged row; `after` is None when there was none since."""

    seconds: float
    before: int
    after: int | None

    def __str__(self) -> str:
        end = "now" if self.after is None else f"row {self.after}"
        return f"{self.seconds:.3f} s without a commit, from row {self.before} to {end}"


class Writer:
    """Inserts a number after the other into `written`, one commit each; use it as a context manager.

    What got no answer, or an error, is not acknowledged and is not tried again: the next number follows, on a
    connection to whoever takes writes then. A host that is silently gone costs `connect_timeout` at each attempt
    when it comes before the primary in `place`, as it does for everybody who lists it there.

    place: the nodes' addresses, or libpq's words for a client and a database of one's own.
    """

    def __init__(
        self,
        place: Sequence[str] | Mapping[str, str],
        password: str = PASSWORD,
        ports: Mapping[str, int] = NO_PORTS,
        pause_seconds: float = 0.004,
        retry_seconds: float = 0.02,
    ) -> None:
        self.name = uuid.uuid4().hex
        self.errors: list[str] = []
        where = (
            place if isinstance(place, Mapping) else {**conninfo(place, ports), "password": password}
        )
        self._conninfo = {**where, "application_name": "writer"}
        self._pause_seconds = pause_seconds
        self._retry_seconds = retry_seconds
        self._acknowledged: list[tuple[int, float]] = []  # number, and when; only ever appended to
        self._lap = 0
        self._number = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"writer {self.name}", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        try:
            self.proceed()
        except AssertionError:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def acknowledged(self) -> list[int]:
        """The numbers that were committed, as the server said."""
        return [number for number, dummy in self._acknowledged]

    @property
    def acknowledged_at(self) -> list[float]:
        """When each of them was, by time.monotonic()."""
        return [at for dummy, at in self._acknowledged]

    def proceed(self, timeout_seconds: float = 60.0) -> int:
        """Wait until a row is acknowledged that was not begun yet; its number."""
        begun = self._number
        wait_for(lambda: self._last() > begun, f"a row after {begun} ({self.errors[-1:]})", timeout_seconds)
        return self._last()

    def lap(self) -> None:
        """From here on `longest_gap` counts anew."""
        self._lap = max(len(self._acknowledged) - 1, 0)

    def longest_gap(self) -> Gap:
        """The longest time between two acknowledged rows since the lap, or up to now."""
        seen = self._acknowledged[self._lap :]
        gaps = [Gap(seen[i][1] - seen[i - 1][1], seen[i - 1][0], seen[i][0]) for i in range(1, len(seen))]
        if self._thread.is_alive():
            gaps.append(Gap(time.monotonic() - seen[-1][1], seen[-1][0], None))
        return max(gaps, key=lambda gap: gap.seconds)

    def lost(self, host: Host, port: int = PORT) -> list[int]:
        """The acknowledged numbers that are not on that host."""
        wanted = self.acknowledged  # taken first: what comes meanwhile may or may not be there
        rows = host.sql(f"SELECT n FROM written WHERE writer = '{self.name}'", database=DATABASE, port=port)
        return sorted(set(wanted) - {int(row[0]) for row in rows})

    def _last(self) -> int:
        return self._acknowledged[-1][0] if self._acknowledged else 0

    def _stop(self) -> None:
        self._over.set()
        self._thread.join(EXIT_TIMEOUT_SECONDS)
        assert not self._thread.is_alive(), f"the writer still waits for an answer to row {self._number}"

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with _connected(self._conninfo) as session:
                    self._write(session)
            except psycopg2.Error as error:
                self.errors.append(" ".join(str(error).split()))
                self._over.wait(self._retry_seconds)

    def _write(self, session: connection) -> None:
        session.autocommit = True
        with session.cursor() as cursor:
            while not self._over.is_set():
                number = self._number + 1
                self._number = number
                cursor.execute("INSERT INTO written (writer, n) VALUES (%s, %s)", (self.name, number))
                self._acknowledged.append((number, time.monotonic()))
                self._over.wait(self._pause_seconds)


@contextmanager
def _connected(parameters: Mapping[str, str]) -> Iterator[connection]:
    session = psycopg2.connect(make_dsn(**parameters))
    try:
        yield session
    finally:
        session.close()
