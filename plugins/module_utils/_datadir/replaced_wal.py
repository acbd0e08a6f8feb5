# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the files that salvaged WAL has replaced, kept until nobody needs them any more."""

from __future__ import annotations

import os
import re
from contextlib import suppress

# Below the WAL directory, so that a link is enough to move a file there. Base backups leave the directory's content
# out, and pg_rewind what begins like this.
REPLACED = "pgsql_tmp.hotstandby-replaced"
# As put of _salvage/wal_place names what it keeps.
KEPT = re.compile(r"[0-9A-F]{24}(\.\d+)?")
# By its name until 9.6 and since.
WAL_DIRECTORIES = ("pg_wal", "pg_xlog")


def find_replaced(data_directory: str) -> list[str]:
    """The directories of a cluster with files that salvaged ones have replaced: one, or none."""
    places = [os.path.join(data_directory, name, REPLACED) for name in WAL_DIRECTORIES]
    return [path for path in places if os.path.isdir(path) and not os.path.islink(path)]


def forget_replaced(wal_directory: str, timeline: int | None = None) -> int:
    """Remove the segments that were kept, of timelines before this one (None: of all), and return how many there were.

    For a server whose history goes through the WAL that took their place, as its promotion, or its stream from the
    primary, proves. What is no segment is left alone. Raises OSError.
    """
    directory = os.path.join(wal_directory, REPLACED)
    names = [name for name in _names_in(directory) if is_forgettable(name, timeline)]
    for name in names:
        os.unlink(os.path.join(directory, name))
    with suppress(OSError):  # something else lies there
        os.rmdir(directory)
    return len(names)


def is_forgettable(name: str, timeline: int | None) -> bool:
    """Whether an entry is a segment of a timeline before this one. Pure."""
    return bool(KEPT.fullmatch(name)) and (timeline is None or int(name[:8], 16) < timeline)


def _names_in(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []
