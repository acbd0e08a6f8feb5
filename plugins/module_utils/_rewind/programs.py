# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the programs of a rewind: the archive command, crash recovery, pg_rewind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config import conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import AUTO_CONF, Files, read_tree
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import source_conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands, Outcome
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.deadline import Deadline
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import entries_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import names_in, read_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import WRITTEN, ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.session_settings import (
    program_environment,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import REWINDING
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint

from . import rules
from .target import RewindTarget

# More WAL than any server has, in segments or megabytes: crash recovery may not recycle what pg_rewind has to read.
KEEP_ALL = "1000000"


@dataclass(frozen=True)
class Programs:
    """What runs on the target's host, and within which time. progress: tells how far a rewind is."""

    commands: Commands
    dialect: Dialect
    target: RewindTarget
    config_file: str
    deadline: Deadline
    progress: ProgressFile

    def settings(self) -> dict[str, str]:
        """What the target's configuration files say. Raises HotStandbyError of reading them."""
        files = Files(read_text, names_in)
        lines = read_tree(self.config_file, read_text(self.config_file) or "", files)
        auto_conf = self.target.path(AUTO_CONF)
        lines += read_tree(auto_conf, read_text(auto_conf) or "", files)
        return {line.name: line.value for line in lines}

    def archive(self) -> list[str]:
        """Archive the WAL that waits for that: pg_rewind may remove it. Return the names.

        Raises HotStandbyError "archive_failed" and "archive_library".
        """
        settings = self.settings()
        wal_directory = self.dialect.wal_directory
        status = self.target.path(wal_directory, "archive_status")
        waiting = rules.waiting_for_archive(entries_of(status))
        # a status without its file is nothing to archive
        waiting = tuple(name for name in waiting if os.path.exists(self.target.path(wal_directory, name)))
        if not waiting or not rules.is_archiving(settings):
            return []
        if settings.get("archive_library"):
            raise HotStandbyError(
                "archive_library",
                f"{len(waiting)} WAL files wait to be archived by the library {settings['archive_library']},"
                " which only the server can load",
                f"Archive {waiting[0]} and those after it by hand and rename {status}/*.ready to .done, or have the"
                " node cloned; nothing was changed",
            )
        command = settings.get("archive_command", "")
        for name in waiting:
            self._archive_one(command, name, len(waiting), os.path.join(status, name))
        return list(waiting)

    def _archive_one(self, command: str, name: str, count: int, status: str) -> None:
        complaint = "archive_command is empty"
        if command:
            text = rules.archive_text(command, name, self.dialect.wal_directory)
            shell = Commands(self.commands.run_command, "/bin")
            outcome = self.deadline.attempt(shell, "sh", "-c", text, cwd=self.target.directory)
            if outcome.code == 0:
                os.replace(f"{status}.ready", f"{status}.done")
                return
            complaint = f"archive_command ended with {outcome.code}: {outcome.complaint}"
        raise HotStandbyError(
            "archive_failed",
            f"{name}, one of {count} WAL files that wait in {self.target.directory}, could not be archived:"
            f" {complaint}",
            "Put the archive right and run this again; nothing was rewound",
        )

    def recover_crash(self) -> Outcome:
        """Let the server replay its WAL and stop cleanly, in single-user mode: it serves nobody, archives nothing."""
        return self.deadline.attempt(
            self.commands,
            "postgres",
            "--single",
            "-D",
            self.target.directory,
            "-c",
            f"config_file={self.config_file}",
            "-c",
            "archive_command=false",
            "-c",
            f"{self.dialect.wal_keep_setting}={KEEP_ALL}",
            "template1",
            data="\n",
            cwd="/",
        )

    def try_rewind(self, source: Endpoint, restore_command: str | None) -> Outcome:
        """Run pg_rewind without letting it change anything; missing WAL is brought from the archive meanwhile."""
        fetched: set[str] = set()
        while True:
            outcome = self.rewind(source, restore_command, "--dry-run", "--progress")
            name = rules.missing_wal(outcome.output + outcome.errors) if outcome.code else None
            if not restore_command or self.dialect.has_rewind_restore_target_wal or name is None or name in fetched:
                return outcome
            fetched.add(name)
            if not self._fetch(restore_command, name):
                return outcome

    def _fetch(self, restore_command: str, name: str) -> bool:
        """Before 13 pg_rewind itself asks no archive."""
        path = f"{self.dialect.wal_directory}/{name}"
        text = rules.restore_text(restore_command, name, path)
        shell = Commands(self.commands.run_command, "/bin")
        outcome = self.deadline.attempt(shell, "sh", "-c", text, cwd=self.target.directory, umask=0o077)
        return outcome.code == 0 and os.path.exists(self.target.path(path))

    def rewind_watched(self, source: Endpoint, restore_command: str | None, total_bytes: int) -> Outcome:
        """Run pg_rewind, which copies so many bytes, and tell how far it is. total_bytes: 0 where that is not known."""
        with self.progress.watching(REWINDING, WRITTEN, total_bytes) as watch:
            return self.rewind(source, restore_command, started=watch)

    def rewind(
        self,
        source: Endpoint,
        restore_command: str | None,
        *options: str,
        started: Callable[[int], None] | None = None,
    ) -> Outcome:
        """Run pg_rewind; none of its arguments is a secret."""
        parameters: dict[str, Any] = source_conninfo(source.host, source.port, source.user or "", "hotstandby")
        parameters["dbname"] = source.database
        if self.dialect.has_target_session_attrs:
            parameters["target_session_attrs"] = "read-write"
        if restore_command and self.dialect.has_rewind_restore_target_wal:
            options = ("-c", *options)
        return self.deadline.attempt(
            self.commands,
            "pg_rewind",
            "-D",
            self.target.directory,
            f"--source-server={conninfo.build(parameters)}",
            *options,
            environment=program_environment(self.dialect.session_settings, source.passfile),
            cwd="/",
            umask=0o077,
            started=started,
        )
