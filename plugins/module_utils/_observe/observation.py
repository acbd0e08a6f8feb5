# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observes one instance: files and control file first, then the server if one runs. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.asides import all_asides
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_wreck
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.odd_files import look
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.slot_files import slots_in
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import free_bytes
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import answering, listens, unresolved
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import find_orphans
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import (
    Postmaster,
    running_postmaster,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.wal_reader import (
    end_of_wal,
    nothing_whole_after,
    read_history,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.look import creation_was_cut_off
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import FILE_SYSTEM_ENTRIES
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.overrides import overridden
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import HAS_PSYCOPG2
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.sightings import Asker, ask_all

from .restore_command import restores_from_archive
from .server import measured, observe_server
from .under_way import work_under_way

# A server of this host answers at once, or hangs.
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Scope:
    """What is looked at besides the instance itself.

    peers: the cluster's nodes, as "ADDRESS PORT". asker: as whom they are asked what they are, None when they are not.
    measures: whether the size of a running server is asked. files: whether the data directory is looked through for
    what a rewind or a clone stumbles over. settings: what is declared and compared, none for nothing.
    """

    peers: tuple[str, ...]
    asker: Asker | None = None
    measures: bool = False
    files: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)


def observe(commands: Commands, instance: Instance, scope: Scope) -> Node:
    """Look at everything that decisions are made of."""
    endpoint = Endpoint(
        host=instance.socket_directory,
        port=instance.port,
        database=instance.login_database,
        user=instance.login_user,
        connect_timeout_seconds=CONNECT_SECONDS,
    )
    addresses = tuple(dict.fromkeys(peer.split()[0] for peer in scope.peers))
    version = commands.version() if commands.has("postgres") else None
    data_major = _read_line(os.path.join(instance.data_directory, "PG_VERSION"))
    directory, wreck = _directory(instance.data_directory)
    postmaster = running_postmaster(instance.data_directory)
    answer = answering(scope.peers)
    control: Control | None = None
    history: TimelineHistory | None = None
    server: Server | None = None
    wal_end: Lsn | None = None
    unreadable: str | None = None
    if directory == contents.CLUSTER and data_major:
        try:
            dialect = Dialect.for_version(data_major)
            raw = commands.control_data(instance.data_directory)
            control = Control.parse(raw)
            segment_size = int(raw["Bytes per WAL segment"])
            wal_directory = os.path.join(instance.data_directory, dialect.wal_directory)
            if postmaster is not None:
                server = observe_server(endpoint, dialect, control, wal_directory, segment_size)
                if scope.measures:
                    server = measured(server, endpoint, wal_directory)
                server = _without_half_record(commands, dialect, wal_directory, server)
            else:
                wal_end = _wal_end(commands, dialect, control, wal_directory, segment_size)
            timeline = server.timeline if server else control.newest_timeline
            history = read_history(wal_directory, timeline)
        except (HotStandbyError, ValueError) as error:
            unreadable = f"what is in {instance.data_directory} cannot be read: {error}"
    return Node(
        version=version,
        has_psycopg2=HAS_PSYCOPG2,
        has_instance=_has_instance(instance),
        directory=directory,
        data_major=data_major,
        wreck=wreck,
        asides=tuple(all_asides(instance.data_directory)),
        recovery_signal=_has_recovery_signal(instance.data_directory),
        restores_from_archive=restores_from_archive(instance.data_directory, instance.config_directory),
        free_bytes=free_bytes(instance.data_directory),
        port_taken=postmaster is None and listens(instance.port),
        unresolved_addresses=unresolved(addresses),
        answering=answer,
        sightings=ask_all(answer, scope.asker) if scope.asker else (),
        has_postmaster=postmaster is not None,
        archive_ready=_archive_ready(instance.data_directory),
        control=control,
        history=history,
        wal_end=wal_end,
        server=server,
        unreadable=unreadable,
        promotion_pending=bool(
            server and server.in_recovery and _promotion_pending(instance.data_directory, postmaster)
        ),
        orphans=len(find_orphans(instance.data_directory)),
        kept_slots=slots_in(instance.data_directory),
        files=look(instance.data_directory) if scope.files and directory == contents.CLUSTER else None,
        busy=work_under_way(instance.data_directory),
        overridden=overridden(
            instance.config_directory, instance.data_directory, scope.settings, endpoint if server else None
        )
        if scope.settings
        else (),
    )


def _archive_ready(data_directory: str) -> int:
    for name in ("pg_wal", "pg_xlog"):
        with suppress(OSError):
            names = os.listdir(os.path.join(data_directory, name, "archive_status"))
            return sum(entry.endswith(".ready") for entry in names)
    return 0


def _directory(path: str) -> tuple[str, str | None]:
    """Tell what the data directory is, and for a wreck why."""
    wreck = find_wreck(path)
    if wreck:
        return contents.WRECK, wreck
    try:
        entries = set(os.listdir(path)) - FILE_SYSTEM_ENTRIES
    except FileNotFoundError:
        return contents.ABSENT, None
    except OSError:
        return contents.OTHER, None
    if not entries:
        return contents.ABSENT, None
    if "PG_VERSION" in entries:
        return contents.CLUSTER, None
    return contents.OTHER, None


def _has_instance(instance: Instance) -> bool:
    """Whether the configuration is there, whole: module instance has nothing left to do."""
    configured = os.path.exists(os.path.join(instance.config_directory, "postgresql.conf"))
    return configured and not creation_was_cut_off(instance.data_directory)


def _wal_end(
    commands: Commands, dialect: Dialect, control: Control, wal_directory: str, segment_size: int
) -> Lsn | None:
    """Find the end of the last record; None without pg_waldump."""
    if not commands.has(dialect.waldump_program):
        return None
    return end_of_wal(commands, dialect, control, wal_directory, segment_size) or control.minimum_recovery_end


def _without_half_record(commands: Commands, dialect: Dialect, wal_directory: str, server: Server) -> Server:
    """What the last upstream sent of a record and never completed is not what a standby has.

    Counted, it would reach past the point where another standby was promoted, which it can follow as it is.
    """
    receiving = server.receiver is None or server.receiver.status == "streaming"
    if receiving or server.position is None or server.replayed is None or server.position <= server.replayed:
        return server
    if nothing_whole_after(commands, dialect, wal_directory, server.timeline, server.replayed):
        return replace(server, position=server.replayed)
    return server


def _promotion_pending(data_directory: str, postmaster: Postmaster | None) -> bool:
    """Whether the very server that runs was told to become a primary; module promote leaves the marker."""
    told = _read_line(os.path.join(data_directory, contents.PROMOTION_MARKER))
    return told is not None and postmaster is not None and told == postmaster.identity


def _has_recovery_signal(data_directory: str) -> bool:
    names = (contents.SIGNAL_FILE, contents.RECOVERY_CONF)
    return any(os.path.exists(os.path.join(data_directory, name)) for name in names)


def _read_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return None
