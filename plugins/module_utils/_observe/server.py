# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observes a running server, by SQL over its socket. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config import conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import directory_bytes
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.wal_reader import oldest_wal
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Receiver, Server, Slot, Walsender
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import (
    apply_delay,
    recovery_setting,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replay_hold import holders, sessions_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import (
    is_in_recovery,
    primary_position,
    primary_timeline,
    standby_position,
    standby_timeline,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.server_processes import replay_waits
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, connect

# A look at a node has to end in time, postgres_look_timeout.
SIZES_SECONDS = 20


def observe_server(
    target: Endpoint, dialect: Dialect, control: Control, wal_directory: str, segment_size: int
) -> Server:
    """Ask the server at target. Raises HotStandbyError when it cannot be asked."""
    with connect(target) as session:
        in_recovery = is_in_recovery(session)
        upstream = _upstream(session, dialect, os.path.dirname(wal_directory)) if in_recovery else {}
        if in_recovery:
            position, replayed = standby_position(session, dialect)
            timeline = standby_timeline(target, control.newest_timeline)
        else:
            position = replayed = primary_position(session, dialect)
            timeline = primary_timeline(session, dialect, inserted=False)
        return Server(
            in_recovery=in_recovery,
            timeline=timeline,
            position=position,
            replayed=replayed,
            replay_paused=in_recovery and bool(session.value(f"SELECT {dialect.replay_paused_function}()")),
            started=str(session.value("SELECT pg_catalog.pg_postmaster_start_time()")),
            version=str(session.value("SHOW server_version")),
            lag_seconds=_lag_seconds(session, dialect) if in_recovery else None,
            upstream_host=upstream.get("host"),
            upstream_port=int(upstream.get("port") or 5432) if upstream else None,
            upstream_slot=_upstream_slot(session, dialect, os.path.dirname(wal_directory)) if in_recovery else None,
            synchronous_standby_names=str(session.value("SHOW synchronous_standby_names")),
            restart_pending=tuple(
                row["name"]
                for row in session.rows("SELECT name FROM pg_catalog.pg_settings WHERE pending_restart ORDER BY 1")
            ),
            pending_values=_pending_values(session),
            parameters={name: str(session.value(f"SHOW {name}")) for name in dialect.hot_standby_parameters},
            max_wal_senders=int(session.value("SHOW max_wal_senders")),
            max_replication_slots=int(session.value("SHOW max_replication_slots")),
            archiver_failing=session.value(
                "SELECT last_failed_wal FROM pg_catalog.pg_stat_archiver"
                " WHERE last_failed_time > coalesce(last_archived_time, '-infinity')"
            ),
            oldest_wal=oldest_wal(wal_directory, segment_size),
            size_bytes=None,
            tablespace_bytes={},
            senders=_senders(session, dialect),
            slots=_slots(session, dialect),
            receiver=_receiver(session, dialect) if in_recovery else None,
            held_by=_held_by(session, os.path.dirname(wal_directory)) if in_recovery and position != replayed else (),
            apply_delay_ms=apply_delay(session, dialect, os.path.dirname(wal_directory)) if in_recovery else 0,
            listen_addresses=str(session.value("SHOW listen_addresses")),
        )


def measured(server: Server, target: Endpoint, wal_directory: str) -> Server:
    """The server with its size; without it when that cannot be told in time: millions of files, on a cold cache."""
    try:
        with connect(replace(target, statement_timeout_seconds=SIZES_SECONDS)) as session:
            sizes = _sizes(session)
        wal_bytes = directory_bytes(wal_directory)
    except (HotStandbyError, OSError):
        return server
    size_bytes = sizes.pop("", 0) + wal_bytes
    return replace(server, size_bytes=size_bytes, tablespace_bytes=sizes, wal_bytes=wal_bytes)


def _pending_values(session: Session) -> dict[str, str]:
    """By setting that waits for a restart, what the files say now; the last line of a setting counts."""
    rows = session.rows(
        "SELECT f.name, f.setting FROM pg_catalog.pg_file_settings f"
        " JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)"
        " WHERE s.pending_restart ORDER BY f.seqno"
    )
    return {row["name"]: str(row["setting"]) for row in rows}


def _sizes(session: Session) -> dict[str, int]:
    """Bytes of each tablespace by its location; the ones inside the data directory together under ""."""
    sizes: dict[str, int] = {"": 0}
    for row in session.rows(
        "SELECT pg_catalog.pg_tablespace_location(oid) AS place, pg_catalog.pg_tablespace_size(oid) AS size"
        " FROM pg_catalog.pg_tablespace"
    ):
        sizes[row["place"]] = sizes.get(row["place"], 0) + int(row["size"] or 0)
    return sizes


def _lag_seconds(session: Session, dialect: Dialect) -> float | None:
    value = session.value(
        f"SELECT CASE WHEN {dialect.last_receive_lsn_function}() = {dialect.last_replay_lsn_function}() THEN 0"
        " ELSE extract(epoch FROM pg_catalog.now() - pg_catalog.pg_last_xact_replay_timestamp()) END::float8"
    )
    return None if value is None else round(float(value), 3)


def _upstream(session: Session, dialect: Dialect, data_directory: str) -> dict[str, str]:
    text = recovery_setting(session, dialect, data_directory, "primary_conninfo")
    return conninfo.parse(text) if text else {}


def _upstream_slot(session: Session, dialect: Dialect, data_directory: str) -> str | None:
    return recovery_setting(session, dialect, data_directory, "primary_slot_name")


def _held_by(session: Session, data_directory: str) -> tuple[str, ...]:
    return tuple(map(str, holders(sessions_of(session)))) if replay_waits(data_directory) else ()


def _senders(session: Session, dialect: Dialect) -> tuple[Walsender, ...]:
    rows = session.rows(
        f"SELECT application_name, client_addr::text AS client_address, state, {dialect.sent_lsn_column}::text AS sent,"
        f" {dialect.replay_lsn_column}::text AS replayed, sync_state FROM pg_catalog.pg_stat_replication"
        " WHERE state <> 'backup' ORDER BY application_name"
    )
    return tuple(
        Walsender(**{**row, "sent": Lsn.from_optional(row["sent"]), "replayed": Lsn.from_optional(row["replayed"])})
        for row in rows
    )


def _slots(session: Session, dialect: Dialect) -> tuple[Slot, ...]:
    status = "wal_status" if dialect.has_slot_wal_status else "NULL::text AS wal_status"
    rows = session.rows(
        f"SELECT slot_name AS name, slot_type AS kind, active, restart_lsn::text AS restart, {status}"
        " FROM pg_catalog.pg_replication_slots ORDER BY slot_name"
    )
    return tuple(Slot(**{**row, "restart": Lsn.from_optional(row["restart"])}) for row in rows)


def _receiver(session: Session, dialect: Dialect) -> Receiver | None:
    if not dialect.has_wal_receiver_view:
        return None
    sender = (
        "sender_host, sender_port" if dialect.wal_receiver_has_sender else "NULL AS sender_host, NULL AS sender_port"
    )
    row: dict[str, Any] = session.row(
        f"SELECT status, {sender}, slot_name AS slot, latest_end_lsn::text AS latest_end,"
        " extract(epoch FROM pg_catalog.clock_timestamp() - last_msg_receipt_time)::float8 AS heard_seconds"
        " FROM pg_catalog.pg_stat_wal_receiver"
    )
    if not row:
        return Receiver("stopped", None, None, None, None)
    return Receiver(**{**row, "latest_end": Lsn.from_optional(row["latest_end"])})
