# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a clone of a directory goes, and how what is ours is named there. Pure.

A clone never grows in the directory that it is for. It grows in a side directory on the same file system and
is swapped in by renames; what was there before is moved aside, not deleted. Where the directory is a mount
point or its parent cannot be written, both lie inside of it, under names that begin with pgsql_tmp: base
backups and pg_checksums pass such names over. pg_rewind does not: it removes what its source does not have.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import (
    ABSENT,
    CLUSTER,
    FILE_SYSTEM_ENTRIES,
    OTHER,
    OWN_ENTRIES,
    SIGNALS,
    WRECK,
)

INSIDE = "pgsql_tmp"
CLONE = ".hotstandby-clone"
OLD = ".hotstandby-old-"
MARKER = ".hotstandby-marker"
REWIND = ".hotstandby-rewind"
LOCK = ".hotstandby-lock"
STAMP = "%Y%m%dT%H%M%S"
STAMP_PATTERN = r"\d{8}T\d{6}"

# Added to the mode of a data directory while pg_rewind works in it: no server starts with that ("invalid
# permissions"), whoever is killed meanwhile, and without the right to search it gives nobody anything.
GUARD = 0o002


@dataclass(frozen=True)
class Place:
    """One directory (its real path), and where its clone and its former content go.

    tag tells apart the clusters that share a tablespace location; "" elsewhere.
    """

    directory: str
    inside: bool = False
    tag: str = ""

    @property
    def _base(self) -> str:
        return os.path.join(self.directory, INSIDE) if self.inside else self.directory

    @property
    def side(self) -> str:
        return self._base + CLONE + self.tag

    def aside(self, stamp: str) -> str:
        return self._base + OLD + stamp + self.tag

    @property
    def marker(self) -> str:
        return self._base + MARKER

    @property
    def rewind_marker(self) -> str:
        """What a rewind that is under way, or was cut off, leaves."""
        return self._base + REWIND

    @property
    def lock(self) -> str:
        return self._base + LOCK

    @property
    def parent(self) -> str:
        """The directory in which the side and the aside directory lie."""
        return os.path.dirname(self._base)

    def is_aside(self, name: str) -> bool:
        """Whether an entry of the parent is a former content of this directory."""
        before, after = re.escape(os.path.basename(self._base) + OLD), re.escape(self.tag)
        return bool(re.fullmatch(before + STAMP_PATTERN + after, name))


def tablespace_place(location: str, data_directory: str) -> Place:
    """The place of a tablespace: always inside, since the location's parent is seldom the owner's."""
    digest = hashlib.sha256(os.fsencode(data_directory)).hexdigest()[:8]
    return Place(location, inside=True, tag=f"-{digest}")


def is_ours(name: str) -> bool:
    """Whether an entry inside a directory is a side directory, aside directory, marker or lock."""
    return name.startswith(tuple(INSIDE + kind for kind in (CLONE, OLD, MARKER, REWIND, LOCK)))


def looks_like_aside(path: str) -> bool:
    """Whether a path is named as one of our aside directories: the guard of every removal."""
    return bool(re.search(re.escape(OLD) + STAMP_PATTERN + r"(-[0-9a-f]{8})?$", os.path.basename(path)))


def looks_like_side(path: str) -> bool:
    """Whether a path is named as one of our side directories."""
    return bool(re.search(re.escape(CLONE) + r"(-[0-9a-f]{8})?$", os.path.basename(path)))


def content_of(entries: Iterable[str], has_control_file: bool) -> str:
    """What a directory with these entries holds."""
    names = {name for name in entries if not is_ours(name)} - FILE_SYSTEM_ENTRIES
    if not names:
        return ABSENT
    if has_control_file and "PG_VERSION" in names:
        return CLUSTER
    # the server sends backup_label first, PG_VERSION somewhere, and the control file last
    return WRECK if names & {"PG_VERSION", "backup_label"} and not has_control_file else OTHER


def movable(entries: Iterable[str]) -> tuple[str, ...]:
    """The entries that belong to the content of a directory, in order."""
    return tuple(sorted(name for name in entries if not is_ours(name) and name not in FILE_SYSTEM_ENTRIES))


def entries_to_keep(entries: Iterable[str]) -> tuple[str, ...]:
    """The entries of a data directory that pg_rewind would overwrite with the source's, or remove."""
    return tuple(
        sorted(
            name
            for name in entries
            if name not in OWN_ENTRIES and name not in SIGNALS and name not in FILE_SYSTEM_ENTRIES and not is_ours(name)
        )
    )
