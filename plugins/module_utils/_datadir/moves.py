# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: carries out the steps of a swap, and clears away what clones leave."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import set_link
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    remove_file,
    sync_directory,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for

from . import layout, swap
from .layout import Place
from .marker import Marker
from .swap import Step

LOCK_SECONDS = 30


@contextmanager
def locked(place: Place) -> Iterator[float]:
    """Keep other clones of the directory out meanwhile; gives the seconds waited for one to end.

    Raises HotStandbyError "clone_running".
    """
    taken: list[int] = []

    def take() -> bool:
        descriptor = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        if _is_file_at(descriptor, place.lock):
            taken.append(descriptor)
            return True
        os.close(descriptor)  # its last holder removed it between our open and our lock
        return False

    waited = wait_for(take, LOCK_SECONDS)
    if waited is None:
        raise HotStandbyError(
            "clone_running",
            f"another clone or rewind of {place.directory} is under way on this host: it holds {place.lock}",
            "Wait until it has ended and run this again",
        )
    try:
        yield waited
    finally:
        with suppress(OSError):
            os.unlink(place.lock)
        os.close(taken[0])


def _is_file_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def save_marker(place: Place, marker: Marker) -> None:
    write_private(place.marker, marker.text())


def forget_marker(place: Place) -> None:
    """Remove the marker, wherever it lies."""
    for inside in (False, True):
        with suppress(NotADirectoryError):
            remove_file(Place(place.directory, inside).marker)


def forget_rewind(place: Place) -> None:
    """Remove the marker of a rewind that was cut off in what was there before."""
    for inside in (False, True):
        with suppress(NotADirectoryError):
            remove_file(Place(place.directory, inside).rewind_marker)


def clear(marker: Marker | None, sides: Iterable[str]) -> list[str]:
    """Remove half-made side directories, and what was created around them; return the removed ones."""
    found = {*sides, *(marker.sides if marker else ())}
    removed = [side for side in sorted(found) if _remove_tree(side, layout.looks_like_side(side))]
    for directory in reversed(marker.created if marker else ()):
        with suppress(OSError):  # not empty: then it is in use
            os.rmdir(directory)
    return removed


def refuse_used(path: str) -> None:
    """Raise HotStandbyError "aside_in_use" when a server runs in a directory that was moved aside."""
    running = running_postmaster(path)
    if running:
        raise HotStandbyError(
            "aside_in_use",
            f"a server (process {running.pid}) runs in {path}, the old directory that was moved aside",
            "Stop it if it is not wanted; the directory was kept",
        )


def remove_aside(path: str) -> bool:
    """Remove a directory that was moved aside; False when it is gone. Raises OSError."""
    return _remove_tree(path, layout.looks_like_aside(path))


def _remove_tree(path: str, is_ours: bool) -> bool:
    if not is_ours:
        raise HotStandbyError("not_ours", f"{path} is not a directory that a clone made; it was not removed")
    if not os.path.lexists(path):
        return False
    shutil.rmtree(path)
    sync_directory(os.path.dirname(path))
    return True


def carry_out(steps: Sequence[Step]) -> None:
    """Do the steps in order. Raises HotStandbyError "swap_failed"; what is left can be done later."""
    try:
        for step in steps:
            _DO[step.kind](step)
            for path in {step.source, step.destination} - {""}:
                sync_directory(os.path.dirname(path))
    except OSError as error:
        raise HotStandbyError(
            "swap_failed",
            f"the clone could not be put into place: {error.strerror or error} ({error.filename})",
            "Nothing is lost: put that right and run this again, it goes on where it stopped",
        ) from error


def _make(step: Step) -> None:
    os.mkdir(step.destination, 0o700)


def _rename(step: Step) -> None:
    # a rename replaces an empty directory, and nothing else may be there
    in_the_way = os.path.lexists(step.destination)
    if in_the_way and os.path.isdir(step.destination) and not os.path.islink(step.destination):
        in_the_way = bool(os.listdir(step.destination))
    if in_the_way:
        raise FileExistsError(0, "something is in the way", step.destination)
    os.rename(step.source, step.destination)


def _link(step: Step) -> None:
    set_link(step.destination, step.source)


def _remove(step: Step) -> None:
    os.rmdir(step.source)


_DO = {
    swap.MAKE: _make,
    swap.OUT: _rename,
    swap.LINK: _link,
    swap.IN: _rename,
    swap.REMOVE: _remove,
}
