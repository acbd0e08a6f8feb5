# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: configuration files on disk, read whole and replaced in one step."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError


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
        with contextlib.suppress(FileNotFoundError):
            os.unlink(passing)
        try:
            _write_like(target, passing, text)
            os.replace(passing, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(passing)
            raise
        _sync_directory(directory)
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
            with contextlib.suppress(OSError):
                os.setxattr(descriptor, attribute, os.getxattr(model, attribute))
        os.fchmod(descriptor, like.st_mode & 0o7777)
        file.write(text.encode("utf-8", errors="surrogateescape"))
        file.flush()
        os.fsync(descriptor)


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
