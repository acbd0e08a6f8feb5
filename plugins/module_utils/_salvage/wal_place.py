# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: puts files into the WAL directory of a server that reads it meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.replaced_wal import REPLACED
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import room_in
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import PRIVATE, sync_directory

# The server removes what begins like this when it starts.
SCRATCH = "xlogtemp.hotstandby"
CHUNK_BYTES = 1024 * 1024
# What a standby needs besides.
MARGIN_BYTES = 64 * 1024 * 1024


def same_bytes(one: str, other: str, count: int) -> bool:
    """Whether two files begin with the same bytes, and both have so many. Raises OSError."""
    with open(one, "rb") as left, open(other, "rb") as right:
        while count > 0:
            step = min(count, CHUNK_BYTES)
            piece = left.read(step)
            if len(piece) != step or piece != right.read(step):
                return False
            count -= step
    return True


def check_room(wal_directory: str, needed_bytes: int) -> None:
    """Raise HotStandbyError "disk_too_small" when the WAL would fill the disk of a server that runs."""
    free = room_in(wal_directory)
    if needed_bytes and free < needed_bytes + MARGIN_BYTES:
        raise HotStandbyError(
            "disk_too_small",
            f"{needed_bytes:,} bytes of WAL are to be brought to the file system of {wal_directory}, and {free:,} are"
            " free",
            "Make room there",
        )


def put(sources: Sequence[str], wal_directory: str) -> tuple[str, ...]:
    """Copy files into place, each whole or not at all; return under which names those before are kept.

    Raises OSError.
    """
    replaced = []
    for source in sources:
        name = os.path.basename(source)
        scratch, target = os.path.join(wal_directory, SCRATCH), os.path.join(wal_directory, name)
        try:
            _copy(source, scratch)
            if os.path.lexists(target):
                replaced.append(_keep(target, wal_directory))
            os.replace(scratch, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(scratch)
    sync_directory(wal_directory)
    return tuple(replaced)


def _copy(source: str, scratch: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(scratch)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    with open(descriptor, "wb") as copy, open(source, "rb") as original:
        os.fchmod(copy.fileno(), PRIVATE)
        shutil.copyfileobj(original, copy, CHUNK_BYTES)
        copy.flush()
        os.fsync(copy.fileno())


def _keep(target: str, wal_directory: str) -> str:
    """Give a file that is about to be replaced a second name, at which it stays; return that name."""
    directory = os.path.join(wal_directory, REPLACED)
    os.makedirs(directory, 0o700, exist_ok=True)
    name = kept = os.path.basename(target)
    number = 0
    while os.path.lexists(os.path.join(directory, kept)):
        number += 1
        kept = f"{name}.{number}"
    os.link(target, os.path.join(directory, kept))
    sync_directory(directory)
    return kept
