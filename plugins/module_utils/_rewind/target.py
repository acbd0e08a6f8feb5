# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the data directory that is rewound: its marker and guard, its own files, its signal file."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import AUTO_CONF
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    WAITING_RECOVERY_CONF,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_links, free_stamp
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import forget_rewind
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.shelter import make_shelter
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.slot_files import slots_in
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import entries_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    remove_file,
    sync_directory,
    text_of,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.kept_slots import KeptSlot

from . import rules
from .rules import Impossible

# What is kept elsewhere than beside the data directory has to be copied there.
LARGEST_COPY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class RewindTarget:
    """The data directory, by its place."""

    place: Place
    dialect: Dialect

    @property
    def directory(self) -> str:
        return self.place.directory

    def path(self, *names: str) -> str:
        return os.path.join(self.directory, *names)

    def to_keep(self) -> tuple[str, ...]:
        return layout.entries_to_keep(entries_of(self.directory))

    def obstacle(self) -> Impossible | None:
        """What lies in the data directory or its tablespaces and would be lost, since it cannot be kept elsewhere."""
        for name in self.to_keep():
            path = self.path(name)
            status = os.lstat(path)
            mounted = stat.S_ISDIR(status.st_mode) and os.path.ismount(path)
            # beside the data directory a rename does it
            copied = stat.S_ISLNK(status.st_mode) or (
                stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_COPY_BYTES and os.access(path, os.R_OK)
            )
            if mounted or (self.place.inside and not copied):
                return Impossible(rules.FOREIGN_CONTENT, f"pg_rewind would remove what is in {path}")
        found = [self.path(name) for name in entries_of(self.directory) if layout.looks_like_aside(name)]
        for link in find_links(self.directory):
            if not link.is_wal:
                names = entries_of(link.directory)
                found += [os.path.join(link.directory, name) for name in names if not self._is_cluster_directory(name)]
        if found:
            return Impossible(rules.FOREIGN_CONTENT, f"pg_rewind would remove {found[0]}")
        return None

    def _is_cluster_directory(self, name: str) -> bool:
        return name.startswith(f"PG_{self.dialect.major}_") or name in contents.FILE_SYSTEM_ENTRIES

    def tablespace_links(self) -> dict[str, str]:
        links = find_links(self.directory)
        return {os.path.basename(link.name): link.text for link in links if not link.is_wal}

    def ensure_standby(self) -> bool:
        """Make sure that it can come up as nothing but a standby; return whether that took a change."""
        name, text = contents.SIGNAL_FILE, ""
        if self.dialect.uses_recovery_conf:
            name, text = contents.RECOVERY_CONF, WAITING_RECOVERY_CONF
        if os.path.lexists(self.path(name)):
            return False
        write_private(self.path(name), text)
        return True

    def show_signals(self) -> None:
        """Put back what was hidden."""
        for name in (contents.SIGNAL_FILE, contents.RECOVERY_SIGNAL_FILE, contents.RECOVERY_CONF):
            with suppress(FileNotFoundError):
                os.replace(self.path(name + contents.HIDDEN), self.path(name))
                sync_directory(self.directory)

    @contextmanager
    def signals_hidden(self) -> Iterator[None]:
        """Let single-user mode start; whatever happens, it is a standby afterwards."""
        try:
            for name in (contents.SIGNAL_FILE, contents.RECOVERY_SIGNAL_FILE, contents.RECOVERY_CONF):
                with suppress(FileNotFoundError):
                    os.replace(self.path(name), self.path(name + contents.HIDDEN))
            yield
        finally:
            self.show_signals()
            self.ensure_standby()

    @contextmanager
    def restore_command_shown(self, command: str | None) -> Iterator[None]:
        """Let pg_rewind find the restore command, which it takes from postgresql.conf and postgresql.auto.conf alone.

        They lie where it looks without being told, whatever the layout of the distribution.
        """
        if not command:
            yield
            return
        paths = (self.path("postgresql.conf"), self.path(AUTO_CONF))
        before = [text_of(path) for path in paths]
        try:
            if before[0] is None:
                write_private(paths[0], "")
            write_private(paths[1], ConfFile(before[1] or "").with_settings({"restore_command": command}).text)
            yield
        finally:
            if before[0] is None:
                remove_file(paths[0])
            if before[1] is None:
                remove_file(paths[1])
            else:
                write_private(paths[1], before[1])

    def make_shelter(self) -> str:
        """Create the directory for what pg_rewind would spoil.

        Beside the data directory it bears the name of an aside directory: should this run be cut off, it is kept
        until the clone that follows streams.
        """
        if self.place.inside:
            return make_shelter(self.directory)
        shelter = self.place.aside(free_stamp(self.directory))
        os.mkdir(shelter, 0o700)
        return shelter

    def set_own_aside(self, shelter: str) -> None:
        """Move everything that pg_rewind would spoil out of its way."""
        for name in self.to_keep():
            shutil.move(self.path(name), os.path.join(shelter, name))
        sync_directory(shelter)
        sync_directory(self.directory)

    def put_own_back(self, shelter: str) -> tuple[str, ...]:
        """Put it back in the place of what came from the source; return the names."""
        names = entries_of(shelter)
        for name in names:
            _clear(self.path(name))
            shutil.move(os.path.join(shelter, name), self.path(name))
        for name in {*contents.CONFIGURATION, *rules.STALE_FILES} - set(names):
            remove_file(self.path(name))
        sync_directory(self.directory)
        os.rmdir(shelter)
        return names

    def guard(self, source: str, shelter: str) -> None:
        """From here on no server starts in it, and whoever looks at it is told why, until `release`."""
        began = datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_private(self.place.rewind_marker, f"from {source}, begun at {began}, own files in {shelter}\n")
        os.chmod(self.directory, stat.S_IMODE(os.stat(self.directory).st_mode) | layout.GUARD)
        sync_directory(self.directory)

    def release(self) -> None:
        os.chmod(self.directory, stat.S_IMODE(os.stat(self.directory).st_mode) & ~layout.GUARD)
        sync_directory(self.directory)
        forget_rewind(self.place)

    def slots(self) -> tuple[KeptSlot, ...]:
        return slots_in(self.directory)

    def drop_slots(self) -> None:
        """No slot of its time as a primary is any use, and each would keep WAL for ever."""
        for name in entries_of(self.path("pg_replslot")):
            shutil.rmtree(self.path("pg_replslot", name))


def _clear(path: str) -> None:
    """Remove what came from the source."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)
