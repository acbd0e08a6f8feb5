# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an instance by initdb or Debian's pg_createcluster, in a way that survives being cut off."""

from __future__ import annotations

import fcntl
import os
import pwd
from contextlib import suppress
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    Account,
    acting_as,
    acting_as_owner_of,
    controller_of,
    read_regular,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import (
    Commands,
    RunCommand,
    system_program,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import replace_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import debian_log
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_until

from .look import WantedInstance, look_at
from .places import Places
from .plan import InstanceWork, initdb_options

DEFAULT_OWNER = "postgres"
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
# What pg_createcluster runs at its end when root runs it.
DEBIAN_NOTICE = "/usr/share/postgresql-common/pg_updateaptconfig"
SYSTEMD_RUNS = "/run/systemd/system"
OTHERS_TIMEOUT_SECONDS = 120


class InstanceMaker:
    """Makes one instance."""

    def __init__(self, run: RunCommand, commands: Commands, wanted: WantedInstance, dialect: Dialect) -> None:
        self._run = run
        self._commands = commands
        self._wanted = wanted
        self._dialect = dialect
        self._owner = _owner(wanted)
        self._places = Places(self._owner, root_helps=True)
        # the names there are what the path of the data directory leads to
        self._data_places = Places(self._owner, root_helps=controller_of(wanted.data_directory) is None)
        self._lock: int | None = None

    def wait_for_others(self) -> None:
        """Wait for programs that a run that was killed has left behind; they hold the scratch directory.

        Raises HotStandbyError "timed_out".
        """
        try:
            descriptor = self._open_scratch()
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

    def carry_out(self, work: InstanceWork) -> None:
        """Do it, step by step; each of them may be the last before somebody cuts the power."""
        wanted = self._wanted
        if work.discard:
            if work.discard_conf:
                # the one by which we recognise it goes last
                for name in reversed(DEBIAN_FILES):
                    with acting_as_owner_of(wanted.config_directory), suppress(FileNotFoundError):
                        os.unlink(os.path.join(wanted.config_directory, name))
            self._remove_scratch()
        if work.make_data or work.make_conf:
            self._make(work)
        if work.point_conf:
            self._point_conf()
        if work.remove_scratch:
            self._remove_scratch()

    def _make(self, work: InstanceWork) -> None:
        wanted = self._wanted
        self._places.give_volume(wanted.data_directory)
        in_place = work.make_data and not self._can_rename()
        directory = wanted.real_directory if in_place else wanted.scratch_data
        if in_place:
            self._places.give(wanted.data_directory)
        else:
            self._data_places.make_directories(os.path.dirname(wanted.scratch))
            self._make_scratch()
        if wanted.wal_directory and work.make_data and wanted.debian:
            # initdb runs as the owner, who may not be allowed to
            self._places.make_directories(wanted.wal_directory, 0o700)
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
            self._data_places.make_directories(os.path.dirname(wanted.real_directory))
            self._data_places.rename(directory, wanted.real_directory)

    def _make_scratch(self) -> None:
        """Make and lock the scratch directory; the programs inherit the lock, which lasts as long as they work."""
        self._data_places.make_directory(self._wanted.scratch, 0o700)
        self._lock = self._open_scratch()
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _open_scratch(self) -> int:
        with acting_as(self._owner):
            return os.open(self._wanted.scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

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
        return self._data_places.can_make_in(parent)

    def _initdb(self, directory: str) -> None:
        options = initdb_options(self._wanted, self._dialect)
        arguments = ["-D", directory, *options]
        if not self._wanted.debian:
            self._commands.output("initdb", *arguments, **self._options())
            return
        self._as_owner(self._commands.path("initdb"), *arguments)
        with acting_as(self._owner):
            for name in CONFIG_FILES:
                os.unlink(os.path.join(directory, name))

    def _as_owner(self, *command: str) -> None:
        """Run a program as the owner. Raises HotStandbyError."""
        owner = self._wanted.owner or DEFAULT_OWNER
        system_program(self._run, "runuser").output("runuser", "-u", owner, "--", *command, **self._options())

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
        # as root it would write to names in directories of the owner's
        self._make_places_of_root()
        command = system_program(self._run, "pg_createcluster").path("pg_createcluster")
        self._as_owner(command, *options, wanted.version, wanted.instance, "--", *initdb)
        # and this it leaves out for an ordinary account
        if os.path.isdir(SYSTEMD_RUNS):
            system_program(self._run, "systemctl").output("systemctl", "daemon-reload")
        notice = Commands(self._run, os.path.dirname(DEBIAN_NOTICE))
        if notice.has(os.path.basename(DEBIAN_NOTICE)):
            notice.attempt(os.path.basename(DEBIAN_NOTICE))

    def _make_places_of_root(self) -> None:
        """What pg_createcluster needs and the owner may not make."""
        wanted = self._wanted
        for directory in (wanted.config_directory, wanted.socket_directory):
            self._places.make_directories(directory)
        self._places.give(wanted.config_directory)
        self._places.make_log(debian_log(wanted.version, wanted.instance))

    def _point_conf(self) -> None:
        """Let the configuration name the real data directory."""
        path = self._wanted.conf_file
        with acting_as_owner_of(path):
            text = read_regular(path)
            new = ConfFile.parse(text).with_settings({"data_directory": self._wanted.data_directory}).text
            replace_text(path, new)

    def _remove_scratch(self) -> None:
        """Remove what we made there and, if initdb was cut off, what it put into the WAL's own directory."""
        wanted = self._wanted
        link = os.path.join(wanted.scratch_data, self._dialect.wal_directory)
        with acting_as(self._owner):
            wal_is_ours = wanted.wal_directory and os.path.islink(link) and os.path.samefile(link, wanted.wal_directory)
        if wal_is_ours and wanted.wal_directory:
            self._places.empty(wanted.wal_directory)
        self._data_places.remove(wanted.scratch)


def _owner(wanted: WantedInstance) -> Account:
    """Raises HotStandbyError "not_the_owner" when there is no such account."""
    if not wanted.debian:
        return Account.of(os.geteuid(), os.getegid())
    name = wanted.owner or DEFAULT_OWNER
    try:
        return Account.named(name)
    except KeyError:
        raise HotStandbyError(
            "not_the_owner",
            f"there is no account {name} on this host",
            "Install the server's packages, or correct postgres_owner",
        ) from None


def _is_ours(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
