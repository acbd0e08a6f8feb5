# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: files that are read whole, and replaced in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

PRIVATE = 0o600


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn an error of the file system into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise HotStandbyError(
            "file_system",
            f"{error.filename or 'a file'}: {error.strerror or error}",
            "Check the disk and the permissions of the user who owns the cluster",
        ) from error


def text_of(path: str) -> str | None:
    """The text of a file, None when there is none. Raises OSError."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_private(path: str, text: str) -> None:
    """Create or replace a file, mode 0600, in one step that survives a crash. Raises OSError."""
    write_whole(path, text, PRIVATE)


def write_whole(path: str, text: str, mode: int) -> None:
    """The same with another mode. A link is replaced, not followed. Raises OSError."""
    # always the same name, so that runs that are cut off leave one file at most, which the next one takes
    # away
    scratch = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(scratch)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text.encode("utf-8", errors="surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(scratch)
        raise
    sync_directory(os.path.dirname(path))


def remove_file(path: str) -> bool:
    """Remove a file durably; False when there was none. Raises OSError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    sync_directory(os.path.dirname(path))
    return True


def sync_directory(path: str) -> None:
    """Make what was renamed, created or removed in a directory survive a crash. Raises OSError."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: str, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: str) -> None:
    """Make all of a directory survive a crash. Raises OSError."""
    for found in os.walk(path):
        directory, files = found[0], found[2]
        for name in files:
            file = os.path.join(directory, name)
            if not os.path.islink(file):
                _sync(file, os.O_RDONLY)
        sync_directory(directory)


def read_text(path: str) -> str | None:
    """The text of a file with its own line ends, or None when there is no such file.

    Bytes that are not UTF-8 survive the way back to disk. Raises HotStandbyError "cannot_read".
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HotStandbyError(
            "cannot_read",
            f"cannot read {path} on this host: {error.strerror}",
            "Run as the operating system user that owns the cluster",
        ) from error


def replace_text(path: str, text: str) -> None:
    """Put a new text in the place of an existing file; its owner, mode and extended attributes stay.

    A reader sees the old text or the new one, also after a crash. A link stays a link: the file behind it is
    replaced. Raises HotStandbyError "cannot_write".
    """
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    # always the same name, so that a cut-off run leaves at most one file, which the next one takes away
    passing = os.path.join(directory, f".{name}.hotstandby")
    try:
        with suppress(FileNotFoundError):
            os.unlink(passing)
        try:
            _write_like(target, passing, text)
            os.replace(passing, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(passing)
            raise
        sync_directory(directory)
    except OSError as error:
        raise HotStandbyError(
            "cannot_write",
            f"cannot write {path} on this host: {error.strerror}",
            "Run as the operating system user that owns the cluster, and see that its disk is not full",
        ) from error


def _write_like(model: str, path: str, text: str) -> None:
    like = os.stat(model)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        if (os.geteuid(), os.getegid()) != (like.st_uid, like.st_gid):
            os.fchown(descriptor, like.st_uid, like.st_gid)
        for attribute in os.listxattr(model):
            # access lists and the security label, where this user may set them
            with suppress(OSError):
                os.setxattr(descriptor, attribute, os.getxattr(model, attribute))
        os.fchmod(descriptor, like.st_mode & 0o7777)
        file.write(text.encode("utf-8", errors="surrogateescape"))
        file.flush()
        os.fsync(descriptor)


def names_in(directory: str) -> list[str]:
    """The names of the files in a directory, empty when there is no such directory.

    Raises HotStandbyError "cannot_read".
    """
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HotStandbyError(
            "cannot_read",
            f"cannot read {directory} on this host: {error.strerror}",
            "Run as the operating system user that owns the cluster",
        ) from error
