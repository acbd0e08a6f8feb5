# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root touches nothing by name below a directory that another account controls: it acts as that account there.

Who may write a directory decides what a name in it leads to, at any moment. So root would read, write or give away its
own files through a link that is put there, and no look beforehand helps. The account gains nothing from what is done
with its own rights.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

ROOT = 0
# Who acts where several accounts can change what a name leads to: nobody's rights are what all of them have.
NOBODY = 65534
# As the kernel has it.
MOST_LINKS = 40
OPEN_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass(frozen=True)
class Account:
    """Whose rights are used. groups has the supplementary ones too."""

    uid: int
    gid: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, uid: int, gid: int) -> Account:
        """The account with that number; gid is for one that the host has no entry of."""
        return _account_of(uid, gid)

    @property
    def exists(self) -> bool:
        """Whether the host has an entry of it."""
        with suppress(KeyError):
            return pwd.getpwuid(self.uid) is not None
        return False

    @classmethod
    def named(cls, name: str) -> Account:
        """Raises KeyError."""
        return cls.of_entry(pwd.getpwnam(name))

    @classmethod
    def of_entry(cls, entry: pwd.struct_passwd) -> Account:
        return cls(entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))


@lru_cache(maxsize=16)
def _account_of(uid: int, gid: int) -> Account:
    """Asked once: whoever waits for a server asks many times a second, and the answer may come over the network."""
    try:
        return Account.of_entry(pwd.getpwuid(uid))
    except KeyError:
        return Account(uid, gid, (gid,))


@contextmanager
def acting_as_owner_of(path: str) -> Iterator[None]:
    """As root, do what is in the block with the rights of the account that controls where path lies.

    Does nothing for another user than root, or where only root can change what the path leads to. No program may be
    started in the block: it could become root again. Raises OSError when the way to path cannot be looked at.
    """
    account = controller_of(path) if os.geteuid() == ROOT else None
    if account is None:
        yield
        return
    with acting_as(account):
        yield


@contextmanager
def acting_as(account: Account) -> Iterator[None]:
    """As root, do what is in the block with the rights of an account; does nothing for another user than root."""
    if os.geteuid() != ROOT or account.uid == ROOT:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    try:
        os.setgroups(account.groups)
        os.setegid(account.gid)
        os.seteuid(account.uid)
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(gid)
        os.setgroups(groups)


def controller_of(path: str) -> Account | None:
    """Return the account that can change what a path leads to, None when only root can.

    It is the owner of the first directory or link on the way that is not root's; what lies below is the account's,
    whoever owns it. Raises OSError.
    """
    names = [name for name in os.path.abspath(path).split("/") if name]
    place = os.open("/", OPEN_DIRECTORY)
    links = 0
    try:
        while names:
            name = names.pop(0)
            around = os.fstat(place)
            try:
                found = os.stat(name, dir_fd=place, follow_symlinks=False)
            except FileNotFoundError:
                return _nobody() if _is_shared(around) else None
            if _can_be_changed(found, around):
                return _nobody() if found.st_uid == ROOT else Account.of(found.st_uid, found.st_gid)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > MOST_LINKS:
                    raise OSError(f"{path}: too many links")
                target = os.readlink(name, dir_fd=place)
                names = [part for part in target.split("/") if part] + names
                if not target.startswith("/"):
                    continue
                next_place = os.open("/", OPEN_DIRECTORY)
            elif stat.S_ISDIR(found.st_mode):
                next_place = os.open(name, OPEN_DIRECTORY, dir_fd=place)
            else:
                return None
            os.close(place)
            place = next_place
        return None
    finally:
        os.close(place)


def owner_of(directory: str) -> Account:
    """Return the account that a directory belongs to.

    For root only where no other account can change what the path leads to: what is done to that account's processes and
    files must not be what somebody else wants done to them. Raises OSError, of which PermissionError means that.
    """
    status = os.stat(directory)
    if os.geteuid() != ROOT:
        return Account(status.st_uid, status.st_gid, ())
    account = controller_of(directory)
    if account is not None and account.uid != status.st_uid:
        why = f"it belongs to user id {status.st_uid}, and user id {account.uid} can change what the path leads to"
        raise PermissionError(errno.EPERM, why, directory)
    return Account.of(status.st_uid, status.st_gid)


def _can_be_changed(found: os.stat_result, around: os.stat_result) -> bool:
    """Whether another than root can change what this entry of a directory is or, if it is one, what is in it. Pure."""
    if found.st_uid != ROOT:
        leads_on = stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode)
        return leads_on or _is_shared(around)
    if not _is_shared(around):
        return False
    # in a directory with the sticky bit nobody takes away what is root's, but a second name for a file can be made
    is_second_name = stat.S_ISREG(found.st_mode) and found.st_nlink > 1
    return is_second_name or not around.st_mode & stat.S_ISVTX


def _is_shared(directory: os.stat_result) -> bool:
    """Whether others than root may make files in a directory of root's. Pure."""
    by_group = directory.st_mode & stat.S_IWGRP and directory.st_gid != ROOT
    return bool(by_group or directory.st_mode & stat.S_IWOTH)


def _nobody() -> Account:
    return Account(NOBODY, NOBODY, ())


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading as the account that controls where it lies. Raises OSError.

    Anything but a regular file is refused: nothing is waited for.
    """
    with acting_as_owner_of(path):
        return _open_regular(path)


def open_regular_as(account: Account, path: str) -> BinaryIO:
    """The same as an account that is known. Raises OSError."""
    with acting_as(account):
        return _open_regular(path)


def _open_regular(path: str) -> BinaryIO:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str) -> str:
    """The text of such a file; bytes that are not UTF-8 survive the way back to disk. Raises OSError."""
    with open_regular(path) as file:
        return file.read().decode("utf-8", errors="surrogateescape")
