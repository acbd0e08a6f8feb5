# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: files that are whole or not there at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress


def read_text(path: str) -> str | None:
    """The text of a file, None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_atomically(path: str, text: str, mode: int | None = None) -> None:
    """Replace or create a file in one step that survives a crash.

    Without mode the file keeps the one that it has (0600 when it is new). It keeps its owner where we may
    give files away, which only root may. A symbolic link is followed: what it points to is replaced. Raises
    OSError.
    """
    path = os.path.realpath(path)
    before = None
    with suppress(FileNotFoundError):
        before = os.stat(path)
    if mode is None:
        mode = stat.S_IMODE(before.st_mode) if before else 0o600
    descriptor, scratch = tempfile.mkstemp(prefix="pgsql_tmp.hotstandby-new-", dir=os.path.dirname(path))
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            os.fchmod(file.fileno(), mode)
            if before and os.geteuid() == 0:
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(scratch, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(scratch)
        raise
    sync_directory(os.path.dirname(path))


def remove(path: str) -> bool:
    """Remove a file durably; False when there was none. Raises OSError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    sync_directory(os.path.dirname(path))
    return True


def sync_directory(path: str) -> None:
    """Make what was renamed, created or removed in a directory survive a crash. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
