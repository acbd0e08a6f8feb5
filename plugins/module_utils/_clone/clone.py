# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a data directory a copy of a primary, ready to be its standby."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    find_marker,
    free_stamp,
    pending_steps,
    place_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING, SWAPPING, Marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import (
    carry_out,
    clear,
    forget_marker,
    forget_rewind,
    locked,
    save_marker,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.slot_files import slots_in, without
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import (
    make_directories,
    tree_bytes,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import stop_strays

from .copy import Copy
from .from_standby import await_source, compared, prove_reach
from .request import CloneRequest, refuse_content, refuse_running, result_of
from .source import Source, SourceSlot, inspect_source
from .target import CloneTarget, check_space, check_writable, look_at, needed_bytes


def clone(request: CloneRequest) -> dict[str, Any]:
    """Make it. Raises HotStandbyError and OSError; until the swap nothing of what was there is touched."""
    began = time.monotonic()
    place = place_of(request.data_directory)
    if request.claimed:
        # the node bears the claim of this run: a clone that still works here belongs to one that has ended
        stop_strays(place.side)
    created = make_directories(place.parent)
    try:
        with locked(place):
            # only now: whoever holds the lock lives, and its programs are no strays
            stop_strays(place.side)
            stop_strays(place.directory, "pg_rewind")
            finished = _settle(request, place)
            if finished:
                return finished
            result = _clone_locked(request, place, created)
    except BaseException:
        for directory in reversed(created):
            with suppress(OSError):
                os.rmdir(directory)
        raise
    result["waited_seconds"] = round(time.monotonic() - began, 3)
    return result


def _settle(request: CloneRequest, place: layout.Place) -> dict[str, Any] | None:
    """Deal with what an earlier run left: finish its swap (then there is nothing else to do), or clear it away."""
    marker = find_marker(place.directory)
    if marker is None:
        return None
    left = pending_steps(marker) if marker.phase == SWAPPING else ()
    if left:
        with request.acting():
            carry_out(left)
    if marker.phase == SWAPPING:
        forget_rewind(place)
    if marker.phase == COPYING:
        for side in marker.sides:
            stop_strays(side)
        clear(marker, ())
    forget_marker(place)
    wanted = request.system_identifier
    if not left or wanted not in (None, marker.system_identifier):
        return None
    reason = f"the clone of {marker.source} that was cut off while it was put into place was finished"
    moved = [path for path in marker.asides if os.path.isdir(path)]
    return result_of(request, reason, changed=True, before="half a swap", moved_aside=moved, verified=marker.verified)


def _clone_locked(request: CloneRequest, place: layout.Place, created: tuple[str, ...]) -> dict[str, Any]:
    major = request.dialect.major
    target = look_at(request.data_directory, request.wal_directory, major)
    refuse_content(request, target)
    source = find_source(request)
    slot = request.source_slot
    usable = slot.check(reserved=request.from_standby)[0] if slot else False
    target = target.with_tablespaces(source, request.tablespace_mapping, major)
    check_writable(target)
    clear(None, target.sides)
    check_space(needed_bytes(target, request.expected_bytes, request.tablespace_bytes))
    marker = Marker(
        COPYING,
        _now().isoformat(timespec="seconds"),
        str(request.place),
        source.system_identifier,
        target.sides,
        created,
    )
    save_marker(place, marker)
    slot_created = False
    try:
        for entry in target.places[1:]:
            marker = marker.with_created(make_directories(entry.parent))
            save_marker(place, marker)
        if slot and not usable:
            slot.create()
            slot_created = True
        if slot and request.from_standby:
            await_source(source, request.dialect, slot)
        result = _copy(request, target, source, marker)
    except BaseException as error:
        _undo(place, slot if slot_created else None, error)
        raise
    return {**result, "slot_created": slot_created}


def find_source(request: CloneRequest) -> Source:
    """Ask the source, and the primary beside it. Raises HotStandbyError."""
    source = inspect_source(request.place, request.dialect, request.system_identifier)
    return compared(source, request.primary) if request.from_standby else source


def _copy(request: CloneRequest, target: CloneTarget, source: Source, marker: Marker) -> dict[str, Any]:
    copy = Copy(
        request.commands,
        request.dialect,
        target,
        source,
        request.application_name,
        None if request.from_standby else request.slot,
        request.max_rate,
        request.timeout_seconds,
        request.progress,
        request.data_bytes,
    )
    copy.run()
    unverified = copy.verify(request.verify)
    slot = request.source_slot
    if slot and request.from_standby:
        prove_reach(copy.end(), slot)
    copy.prepare()
    size, slots = tree_bytes(target.sides), slots_in(request.data_directory)
    with request.acting():
        refuse_running(request.data_directory)
        steps, asides = target.swap(free_stamp(request.data_directory))
        save_marker(target.data, marker.swapping(steps, asides, unverified is None))
        carry_out(steps)
        os.chmod(target.data.directory, 0o700)
        forget_rewind(target.data)
        forget_marker(target.data)
    reason = f"cloned from {source.target}"
    if asides:
        reason += f"; what was there before is in {asides[0]}"
    reason += without(slots)
    more = {"unverified_reason": unverified} if unverified else {}
    return result_of(
        request,
        reason,
        changed=True,
        before=target.content,
        moved_aside=list(asides),
        verified=unverified is None,
        bytes=size,
        slots_dropped=list(map(str, slots)),
        **more,
    )


def _undo(place: layout.Place, slot: SourceSlot | None, error: BaseException) -> None:
    """Leave nothing of a clone that failed while it was copied; a swap is left to be finished."""
    marker = find_marker(place.directory)
    if marker and marker.phase == SWAPPING:
        return
    for side in marker.sides if marker else ():
        stop_strays(side)
    clear(marker, ())
    forget_marker(place)
    if slot:
        try:
            slot.drop()
        except HotStandbyError as second:
            if isinstance(error, HotStandbyError):
                raise HotStandbyError(
                    error.name,
                    f"{error.message} (and the slot {slot.name} that was made for it stays: {second.message})",
                    error.hint,
                ) from error


def _now() -> datetime:
    return datetime.now(timezone.utc)
