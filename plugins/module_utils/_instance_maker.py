# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an instance by initdb or Debian's pg_createcluster, in a way that survives being cut off."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
from contextlib import suppress
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._atomic_file import sync_directory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._commands import Commands, RunCommand
from ansible_collections.hotstandby.postgresql.plugins.module_utils._conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance_plan import (
    WantedInstance,
    Work,
    initdb_options,
    look_at,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service import programs
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_until

# What pg_createcluster puts into the configuration directory.
DEBIAN_FILES = (
    "postgresql.conf",
    "pg_hba.conf",
    "pg_ident.conf",
    "start.conf",
    "pg_ctl.conf",
    "environment",
)
# Debian keeps these three outside of the data directory.
CONFIG_FILES = DEBIAN_FILES[:3]
OTHERS_TIMEOUT_SECONDS = 120


class Maker:
    """Makes one instance."""

    def __init__(self, run: RunCommand, commands: Commands, wanted: WantedInstance, dialect: Dialect) -> None:
        self._run = run
        self._commands = commands
        self._wanted = wanted
        self._dialect = dialect
        self._lock: int | None = None

    def wait_for_others(self) -> None:
        """Wait for programs that a run that was killed has left behind; they hold the scratch directory.

        Raises HotStandbyError "timed_out".
        """
        try:
            descriptor = os.open(self._wanted.scratch, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return
        try:
            wait_until(
                lambda: _is_ours(descriptor),
                OTHERS_TIMEOUT_SECONDS,
                f"another run has made {self._wanted.data_directory}",
                f"See which process works in {self._wanted.scratch}",
            )
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Raise HotStandbyError when this user cannot do it."""
        user = pwd.getpwuid(os.geteuid())
        if self._wanted.debian and user.pw_uid != 0:
            raise HotStandbyError(
                "needs_root", "only root can make an instance of the layout debian", "Set become: true"
            )
        if self._wanted.debian:
            return
        if user.pw_uid == 0 or self._wanted.owner not in (None, user.pw_name):
            raise HotStandbyError(
                "not_the_owner",
                f"an instance of the layout plain has to be made by its owner, not by {user.pw_name}",
                f"Set become_user to {self._wanted.owner or 'the owner'}",
            )

    def carry_out(self, work: Work) -> None:
        """Do it, step by step; each of them may be the last before somebody cuts the power."""
        wanted = self._wanted
        if work.discard:
            if work.discard_conf:
                # the one by which we recognise it goes last
                for name in reversed(DEBIAN_FILES):
                    with suppress(FileNotFoundError):
                        os.unlink(os.path.join(wanted.config_directory, name))
            self._remove_scratch()
        if work.make_data or work.make_conf:
            self._make(work)
        if work.point_conf:
            self._point_conf()
        if work.remove_scratch:
            self._remove_scratch()

    def _make(self, work: Work) -> None:
        wanted = self._wanted
        in_place = work.make_data and not self._can_rename()
        directory = wanted.real_directory if in_place else wanted.scratch_data
        if not in_place:
            self._make_directories(os.path.dirname(wanted.scratch))
            self._make_scratch()
        if wanted.wal_directory and work.make_data and wanted.debian:
            # initdb runs as the owner, who may not be allowed to
            self._make_directories(wanted.wal_directory)
        try:
            if work.make_conf:
                self._create_cluster(directory, with_data=work.make_data)
            else:
                self._initdb(directory)
        except HotStandbyError:
            # both programs take away what they made; we take away our own, unless something points there
            if not look_at(wanted).has_conf or not work.make_conf:
                self._remove_scratch()
            raise
        if work.make_data and not in_place:
            self._make_directories(os.path.dirname(wanted.real_directory))
            os.rename(directory, wanted.real_directory)
            sync_directory(os.path.dirname(wanted.real_directory))

    def _make_scratch(self) -> None:
        """Make and lock the scratch directory; the programs inherit the lock, which lasts as long as they work."""
        os.mkdir(self._wanted.scratch, 0o700)
        self._own(self._wanted.scratch)
        self._lock = os.open(self._wanted.scratch, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _options(self) -> dict[str, Any]:
        return {"cwd": "/", **({"pass_fds": (self._lock,)} if self._lock is not None else {})}

    def _can_rename(self) -> bool:
        """Whether the data directory can get its name by a rename: not a mount point, and a parent of ours."""
        real = self._wanted.real_directory
        if os.path.ismount(real):
            return False
        parent = os.path.dirname(real)
        while not os.path.exists(parent):
            parent = os.path.dirname(parent)
        return os.access(parent, os.W_OK | os.X_OK)

    def _initdb(self, directory: str) -> None:
        options = initdb_options(self._wanted, self._dialect)
        arguments = ["-D", directory, *options]
        if not self._wanted.debian:
            self._commands.output("initdb", *arguments, **self._options())
            return
        path = self._commands.path("initdb")
        owner = self._wanted.owner or "postgres"
        programs(self._run, "runuser").output("runuser", "-u", owner, "--", path, *arguments, **self._options())
        for name in CONFIG_FILES:
            os.unlink(os.path.join(directory, name))

    def _create_cluster(self, directory: str, with_data: bool) -> None:
        wanted = self._wanted
        options = ["--datadir", directory, "--port", str(wanted.port), "--socketdir", wanted.socket_directory]
        options += ["--start-conf", "auto"]
        if wanted.owner:
            options += ["--user", wanted.owner]
        initdb = initdb_options(wanted, self._dialect)
        if not with_data or wanted.wal_directory:
            # what the site says of the WAL of a new cluster is not meant for this one
            options += ["--pgoption", "waldir=", "--pgoption", "xlogdir="]
        if not with_data:
            initdb = [option for option in initdb if not option.startswith(self._dialect.waldir_option)] + ["-N"]
        programs(self._run, "pg_createcluster").output(
            "pg_createcluster", *options, wanted.version, wanted.instance, "--", *initdb, **self._options()
        )

    def _point_conf(self) -> None:
        """Let the configuration name the real data directory."""
        path = self._wanted.conf_file
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        new = ConfFile.parse(text).with_settings({"data_directory": self._wanted.data_directory}).text
        status = os.stat(path)
        scratch = f"{path}.new"
        with open(scratch, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
        sync_directory(self._wanted.config_directory)

    def _remove_scratch(self) -> None:
        """Remove what we made there and, if initdb was cut off, what it put into the WAL's own directory."""
        wanted = self._wanted
        link = os.path.join(wanted.scratch_data, self._dialect.wal_directory)
        if wanted.wal_directory and os.path.islink(link) and os.path.samefile(link, wanted.wal_directory):
            for entry in os.scandir(wanted.wal_directory):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        with suppress(FileNotFoundError):
            shutil.rmtree(wanted.scratch)

    def _make_directories(self, path: str) -> None:
        """Make a directory and those above it that are missing, for the owner."""
        missing = []
        while not os.path.exists(path):
            missing.append(path)
            path = os.path.dirname(path)
        for directory in reversed(missing):
            os.mkdir(directory, 0o700 if directory == self._wanted.wal_directory else 0o755)
            self._own(directory)

    def _own(self, path: str) -> None:
        if os.geteuid() == 0:
            entry = pwd.getpwnam(self._wanted.owner or "postgres")
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _is_ours(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
