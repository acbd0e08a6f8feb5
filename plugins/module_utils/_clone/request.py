# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clone was asked for, what it refuses, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_rewind
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import refuse_orphans
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint

from .source import SourceSlot
from .target import CloneTarget

REPLACE_VARIABLE = "hot_standby_replace_data"


@dataclass(frozen=True)
class CloneRequest:
    """What is cloned, from where to where.

    place: the source. primary: the primary that the clone will follow; the source, unless that is a standby. slot: the
    slot on the primary. expected_bytes, tablespace_bytes: the room that it will take, as far as that is known;
    wal_bytes: what of it is WAL, which a copy does not take over. max_rate: as pg_basebackup takes it. timeout_seconds:
    0 for none. progress: tells how far it is. replace: whether a cluster that is there may be moved aside. claimed:
    whether the node bears the claim of the run that asks. acting: holds the node's lock while the clone is put into
    place.
    """

    commands: Commands
    dialect: Dialect
    place: Endpoint
    primary: Endpoint
    data_directory: str
    application_name: str
    slot: str | None
    wal_directory: str | None
    system_identifier: str | None
    tablespace_mapping: Mapping[str, str]
    expected_bytes: int
    tablespace_bytes: Mapping[str, int]
    wal_bytes: int
    max_rate: str | None
    timeout_seconds: int
    progress: ProgressFile
    verify: bool
    replace: bool
    claimed: bool
    acting: Callable[[], AbstractContextManager[None]]

    @property
    def source_slot(self) -> SourceSlot | None:
        return SourceSlot(self.primary, self.dialect, self.slot, self.application_name) if self.slot else None

    @property
    def data_bytes(self) -> int:
        """How much is copied, 0 where that is not known."""
        return max(0, self.expected_bytes - self.wal_bytes + sum(self.tablespace_bytes.values()))

    @property
    def from_standby(self) -> bool:
        return self.place != self.primary


def refuse_running(data_directory: str) -> None:
    running = running_postmaster(data_directory)
    if running:
        raise HotStandbyError(
            "server_running",
            f"a server runs in {data_directory} (process {running.pid}, port {running.port})",
            "Stop it first if it is not wanted; a running server is never replaced",
        )
    refuse_orphans(data_directory)


def result_of(request: CloneRequest, reason: str, *, changed: bool, before: str, **more: Any) -> dict[str, Any]:
    after = f"{request.data_directory}: clone of {request.place}\n"
    return {
        "changed": changed,
        "path": "clone",
        "reason": reason,
        "moved_aside": [],
        "verified": False,
        "bytes": 0,
        "waited_seconds": 0.0,
        "slot_created": False,
        "slots_dropped": [],
        "diff": {"before": f"{request.data_directory}: {before}\n", "after": after},
        **more,
    }


def refuse_content(request: CloneRequest, target: CloneTarget) -> None:
    directory = target.data.directory
    if target.content == contents.OTHER:
        raise HotStandbyError(
            "not_a_data_directory",
            f"{directory} is not empty and holds no PostgreSQL cluster",
            "Point postgres_data_directory to an empty or absent directory, or move that content away",
        )
    # the remains of a rewind that was cut off are no cluster any more
    if target.content == contents.CLUSTER and not request.replace and not find_rewind(directory):
        raise HotStandbyError(
            "data_present",
            f"{directory} holds a PostgreSQL {target.old_major} cluster",
            f"Set {REPLACE_VARIABLE}=true for this host to have it moved aside (not deleted) and cloned anew",
        )
