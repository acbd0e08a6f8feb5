# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: finds what clones left on this host. Changes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError, one_line
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import entries_of, mount_points
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import text_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents

from . import layout, swap
from .layout import Place
from .marker import SWAPPING, Marker
from .swap import Step, step_is_done

WAL_LINKS = ("pg_wal", "pg_xlog")
TABLESPACE_LINKS = "pg_tblspc"


@dataclass(frozen=True)
class Link:
    """A link of a data directory to its WAL or to a tablespace.

    name is relative to the data directory; text is where it leads, directory the real path of that.
    """

    name: str
    text: str
    directory: str

    @property
    def is_wal(self) -> bool:
        return self.name in WAL_LINKS


def place_of(directory: str) -> Place:
    """Where a clone of the directory goes (symbolic links in its path are followed)."""
    real = os.path.realpath(directory)
    mounted = os.path.ismount(real) or real in mount_points()
    parent = os.path.dirname(real)
    closed = os.path.isdir(real) and not os.access(parent, os.W_OK | os.X_OK)
    return Place(real, inside=mounted or closed)


def content_of(directory: str) -> str:
    """What a directory holds, in the words of layout. Raises OSError."""
    return layout.content_of(entries_of(directory), os.path.exists(os.path.join(directory, "global", "pg_control")))


def find_marker(data_directory: str) -> Marker | None:
    """What a clone that was cut off (or is under way) left.

    Raises HotStandbyError "marker_unreadable".
    """
    for place in both_places(data_directory):
        try:
            text = text_of(place.marker)
            if text is not None:
                return Marker.parse(text)
        except NotADirectoryError:
            continue
        except (OSError, ValueError) as error:
            raise HotStandbyError(
                "marker_unreadable",
                f"{place.marker}, which a clone left, cannot be read: {error}",
                "Look whether the data directory is whole, and remove that file",
            ) from error
    return None


def both_places(data_directory: str) -> tuple[Place, Place]:
    """Where what belongs to a clone of the directory can lie: beside it, and in it."""
    real = os.path.realpath(data_directory)
    return Place(real), Place(real, inside=True)


def pending_steps(marker: Marker) -> tuple[Step, ...]:
    """What is left to do of a swap."""
    done = [index for index, step in enumerate(marker.steps) if step_is_done(step)]
    return swap.pending(marker.steps, done)


def find_rewind(data_directory: str) -> str | None:
    """What is to be told of a rewind that was cut off (or is under way) in the data directory; None without one.

    pg_rewind may remove a marker inside; the mode of the directory it leaves alone. Raises OSError.
    """
    for place in both_places(data_directory):
        with suppress(NotADirectoryError):
            text = text_of(place.rewind_marker)
            if text is not None:
                return f"a rewind was cut off here ({one_line(text) or 'nothing more is known'})"
    try:
        guarded = os.stat(data_directory).st_mode & stat.S_IRWXO == layout.GUARD
    except FileNotFoundError:
        return None
    return "a rewind was cut off here (the mode of the directory says so)" if guarded else None


def find_wreck(data_directory: str) -> str | None:
    """Why what is in the data directory is only the remains of a clone or of a rewind; None when it is not.

    A cut-off copy next to an untouched data directory is no wreck: the next clone clears it away.
    """
    try:
        marker = find_marker(data_directory)
        content = content_of(data_directory)
        leftovers = any(layout.is_ours(name) for name in entries_of(data_directory))
        rewind = find_rewind(data_directory)
    except HotStandbyError as error:
        return str(error)
    except OSError:
        return None
    if marker and marker.phase == SWAPPING and pending_steps(marker):
        return f"a clone that began at {marker.started} was cut off while it was put into place"
    if content == contents.WRECK:
        return "global/pg_control is missing: a base backup was cut off here"
    if content == contents.ABSENT and (marker or leftovers):
        return "a clone was cut off while it was copied"
    return rewind if content == contents.CLUSTER else None


def free_stamp(data_directory: str) -> str:
    """The current time, or the next that no aside directory bears yet."""
    taken, now = find_asides(data_directory), datetime.now(timezone.utc)
    while any(layout.OLD + now.strftime(layout.STAMP) in path for path in taken):
        now += timedelta(seconds=1)
    return now.strftime(layout.STAMP)


def find_asides(data_directory: str) -> list[str]:
    """The former contents of a data directory that were moved aside, its WAL's and tablespaces' too."""
    real = os.path.realpath(data_directory)
    own = [path for place in both_places(real) for path in _asides_at(place)]
    found = set(own)
    for link in find_links(real):
        for place in linked_places(link, real):
            found.update(_asides_at(place))
    for aside in own:
        found.update(link.text for link in find_links(aside) if layout.looks_like_aside(link.text))
    return sorted(found)


def linked_places(link: Link, data_directory: str) -> tuple[Place, ...]:
    """Where things of a linked directory may lie."""
    if link.is_wal:
        return both_places(link.directory)
    return (layout.tablespace_place(link.directory, data_directory),)


def _asides_at(place: Place) -> Iterator[str]:
    with suppress(OSError):
        for name in entries_of(place.parent):
            if place.is_aside(name):
                yield os.path.join(place.parent, name)


def find_links(data_directory: str) -> list[Link]:
    """The links of a data directory to directories outside of it. Links that lead nowhere are left out."""
    names = list(WAL_LINKS)
    with suppress(OSError):
        tablespaces = entries_of(os.path.join(data_directory, TABLESPACE_LINKS))
        names += [os.path.join(TABLESPACE_LINKS, name) for name in tablespaces]
    found = []
    for name in names:
        path = os.path.join(data_directory, name)
        if os.path.islink(path) and os.path.isdir(path):
            text = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
            found.append(Link(name, text, os.path.realpath(path)))
    return found
