# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unprivileged account that owns test servers and runs modules: self, or as root `postgres`."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCOUNT_FOR_ROOT = "postgres"
UMASK = 0o022

MEMORY = "/dev/shm"
ROOM_BYTES = 4 * 1024**3


@dataclass(frozen=True)
class Account:
    """An OS user; `switch` says whether this process must change to it (only root can)."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen(
        self,
        args: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
        directory: Path | None = None,
        umask: int = UMASK,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a program as the account in a small, fixed environment and a session of its own.

        It works in `directory`, else in its home. The environment is not inherited: PGPASSWORD or PGHOST of
        the developer must not decide a test.
        """
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home or "/"),
            "USER": self.name,
            "LOGNAME": self.name,
            "LC_ALL": "C.UTF-8",
            **(environ or {}),
        }
        if self.switch:
            options.update(user=self.uid, group=self.gid, extra_groups=[])
        return subprocess.Popen(
            list(args),
            env=environment,
            cwd=directory or home or "/",
            text=True,
            start_new_session=True,
            umask=umask,
            **options,
        )

    def own(self, path: Path) -> None:
        """Give the path to the account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    @contextmanager
    def effective(self) -> Iterator[None]:
        """Be the account for a moment (peer authentication looks at the effective user of the client)."""
        if not self.switch:
            yield
            return
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)


@functools.cache
def test_account() -> Account:
    """The account of this test run; as root it is `postgres`, created as a system user where missing."""
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return Account(me.pw_name, me.pw_uid, me.pw_gid, switch=False)
    try:
        entry = pwd.getpwnam(ACCOUNT_FOR_ROOT)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--user-group", "--shell", "/bin/sh", ACCOUNT_FOR_ROOT],
            check=True,
        )
        entry = pwd.getpwnam(ACCOUNT_FOR_ROOT)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def make_directory(prefix: str, account: Account) -> Path:
    """A fresh directory that the account owns, with a path short enough for a socket (107 bytes).

    It lies in memory where there is room: servers write a lot. $TMPDIR has the last word.
    """
    parent = tempfile.gettempdir()
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        parent = MEMORY
    if len(parent) > 40:
        parent = "/tmp"
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
    path.chmod(0o755)
    account.own(path)
    return path


def _has_room(directory: str) -> bool:
    """Whether everybody may keep programs and servers there."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return False
    sticky = os.stat(directory).st_mode & 0o1777 == 0o1777
    return sticky and not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= ROOM_BYTES


def remove_directory(path: Path) -> None:
    """Remove the tree; what is already gone is fine."""
    shutil.rmtree(path, ignore_errors=True)
