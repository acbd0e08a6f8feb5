# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the source into the side directories, and makes the copy fit to be a standby."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config import conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    RECOVERY_SETTINGS,
    WAITING_RECOVERY_CONF,
    source_conninfo,
    without_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import TABLESPACE_LINKS
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import entries_of, set_link
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    remove_file,
    sync_directory,
    sync_tree,
    text_of,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import stop_strays
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import READ, WRITTEN, ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import (
    RECOVERY_CONF,
    RECOVERY_SIGNAL_FILE,
    SIGNAL_FILE,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.session_settings import (
    program_environment,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import CLONING, VERIFYING
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.connection_errors import (
    REFUSALS,
    explain_refusal,
)

from .source import Source
from .target import CloneTarget

# Files of the source that mean something only there.
STALE_FILES = ("recovery.done", "backup_label.old", "tablespace_map.old", "postmaster.pid", "postmaster.opts")


@dataclass(frozen=True)
class Copy:
    """What is copied, with which programs. slot: the source's slot, None for none. max_rate: as pg_basebackup takes it.

    timeout_seconds: 0 for none. progress: tells how far it is. data_bytes: how much is copied, 0 where that is not
    known.
    """

    commands: Commands
    dialect: Dialect
    target: CloneTarget
    source: Source
    application_name: str
    slot: str | None
    max_rate: str | None
    timeout_seconds: int
    progress: ProgressFile
    data_bytes: int

    def arguments(self) -> list[str]:
        """pg_basebackup's arguments; none is a secret."""
        place, target = self.source.target, self.target
        parameters = source_conninfo(place.host, place.port, place.user or "", self.application_name)
        arguments = ["-D", target.data.side, "-d", conninfo.build(parameters), "--no-password"]
        arguments += ["-X", "stream", "-c", "fast", "-l", f"hotstandby clone for {self.application_name}"]
        if self.slot and self.dialect.basebackup_takes_slot:
            arguments += ["-S", self.slot]
        if target.wal:
            arguments.append(f"{self.dialect.waldir_option}={target.wal.side}")
        for tablespace in target.tablespaces:
            arguments.append(f"-T{_escaped(tablespace.source)}={_escaped(tablespace.place.side)}")
        if self.max_rate:
            arguments.append(f"--max-rate={self.max_rate}")
        return arguments

    def run(self) -> None:
        """Copy. Raises HotStandbyError with pg_basebackup's own words."""
        timed_out = threading.Event()

        def end() -> None:
            timed_out.set()
            stop_strays(self.target.data.side)

        timer = threading.Timer(self.timeout_seconds, end)

        with self.progress.watching(CLONING, WRITTEN, self.data_bytes) as watch:

            def started(process: Any) -> None:
                watch(process.pid)
                if self.timeout_seconds:
                    timer.start()

            passfile = self.source.target.passfile
            outcome = self.commands.attempt(
                "pg_basebackup",
                *self.arguments(),
                environment=program_environment(self.dialect.session_settings, passfile),
                cwd="/",
                umask=0o077,
                expand_user_and_vars=False,
                before_communicate_callback=started,
            )
        timer.cancel()
        if outcome.code == 0:
            return
        if timed_out.is_set():
            raise HotStandbyError(
                "timed_out",
                f"the base backup from {self.source.target} did not end within {self.timeout_seconds} s",
                "Give it more time (hot_standby_clone_timeout; 0 for no limit); nothing was changed",
            )
        if any(row[0] in outcome.errors for row in REFUSALS):
            raise explain_refusal(self.source.target, outcome.complaint)
        raise HotStandbyError(
            "clone_failed",
            f"pg_basebackup from {self.source.target} failed: {outcome.complaint}",
            "Put that right and run this again; nothing was changed",
        )

    def verify(self, wanted: bool) -> str | None:
        """Check the copy. Return None when pg_verifybackup has passed it, else why it was not asked.

        Raises HotStandbyError "verification_failed".
        """
        side = self.target.data.side
        found = self.commands.control_data(side).get("Database system identifier")
        if found != self.source.system_identifier:
            raise HotStandbyError(
                "verification_failed",
                f"the copy has system identifier {found}, the source {self.source.system_identifier}",
                "The source was replaced while it was copied: see which server answers at that address, and run again",
            )
        if not wanted:
            return "verification was not wanted"
        if not self.dialect.has_backup_manifest:
            return f"PostgreSQL {self.dialect.major} writes no backup manifest"
        if not self.commands.has("pg_verifybackup"):
            return f"pg_verifybackup is not in {self.commands.bin_directory}"
        without_wal = [] if self.commands.has(self.dialect.waldump_program) else ["--no-parse-wal"]
        with self.progress.watching(VERIFYING, READ, self.data_bytes) as watch:
            outcome = self.commands.attempt(
                "pg_verifybackup",
                "--quiet",
                *without_wal,
                side,
                cwd="/",
                expand_user_and_vars=False,
                before_communicate_callback=lambda process: watch(process.pid),
            )
        if outcome.code != 0:
            raise HotStandbyError(
                "verification_failed",
                f"pg_verifybackup found the copy of {self.source.target} damaged: {outcome.complaint}",
                "Check the memory, disks and network of both hosts, and run this again; nothing was changed",
            )
        return None

    def end(self) -> Lsn | None:
        """Up to where a copy of a standby has all WAL that it needs, an LSN."""
        return Control.parse(self.commands.control_data(self.target.data.side)).minimum_recovery_end

    def prepare(self) -> None:
        """Make a standby of the copy: from here on it can never come up writable. Raises OSError."""
        side = self.target.data.side
        stale = [*STALE_FILES, RECOVERY_SIGNAL_FILE]
        if self.dialect.uses_recovery_conf:
            write_private(os.path.join(side, RECOVERY_CONF), WAITING_RECOVERY_CONF)
        else:
            stale.append(RECOVERY_CONF)
            write_private(os.path.join(side, SIGNAL_FILE), "")
        for name in stale:
            remove_file(os.path.join(side, name))
        auto_conf = os.path.join(side, "postgresql.auto.conf")
        text = text_of(auto_conf)
        if text is not None:
            write_private(auto_conf, without_settings(text, RECOVERY_SETTINGS))
        self._point_links()
        if not self.dialect.basebackup_syncs:
            for path in self.target.sides:
                sync_tree(path)

    def _point_links(self) -> None:
        """Let the copy's links lead to where things will be after the swap."""
        side = self.target.data.side
        if self.target.wal:
            set_link(os.path.join(side, self.dialect.wal_directory), self.target.wal_text)
        texts = {entry.place.side: entry.text for entry in self.target.tablespaces}
        links = os.path.join(side, TABLESPACE_LINKS)
        for name in entries_of(links):
            link = os.path.join(links, name)
            if os.path.islink(link) and os.readlink(link) in texts:
                set_link(link, texts[os.readlink(link)])
        sync_directory(links)
        sync_directory(side)


def _escaped(path: str) -> str:
    return path.replace("=", "\\=")
