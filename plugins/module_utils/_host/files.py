# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: private files that are whole or not there at all."""

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


def read_text(path: str) -> str | None:
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
