# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the directories of an instance, made for its owner.

The owner makes himself what he may make. Where he may not, and only root could change anything, root makes it and gives
it to him: there he can put no link in the way.
"""

from __future__ import annotations

import grp
import os
import shutil
from contextlib import suppress
from typing import Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    ROOT,
    Account,
    acting_as,
    controller_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import sync_directory

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
LOST_AND_FOUND = "lost+found"
LOG_DIRECTORY = "/var/log/postgresql"
# Debian lets the members of this group read logs.
LOG_GROUP = "adm"


class Places:
    """What is done for an account.

    root_helps: not where the account says what the names lead to, by a link above them.
    """

    def __init__(self, account: Account, *, root_helps: bool) -> None:
        self._account = account
        self._root_helps = root_helps and os.geteuid() == ROOT

    def can_make_in(self, directory: str) -> bool:
        """Whether something in an existing directory can be made, or get another name."""
        with acting_as(self._account):
            if os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
                return True
        return self._root_helps and controller_of(directory) is None

    def make_directories(self, path: str, mode: int = 0o755) -> None:
        """Make a directory and those above it that are missing. Raises OSError and HotStandbyError."""
        missing = []
        while not os.path.exists(path):
            missing.append(path)
            path = os.path.dirname(path)
        for directory in reversed(missing):
            self.make_directory(directory, mode if directory == missing[0] else 0o755)

    def make_directory(self, path: str, mode: int) -> None:
        """Raises OSError."""
        if self._by_owner(os.path.dirname(path), lambda: os.mkdir(path, mode)):
            return
        descriptor = os.open(path, OPEN_DIRECTORY)
        try:
            os.fchown(descriptor, self._account.uid, self._account.gid)
        finally:
            os.close(descriptor)

    def give(self, directory: str) -> None:
        """Let an existing directory of root's be the account's. Raises OSError and HotStandbyError "not_the_owner"."""
        if os.geteuid() != ROOT or not os.path.exists(directory):
            return
        if os.stat(directory).st_uid == self._account.uid:
            return
        if controller_of(directory) is None:
            os.chown(directory, self._account.uid, self._account.gid)
        elif not self._give_mount_point(directory):
            raise HotStandbyError(
                "not_the_owner",
                f"{directory} does not belong to the owner of the instance (the user with id {self._account.uid})",
                "Give it to that user (chown), or move it away",
            )

    def give_volume(self, path: str) -> None:
        """Let a new volume of root's, on which path is going to lie, be the account's. Raises OSError."""
        while not os.path.exists(path):
            path = os.path.dirname(path)
        if os.geteuid() == ROOT and controller_of(path) is not None:
            self._give_mount_point(path)

    def rename(self, source: str, target: str) -> None:
        """Raises OSError."""
        parent = os.path.dirname(target)
        self._by_owner(parent, lambda: os.rename(source, target))
        self._by_owner(parent, lambda: sync_directory(parent))

    def remove(self, directory: str) -> None:
        """Remove a directory with all that is in it. Raises OSError."""
        with suppress(FileNotFoundError):
            self.empty(directory)
            self._by_owner(os.path.dirname(directory), lambda: os.rmdir(directory))

    def empty(self, directory: str) -> None:
        """Remove all that is in a directory of the account's. Raises OSError."""
        with acting_as(self._account):
            for entry in os.scandir(directory):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)

    def make_log(self, path: str) -> None:
        """Make an empty log file as Debian does, in a directory of root's. Raises OSError."""
        with suppress(FileExistsError):
            os.mkdir(LOG_DIRECTORY, 0o755)
            os.chown(LOG_DIRECTORY, ROOT, self._account.gid)
            os.chmod(LOG_DIRECTORY, 0o1775)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
        except FileExistsError:
            return
        try:
            group = self._account.gid
            with suppress(KeyError):
                group = grp.getgrnam(LOG_GROUP).gr_gid
            os.fchown(descriptor, self._account.uid, group)
            os.fchmod(descriptor, 0o640)
        finally:
            os.close(descriptor)

    def _by_owner(self, place: str, work: Callable[[], None]) -> bool:
        """Do something in a directory as the account, or as root; whether the account did it. Raises OSError."""
        try:
            with acting_as(self._account):
                work()
            return True
        except PermissionError:
            if not self._root_helps or controller_of(place) is not None:
                raise
        work()
        return False

    def _give_mount_point(self, directory: str) -> bool:
        """Give a directory of root's that lies below one of the account's to it, if that is safe; whether it was.

        It is for the empty top of a file system: nobody but root can put that there, nor a link on the way.
        """
        with suppress(OSError):
            around, descriptor = _open_unlinked(directory)
            try:
                status = os.fstat(descriptor)
                is_top = os.fstat(around).st_dev != status.st_dev
                if status.st_uid == ROOT and is_top and not set(os.listdir(descriptor)) - {LOST_AND_FOUND}:
                    os.fchown(descriptor, self._account.uid, self._account.gid)
                    return True
            finally:
                os.close(around)
                os.close(descriptor)
        return False


def _open_unlinked(directory: str) -> tuple[int, int]:
    """Open a directory and the one above it, no link on the way. Raises OSError."""
    descriptor = os.open("/", OPEN_DIRECTORY)
    around = os.dup(descriptor)
    try:
        for name in filter(None, os.path.abspath(directory).split("/")):
            os.close(around)
            around = os.dup(descriptor)
            inner = os.open(name, OPEN_DIRECTORY, dir_fd=around)
            os.close(descriptor)
            descriptor = inner
    except BaseException:
        os.close(around)
        os.close(descriptor)
        raise
    return around, descriptor
