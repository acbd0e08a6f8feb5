# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the host that a clone is for, and says where each directory goes. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout, swap
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    Link,
    content_of,
    find_links,
    place_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.swap import Piece, Step
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import (
    entries_of,
    nearest_directory,
    room_in,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import text_of

from .source import Source

# What a clone needs on each file system on top of its own size: WAL that is written meanwhile, growth.
MARGIN_BYTES = 64 * 1024 * 1024
MARGIN_SHARE = 0.02


@dataclass(frozen=True)
class Tablespace:
    """A tablespace: where it is at the source, where links here lead, and the place of that."""

    source: str
    text: str
    place: Place


@dataclass(frozen=True)
class CloneTarget:
    """Where a clone goes. wal and wal_text: place and link of a WAL directory outside of the data directory.

    content and old_major: what is there now, and of which version. old_links: links of what is there now.
    """

    data: Place
    content: str
    old_major: str
    old_links: tuple[Link, ...]
    wal: Place | None = None
    wal_text: str = ""
    tablespaces: tuple[Tablespace, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Everything that a clone writes to, the data directory first."""
        wal = (self.wal,) if self.wal else ()
        return (self.data, *wal, *(tablespace.place for tablespace in self.tablespaces))

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(place.side for place in self.places)

    def with_tablespaces(self, source: Source, mapping: Mapping[str, str], major: str) -> CloneTarget:
        """The target with the source's tablespaces placed. Raises HotStandbyError for a place not to be had."""
        found = []
        for location in source.tablespaces:
            name = source.names.get(location, location)
            text = os.path.normpath(mapping.get(name, name))
            place = layout.tablespace_place(os.path.realpath(text), self.data.directory)
            found.append(Tablespace(location, text, place))
        target = replace(self, tablespaces=tuple(found))
        for tablespace in found:
            check_tablespace(target, tablespace, source, major)
        return target

    def swap(self, stamp: str) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """The steps that put the finished clone into place, and the directories that hold the old content."""
        data = Piece(self.data, layout.movable(entries_of(self.data.directory)), cloned_entries(self.data))
        new = {place.directory: place for place in self.places[1:]}
        linked = []
        for piece in self.old_pieces():
            place = new.pop(piece.place.directory, None)
            linked.append(replace(piece, new=cloned_entries(place)) if place else piece)
        linked += [Piece(place, (), cloned_entries(place)) for place in new.values()]
        steps = swap.swap_steps(data, linked, stamp)
        asides = tuple(piece.place.aside(stamp) for piece in (data, *linked) if piece.old)
        return steps, asides

    def old_pieces(self) -> list[Piece]:
        """What the cluster that is there now has outside of its data directory."""
        return [self._old_piece(link) for link in self.old_links]

    def _old_piece(self, link: Link) -> Piece:
        names = layout.movable(entries_of(link.directory))
        if link.is_wal:
            return Piece(place_of(link.directory), names, old_link=link.name)
        place = layout.tablespace_place(link.directory, self.data.directory)
        return Piece(place, of_major(names, self.old_major), old_link=link.name)


def cloned_entries(place: Place) -> tuple[str, ...]:
    """What the clone has put into a side directory."""
    return layout.movable(entries_of(place.side))


def of_major(names: Iterable[str], major: str) -> tuple[str, ...]:
    """The entries of a tablespace's location that belong to servers of a major version."""
    return tuple(name for name in names if name.startswith(f"PG_{major}_"))


def look_at(data_directory: str, wal_directory: str | None, major: str) -> CloneTarget:
    """What is where the clone shall go. Raises HotStandbyError or OSError."""
    data = place_of(data_directory)
    content = content_of(data.directory)
    links = tuple(find_links(data.directory))
    old_major = (text_of(os.path.join(data.directory, "PG_VERSION")) or major).strip()
    target = CloneTarget(data, content, old_major, links)
    old_wal = [link for link in links if link.is_wal]
    if wal_directory or old_wal:
        text = os.path.normpath(wal_directory) if wal_directory else old_wal[0].text
        target = replace(target, wal=place_of(text), wal_text=text)
        _check_wal(target, [link.directory for link in old_wal])
    return target


def _check_wal(target: CloneTarget, old_wal: Sequence[str]) -> None:
    if target.wal is None:
        return
    directory = target.wal.directory
    if _is_below(directory, target.data.directory):
        raise HotStandbyError(
            "wal_directory_inside",
            f"the WAL directory {directory} lies in the data directory",
            "Leave postgres_wal_directory empty, or choose a directory outside",
        )
    if directory not in old_wal and layout.movable(entries_of(directory)):
        raise HotStandbyError(
            "wal_directory_in_use",
            f"the WAL directory {directory} is not empty and does not belong to what is in {target.data.directory}",
            "Choose an empty directory, or move that content away",
        )


def check_tablespace(target: CloneTarget, tablespace: Tablespace, source: Source, major: str) -> None:
    """Raise HotStandbyError when the clone may not use this place: somebody else's data is never moved."""
    directory = tablespace.place.directory
    mapping = f"Set the tablespace mapping of this host for {tablespace.source} to a directory of its own"
    old = [link.directory for link in target.old_links]
    if source.is_local and {directory, *old} & {os.path.realpath(path) for path in source.tablespaces}:
        raise HotStandbyError(
            "tablespace_in_use",
            f"the source runs on this very host and keeps its tablespace in {tablespace.source}",
            mapping,
        )
    if [other.place.directory for other in target.tablespaces].count(directory) > 1:
        raise HotStandbyError("tablespace_shared", f"two tablespaces would be placed in {directory}", mapping)
    if _is_below(directory, target.data.directory):
        raise HotStandbyError(
            "tablespace_inside", f"the tablespace location {directory} lies in the data directory", mapping
        )
    taken = of_major(entries_of(directory), major)
    if taken and not (directory in old and target.old_major == major):
        raise HotStandbyError(
            "tablespace_in_use",
            f"{os.path.join(directory, taken[0])} exists, and what is in {target.data.directory} does not own it",
            f"{mapping}, or move that away",
        )


def _is_below(path: str, directory: str) -> bool:
    return os.path.commonpath([path, directory]) == directory


def check_writable(target: CloneTarget) -> None:
    """Raise HotStandbyError unless this user owns what is there and can create what is not."""
    for place in (*target.places, *(piece.place for piece in target.old_pieces())):
        exists = os.path.isdir(place.directory)
        if exists and os.stat(place.directory).st_uid != os.geteuid():
            raise HotStandbyError(
                "not_the_owner",
                f"{place.directory} does not belong to the user who runs this (uid {os.geteuid()})",
                "Give it to the operating system user that owns the cluster",
            )
        if place.inside and exists:
            for name in layout.movable(entries_of(place.directory)):
                path = os.path.join(place.directory, name)
                if os.path.isdir(path) and not os.path.islink(path) and not os.access(path, os.W_OK):
                    raise HotStandbyError(
                        "not_writable",
                        f"{path} could not be moved aside: it is not writable for the owner of the cluster",
                        "Give it to that user, mode 0700, or move it away",
                    )
        existing = nearest_directory(place.parent)
        if not os.access(existing, os.W_OK | os.X_OK):
            raise HotStandbyError(
                "not_writable",
                f"{place.directory} cannot be created: {existing} is not writable for the owner of the cluster",
                f"Create {place.directory} as root and give it to that user, mode 0700",
            )


def needed_bytes(target: CloneTarget, expected: int, tablespace_bytes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Bytes that each directory of the clone takes."""
    needs = [(target.data.parent, expected)]
    if target.wal:
        needs.append((target.wal.parent, 0))  # what a backup streams is part of the margin
    needs += [(entry.place.parent, tablespace_bytes.get(entry.source, 0)) for entry in target.tablespaces]
    return needs


def check_space(needs: Iterable[tuple[str, int]]) -> None:
    """Raise HotStandbyError "disk_too_small" unless every file system has room, with a margin.

    Room is what an ordinary user may still write, so what was reserved for root does not count.
    """
    by_device: dict[int, tuple[str, int]] = {}
    for path, count in needs:
        directory = nearest_directory(path)
        device = os.stat(directory).st_dev
        first, total = by_device.get(device, (directory, 0))
        by_device[device] = (first, total + count)
    for directory, total in by_device.values():
        needed = int(total * (1 + MARGIN_SHARE)) + MARGIN_BYTES
        free = room_in(directory)
        if free < needed:
            raise HotStandbyError(
                "disk_too_small",
                f"the clone needs {needed:,} bytes on the file system of {directory}, and {free:,} are free",
                "Make room there, or move the data directory (or map the tablespace) to a larger file system",
            )
