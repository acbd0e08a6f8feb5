# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what a clone has to know of its source, and its slot there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import is_local
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.remote import ask_remote
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import (
    Session,
    connect,
    connect_replication,
    quote_identifier,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for

# A walsender whose client has vanished without a word ends after wal_sender_timeout, 60 s by default.
OWN_WALSENDER_SECONDS = 75
SLOT_SECONDS = 10


@dataclass(frozen=True)
class Source:
    """What was found of the source.

    tablespaces: locations of those outside of its data directory; by location there in names the one at the primary,
    where it has another.
    """

    target: Endpoint
    system_identifier: str
    timeline: int
    tablespaces: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        return is_local(self.target.host)


def inspect_source(target: Endpoint, dialect: Dialect, system_identifier: str | None) -> Source:
    """Ask the source who it is.

    Raises HotStandbyError: those of connecting, "other_system", "version_mismatch".
    """
    remote = ask_remote(target)
    if system_identifier:
        remote.check_system(system_identifier)
    remote.check_version(dialect, "Set the same postgres_version for both; streaming needs the same major version")
    with connect(target) as session:
        found = locations(session)
    return Source(target, remote.system_identifier, remote.timeline, tuple(sorted(found.values())))


def locations(session: Session) -> dict[str, str]:
    """By oid where a server has its tablespaces, but those in its data directory."""
    rows = session.rows(
        "SELECT oid::text AS oid, pg_catalog.pg_tablespace_location(oid) AS place FROM pg_catalog.pg_tablespace"
    )
    # the default ones have no location, those within the data directory a relative one
    return {row["oid"]: row["place"] for row in rows if os.path.isabs(row["place"])}


@dataclass(frozen=True)
class SourceSlot:
    """The standby's slot on the primary."""

    target: Endpoint
    dialect: Dialect
    name: str
    application_name: str

    def find(self, session: Session) -> dict[str, Any]:
        """Its row ({} when there is none), with whoever uses it as far as we may see that."""
        status = "s.wal_status" if self.dialect.has_slot_wal_status else "NULL"
        return session.row(
            f"SELECT s.slot_type, s.active, s.restart_lsn::text AS restart, {status} AS wal_status,"
            " r.application_name, r.client_addr::text AS client FROM pg_catalog.pg_replication_slots s"
            " LEFT JOIN pg_catalog.pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = %s",
            (self.name,),
        )

    def check(self, *, reserved: bool = False) -> tuple[bool, float]:
        """Return whether a usable slot is there, and the seconds waited for its last user to leave.

        reserved: whether it has to keep WAL already. A walsender that our own cut-off clone left is given the time that
        the source takes to notice.
        Raises HotStandbyError "slot_taken" or "slot_not_physical".
        """
        with connect(self.target) as session:
            found = self.find(session)
            if found and found["slot_type"] != "physical":
                raise HotStandbyError(
                    "slot_not_physical",
                    f"the slot {self.name} on {self.target} is not a physical one",
                    "Drop it there, or set another postgres_slot_prefix",
                )
            waited = 0.0
            if found and found["active"]:
                own = found["application_name"] == self.application_name
                waited = self._wait_until_free(session, OWN_WALSENDER_SECONDS if own else SLOT_SECONDS)
                found = self.find(session)
        return bool(found) and found["wal_status"] != "lost" and not (reserved and found["restart"] is None), waited

    def kept_from(self) -> Lsn | None:
        """From which LSN on it keeps WAL; None when it keeps none, or has lost some. Raises HotStandbyError."""
        with connect(self.target) as session:
            found = self.find(session)
        return Lsn.from_optional(found.get("restart")) if found.get("wal_status") != "lost" else None

    def _wait_until_free(self, session: Session, seconds: float) -> float:
        waited = wait_for(lambda: not self.find(session).get("active"), seconds)
        if waited is None:
            found: Mapping[str, Any] = self.find(session)
            standby, client = found.get("application_name"), found.get("client")
            user = f"{standby or 'another standby'} at {client or 'a local socket'}"
            raise HotStandbyError(
                "slot_taken",
                f"the slot {self.name} on {self.target} is in use by {user}",
                "Stop that standby; two hosts of one inventory name share a slot",
            )
        return waited

    def create(self) -> None:
        """Create it, with its WAL kept from now on; a lost one is replaced. Raises HotStandbyError."""
        reserve = " RESERVE_WAL" if self.dialect.has_immediately_reserve else ""
        with connect(self.target) as session:
            lost = bool(self.find(session))
        with connect_replication(self.target) as session:
            if lost:
                session.execute(f"DROP_REPLICATION_SLOT {quote_identifier(self.name)}")
            session.execute(f"CREATE_REPLICATION_SLOT {quote_identifier(self.name)} PHYSICAL{reserve}")

    def drop(self) -> None:
        """Drop it once nobody uses it any more. Raises HotStandbyError."""
        with connect(self.target) as session:
            self._wait_until_free(session, SLOT_SECONDS)
        with connect_replication(self.target) as session:
            session.execute(f"DROP_REPLICATION_SLOT {quote_identifier(self.name)}")
