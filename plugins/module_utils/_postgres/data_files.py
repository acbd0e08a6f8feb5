# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in a data directory besides the server's own files, and what of it stops a rewind or a clone. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contents import OWN_ENTRIES

FIFO = "fifo"
SOCKET = "socket"
DEVICE = "device"
UNREADABLE_FILE = "unreadable file"
UNREADABLE_DIRECTORY = "unreadable directory"

WAL_DIRECTORIES = ("pg_wal", "pg_xlog")


@dataclass(frozen=True)
class OddFile:
    """A file that a copying program stumbles over; path is relative to the data directory.

    linked: whether it is reached by a symbolic link, which pg_rewind follows on its source and pg_basebackup does not.
    """

    path: str
    kind: str
    linked: bool = False

    def __str__(self) -> str:
        return f"{self.path} ({self.kind})"

    @property
    def top(self) -> str:
        return self.path.partition("/")[0]

    @property
    def unreadable(self) -> bool:
        return self.kind in (UNREADABLE_FILE, UNREADABLE_DIRECTORY)


@dataclass(frozen=True)
class DataFiles:
    """others: top entries that are not the server's own. links: top entries that are symbolic links."""

    others: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    odd: tuple[OddFile, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> DataFiles:
        return cls(tuple(plain["others"]), tuple(plain["links"]), tuple(OddFile(**row) for row in plain["odd"]))


def shown(name: str) -> str:
    """A file's name on one line, and in UTF-8 whatever its bytes are."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else "?" for character in text)


def rewind_obstacle(target: DataFiles | None, source: DataFiles | None, source_name: str) -> str | None:
    """Why pg_rewind could not do its work, or would hang in the middle of it; None when no file is in its way."""
    odd = source.odd if source else ()
    if odd:
        return (
            f"pg_rewind stops or hangs at what lies in the data directory of {source_name}: {_told(odd)}; with that"
            " moved away it can be rewound"
        )
    if target is None:
        return None
    there = {*OWN_ENTRIES, *(source.others if source else ())}
    links = [name for name in target.links if name in there and name not in WAL_DIRECTORIES]
    if links:
        return (
            f"{', '.join(links)} in its data directory is a symbolic link, and pg_rewind wants it to be what it is on"
            f" {source_name}"
        )
    # what is not the server's own is moved out of pg_rewind's way, unless the directory cannot be moved
    odd = tuple(
        file
        for file in target.odd
        if not file.linked and (file.top in OWN_ENTRIES or file.kind == UNREADABLE_DIRECTORY)
    )
    return f"pg_rewind stops at what lies in its data directory: {_told(odd)}" if odd else None


def clone_obstacle(source: DataFiles | None) -> str | None:
    """What a base backup of the source would fail at; fifos, sockets and links it leaves out."""
    odd = tuple(
        file
        for file in (source.odd if source else ())
        if file.unreadable and not file.linked and (file.top not in WAL_DIRECTORIES)
    )
    return _told(odd) if odd else None


def _told(files: tuple[OddFile, ...], most: int = 3) -> str:
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(map(str, files[:most])) + more
