# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rewind looks at before it touches anything, and what it answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    content_of,
    find_wreck,
    place_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import entries_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import text_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import refuse_orphans
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint

from . import rules
from .rules import Impossible
from .source import RewindSource
from .target import RewindTarget


@dataclass(frozen=True)
class RewindRequest:
    """What is rewound, and to which history.

    place: the source. system_identifier: that of the cluster, None for whichever. acting: holds the node's lock while
    the rewind begins to change anything. progress: tells how far it is.
    """

    commands: Commands
    dialect: Dialect
    place: Endpoint
    instance: Instance
    system_identifier: str | None
    restore_command: str | None
    acting: Callable[[], AbstractContextManager[None]]
    progress: ProgressFile

    @property
    def data_directory(self) -> str:
        return self.instance.data_directory

    @property
    def config_file(self) -> str:
        return os.path.join(self.instance.config_directory, "postgresql.conf")

    @property
    def target(self) -> RewindTarget:
        return RewindTarget(place_of(self.data_directory), self.dialect)

    def check_target(self, *, may_run: bool = False) -> Control:
        """Refuse what is not a stopped cluster of ours (or with may_run a running one); return its control file.

        Raises HotStandbyError "server_running", "processes_left", "wreck", "not_a_cluster", "not_the_owner",
        "version_mismatch", "other_system".
        """
        directory = self.data_directory
        running = running_postmaster(directory)
        if running and not may_run:
            raise HotStandbyError(
                "server_running",
                f"a server runs in {directory} (process {running.pid}, port {running.port})",
                "Stop it first; a running server cannot be rewound",
            )
        if not may_run:
            refuse_orphans(directory)
        wreck = find_wreck(directory)
        if wreck:
            raise HotStandbyError("wreck", f"{directory}: {wreck}", "Clone it: rejoin.yml does")
        if content_of(directory) != contents.CLUSTER:
            raise HotStandbyError(
                "not_a_cluster", f"{directory} holds no PostgreSQL cluster", "Clone it: rejoin.yml does"
            )
        if os.stat(directory).st_uid != os.geteuid():
            raise HotStandbyError(
                "not_the_owner",
                f"{directory} does not belong to the user who runs this (uid {os.geteuid()})",
                "Run it as the operating system user that owns the cluster (become_user)",
            )
        major = (text_of(os.path.join(directory, "PG_VERSION")) or "").strip()
        if major != self.dialect.major:
            raise HotStandbyError(
                "version_mismatch",
                f"{directory} is of version {major}, the programs are of {self.dialect.major}",
                "Correct postgres_version",
            )
        control = Control.parse(self.commands.control_data(directory))
        wanted = self.system_identifier
        if wanted and control.system_identifier != wanted:
            raise HotStandbyError(
                "other_system",
                f"{directory} is of another cluster: its system identifier is {control.system_identifier},"
                f" not {wanted}",
                "Correct postgres_data_directory, or have what is there moved aside and cloned anew",
            )
        return control

    def obstacle(self, control: Control, source: RewindSource | None) -> Impossible | None:
        """Why there can be no rewind, as far as that can be seen without pg_rewind."""
        target, directory = self.target, self.data_directory
        if not (control.data_checksums or control.wal_log_hints):
            return Impossible(
                rules.HINTS_OFF, f"{directory} had neither data checksums nor wal_log_hints when it was last in use"
            )
        if not control.clean and os.path.exists(target.path("backup_label")):
            return Impossible(rules.UNFINISHED_BACKUP, f"{directory} is a backup that was never started")
        in_the_way = target.obstacle()
        if in_the_way or source is None:
            return in_the_way
        if source.impossible:
            return source.impossible
        if source.timeline == control.newest_timeline and _position(control) > source.position.value:
            return Impossible(
                rules.SAME_TIMELINE,
                f"{directory} is ahead of {self.place} on the same timeline {source.timeline}, which pg_rewind does"
                " not see",
            )
        locations = source.tablespaces.values()
        entries = {path: entries_of(path) if os.path.isdir(path) else None for path in locations}
        problem = rules.tablespace_obstacle(
            source.tablespaces, target.tablespace_links(), entries, is_local=source.is_local
        )
        return Impossible(rules.TABLESPACE, problem) if problem else None


def _position(control: Control) -> int:
    end = control.minimum_recovery_end
    return max(control.checkpoint.value, end.value if end else 0)


@dataclass
class RewindDone:
    """What was done so far, whatever comes of it."""

    archived: list[str]
    recovered: bool = False

    def __bool__(self) -> bool:
        return bool(self.archived) or self.recovered


def result_of(
    request: RewindRequest, path: str, reason: str, *, changed: bool, done: RewindDone, **more: Any
) -> dict[str, Any]:
    directory = request.data_directory
    after = f"on the history of {request.place}" if path == "rewound" else "as it was"
    return {
        "changed": changed,
        "path": path,
        "impossible": None,
        "reason": reason,
        "fork_lsn": None,
        "fork_timeline": None,
        "bytes": None,
        "kept": [],
        "slots_dropped": [],
        "archived": done.archived,
        "crash_recovered": done.recovered,
        "waited_seconds": 0.0,
        "diff": {"before": f"{directory}: as it was\n", "after": f"{directory}: {after}\n"},
        **more,
    }


def cannot(request: RewindRequest, impossible: Impossible, done: RewindDone, **more: Any) -> dict[str, Any]:
    reason = f"cannot be rewound: {impossible.message}"
    return result_of(request, "impossible", reason, changed=bool(done), done=done, impossible=impossible.name, **more)
