# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: finds the files of a data directory that copying programs stumble over. Opens none of them.

Relation files are not looked at: there may be a million, and nobody but the server makes files where they lie. What
is left has as many entries as there is WAL, and what somebody put there, of which the first ENTRIES are looked at.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import data_files
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import (
    DataFiles,
    OddFile,
    shown,
)

from .layout import entries_to_keep

ENTRIES = 20_000
# More of a kind are not told: one is as bad as a hundred.
MOST = 20
# Both programs leave out what these begin with and what these hold.
TEMPORARY = "pgsql_tmp"
LEFT_OUT = frozenset(
    {"pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans", "pg_tblspc"}
)
_SPECIAL = ((stat.S_ISFIFO, data_files.FIFO), (stat.S_ISSOCK, data_files.SOCKET))


def look(data_directory: str) -> DataFiles | None:
    """What is to be known of its files; None where it cannot be read."""
    try:
        with os.scandir(data_directory) as entries:
            links = {entry.name: entry.is_symlink() for entry in islice(entries, ENTRIES)}
    except OSError:
        return None
    return DataFiles(
        others=tuple(map(shown, entries_to_keep(links)[: 5 * MOST])),
        links=tuple(shown(name) for name in sorted(links) if links[name])[:MOST],
        odd=tuple(islice(_odd_files(data_directory), MOST)),
    )


def _odd_files(root: str) -> Iterator[OddFile]:
    """Nearest to the top first. A directory that links lead to again and again is entered once."""
    queue, entered, left = deque([("", False)]), set(), ENTRIES
    while queue and left > 0:
        directory, linked = queue.popleft()
        with suppress(OSError):  # a server that runs removes files meanwhile
            status = os.stat(os.path.join(root, directory))
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(os.path.join(root, directory)) as entries:
                found = list(islice(entries, left))
            left -= len(found)
            for entry in found:
                path = os.path.join(directory, entry.name)
                by_link = linked or (entry.is_symlink() and path not in data_files.WAL_DIRECTORIES)
                kind = None if entry.name.startswith(TEMPORARY) else _kind(entry)
                if kind:
                    yield OddFile(shown(path), kind, by_link)
                elif entry.is_dir() and _is_entered(directory, entry.name):
                    queue.append((path, by_link))


def _is_entered(directory: str, name: str) -> bool:
    if name.startswith(TEMPORARY) or directory == "base":
        return False
    return directory != "" or name not in LEFT_OUT


def _kind(entry: os.DirEntry[str]) -> str | None:
    """What is odd with it; None when nothing is, or when it has gone meanwhile or leads nowhere."""
    if entry.is_file():
        return None if os.access(entry.path, os.R_OK) or not os.path.exists(entry.path) else data_files.UNREADABLE_FILE
    if entry.is_dir():
        return None if os.access(entry.path, os.R_OK | os.X_OK) else data_files.UNREADABLE_DIRECTORY
    with suppress(OSError):
        mode = entry.stat().st_mode
        return next((kind for is_kind, kind in _SPECIAL if is_kind(mode)), data_files.DEVICE)
    return None
