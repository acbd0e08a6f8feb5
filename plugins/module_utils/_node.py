# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed of a node. Frozen: nothing downstream of the observation changes it.

A node's record travels from the host to the controller as plain JSON: to_plain there, Node.from_plain here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import DataFiles
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import major_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.kept_slots import KeptSlot
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory

# What works on the data directory.
CLONING = "clone"
REWINDING = "rewind"


@dataclass(frozen=True)
class Walsender:
    """A row of pg_stat_replication."""

    application_name: str
    client_address: str | None
    state: str
    sent: Lsn | None
    replayed: Lsn | None
    sync_state: str


@dataclass(frozen=True)
class Slot:
    """A row of pg_replication_slots."""

    name: str
    kind: str
    active: bool
    restart: Lsn | None
    wal_status: str | None


@dataclass(frozen=True)
class Receiver:
    """The row of pg_stat_wal_receiver. latest_end: how far the sender's WAL reached when it was last heard of (LSN).
    heard_seconds: seconds since the last message of the sender, None where that cannot be told."""

    status: str
    sender_host: str | None
    sender_port: int | None
    slot: str | None
    latest_end: Lsn | None
    heard_seconds: float | None = None


@dataclass(frozen=True)
class Server:
    """A running server.

    position: on a primary the end of its flushed WAL; on a standby the furthest that it received or replayed
    (received alone falls back to a segment's start after a restart).
    lag_seconds: age of the last replayed transaction while something is left to replay, else 0.
    parameters: the hot-standby parameters as the server runs with them.
    size_bytes, tablespace_bytes: what a clone of it takes, by location outside of its data directory; None and
    empty unless it was measured. wal_bytes: how many of size_bytes are WAL, which is not copied.
    pending_values: what settings that wait for a restart will be, by name.
    held_by: the sessions for which the replay waits, each in a few words; none while it does not wait.
    apply_delay_ms: recovery_min_apply_delay in milliseconds.
    listen_addresses: the setting, as it is in force.
    """

    in_recovery: bool
    timeline: int
    position: Lsn | None
    replayed: Lsn | None
    replay_paused: bool
    started: str
    version: str
    lag_seconds: float | None
    upstream_host: str | None
    upstream_port: int | None
    upstream_slot: str | None
    synchronous_standby_names: str
    restart_pending: tuple[str, ...]
    pending_values: Mapping[str, str]
    parameters: Mapping[str, str]
    max_wal_senders: int
    max_replication_slots: int
    archiver_failing: str | None
    oldest_wal: Lsn | None
    size_bytes: int | None
    tablespace_bytes: Mapping[str, int]
    senders: tuple[Walsender, ...]
    slots: tuple[Slot, ...]
    receiver: Receiver | None
    held_by: tuple[str, ...] = ()
    apply_delay_ms: int = 0
    listen_addresses: str = "*"
    wal_bytes: int = 0


@dataclass(frozen=True)
class Node:
    """One instance on one host.

    wal_end: LSN of the end of the last record in the WAL of a stopped server, None when it is not known.
    free_bytes: space on the file system that the data directory is, or would be, on.
    answering: endpoints ("ADDRESS PORT") of other nodes at which a PostgreSQL server answers this host.
    sightings: what those servers say of themselves, where they were asked.
    archive_ready: number of WAL files that wait to be archived.
    promotion_pending: whether its running server was told to become a primary and is none yet.
    has_postmaster: whether a server runs in the data directory, be it that it cannot be asked.
    busy: which of CLONING and REWINDING is under way there.
    overridden: declared settings that something else sets otherwise, a sentence each; none unless it was asked.
    orphans: number of processes of a server whose postmaster has ended; they may still write and commit.
    kept_slots: the replication slots that lie in its data directory, whether a server runs there or not.
    files: what else lies in it that a rewind or a clone has to know of, None where that was not to be seen.
    """

    version: str | None
    has_psycopg2: bool
    has_instance: bool
    directory: str
    data_major: str | None
    wreck: str | None
    asides: tuple[str, ...]
    recovery_signal: bool
    restores_from_archive: bool
    free_bytes: int | None
    port_taken: bool
    unresolved_addresses: tuple[str, ...]
    answering: tuple[str, ...]
    sightings: tuple[Sighting, ...]
    archive_ready: int
    has_postmaster: bool
    control: Control | None
    history: TimelineHistory | None
    wal_end: Lsn | None
    server: Server | None
    unreadable: str | None
    promotion_pending: bool = False
    orphans: int = 0
    kept_slots: tuple[KeptSlot, ...] = ()
    files: DataFiles | None = None
    busy: str | None = None
    overridden: tuple[str, ...] = ()

    @property
    def major(self) -> str | None:
        """The major version of the programs, for example "15" or "9.6"."""
        return None if self.version is None else major_of(self.version)

    @property
    def being_made(self) -> str | None:
        """What makes its data anew just now: CLONING or REWINDING, and no server runs there."""
        return None if self.has_postmaster else self.busy

    @property
    def system_identifier(self) -> str | None:
        return self.control.system_identifier if self.control else None

    @property
    def running(self) -> bool:
        return self.server is not None

    @property
    def writable(self) -> bool:
        """Whether a server runs that is not in recovery."""
        return self.server is not None and not self.server.in_recovery

    @property
    def standby(self) -> bool:
        """Whether it is a standby, running or to be started as one."""
        return self.server.in_recovery if self.server else self.recovery_signal

    @property
    def timeline(self) -> int | None:
        if self.server:
            return self.server.timeline
        if self.control is None:
            return None
        return self.control.newest_timeline

    @property
    def end(self) -> Lsn | None:
        """How far its WAL reaches (an LSN): a running server's position, a stopped one's last record's end."""
        return self.server.position if self.server else self.wal_end

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Node:
        """Read back what to_plain made. Raises KeyError or ValueError when it is not such a record."""
        values = {field.name: plain[field.name] for field in fields(cls)}
        control, server, history = values["control"], values["server"], values["history"]
        values.update(
            asides=tuple(values["asides"]),
            unresolved_addresses=tuple(values["unresolved_addresses"]),
            answering=tuple(values["answering"]),
            overridden=tuple(values["overridden"]),
            sightings=tuple(Sighting(**_with_lsns(row, "position")) for row in values["sightings"]),
            control=Control(**_with_lsns(control, "checkpoint", "redo", "minimum_recovery_end")) if control else None,
            history=_history_from_plain(history) if history else None,
            wal_end=Lsn.from_optional(values["wal_end"]),
            server=_server_from_plain(server) if server else None,
            kept_slots=tuple(KeptSlot(**row) for row in values["kept_slots"]),
            files=DataFiles.from_plain(values["files"]) if values["files"] else None,
        )
        return cls(**values)


def to_plain(value: Any) -> Any:
    """Turn a record into what JSON can carry: LSNs as text, tuples as lists."""
    if isinstance(value, Lsn):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(entry) for entry in value]
    return value


def _with_lsns(plain: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: Lsn.from_optional(value) if key in names else value for key, value in plain.items()}


def _history_from_plain(plain: Mapping[str, Any]) -> TimelineHistory:
    switches = tuple((int(timeline), Lsn.parse(lsn)) for timeline, lsn in plain["switches"])
    return TimelineHistory(int(plain["timeline"]), switches)


def _server_from_plain(plain: Mapping[str, Any]) -> Server:
    values = _with_lsns(plain, "position", "replayed", "oldest_wal")
    receiver = values["receiver"]
    values.update(
        restart_pending=tuple(values["restart_pending"]),
        held_by=tuple(values.get("held_by", ())),
        senders=tuple(Walsender(**_with_lsns(row, "sent", "replayed")) for row in values["senders"]),
        slots=tuple(Slot(**_with_lsns(row, "restart")) for row in values["slots"]),
        receiver=Receiver(**_with_lsns(receiver, "latest_end")) if receiver else None,
    )
    return Server(**values)
