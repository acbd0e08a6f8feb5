# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: directories and file systems of this host."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from .files import sync_directory


def nearest_directory(path: str) -> str:
    """The path itself, or the closest directory above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def mount_points() -> frozenset[str]:
    """Every mount point, bind mounts among them, which os.path.ismount does not see."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            fields = [line.split(" ")[4] for line in file]
    except (OSError, IndexError):
        return frozenset()
    return frozenset(_unescape(field) for field in fields)


def _unescape(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def entries_of(directory: str) -> tuple[str, ...]:
    """Names in a directory; none where there is no directory. Raises OSError, for a file in its place too."""
    try:
        return tuple(sorted(os.listdir(directory)))
    except FileNotFoundError:
        return ()


def make_directories(path: str) -> tuple[str, ...]:
    """Create a directory and those above it, mode 0700; return the ones created, outer ones first."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for directory in reversed(missing):
        os.mkdir(directory, 0o700)
        sync_directory(os.path.dirname(directory))
    return tuple(reversed(missing))


def set_link(path: str, target: str) -> None:
    """Make a symbolic link lead to target, in one step."""
    scratch = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(scratch)
    os.symlink(target, scratch)
    os.replace(scratch, path)


def tree_bytes(paths: Iterable[str]) -> int:
    """Bytes of all files below these directories."""
    total = 0
    for path in paths:
        for found in os.walk(path):
            for name in found[2]:
                with suppress(OSError):
                    total += os.lstat(os.path.join(found[0], name)).st_size
    return total


def room_in(directory: str) -> int:
    """Bytes that an ordinary user may still write there: what is reserved for root does not count. Raises OSError."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def free_bytes(path: str) -> int | None:
    """Bytes that an ordinary user may still write where path is, or would be created."""
    while path and not os.path.exists(path):
        path = os.path.dirname(path)
    try:
        return room_in(path)
    except OSError:
        return None


def directory_bytes(path: str) -> int:
    """The size of the files in a directory, without those in directories below it. Raises OSError."""
    total = 0
    for entry in os.scandir(path):
        with suppress(FileNotFoundError):  # a checkpoint removes WAL meanwhile
            # a link may lead where this account may not look
            total += entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
    return total
