# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module base_backup."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.copy import Copy
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.request import (
    Request,
    refuse_content,
    refuse_running,
    result_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.source import (
    Source,
    SourceSlot,
    inspect_source,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.target import (
    CloneTarget,
    check_space,
    check_writable,
    look_at,
    needed_bytes,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    find_marker,
    find_wreck,
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
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import plain_errors
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import stop_strays
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import dialect_for
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.connection_errors import NOT_YET
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint

from .base_backup_tidy import tidy
from .entry import acting, commands_of


def base_backup(module: AnsibleModule) -> dict[str, Any]:
    """Bring the data directory into the wanted state. Raises HotStandbyError."""
    return tidy(module) if module.params["state"] == "tidied" else clone(module)


def clone(module: AnsibleModule) -> dict[str, Any]:
    """Make the data directory a copy of the source, ready to be a standby. Raises HotStandbyError."""
    params = module.params
    dialect = dialect_for(params["version"])
    place = Endpoint(params["primary_host"], params["primary_port"], "postgres", params["user"], params["passfile"])
    commands = commands_of(module)
    request = Request(commands, dialect, place, params, lambda: acting(module))
    with plain_errors():
        refuse_running(request.data_directory)
        if module.check_mode:
            return _forecast(module, request)
        if os.geteuid() == 0:
            raise HotStandbyError(
                "runs_as_root",
                "base_backup was run as root: the files would belong to root",
                "Run it as the operating system user that owns the cluster (become_user)",
            )
        request.commands.output("pg_basebackup", "--version")
        return _clone(request)


def _forecast(module: AnsibleModule, request: Request) -> dict[str, Any]:
    """All checks that can be made, and what would be done."""
    params = request.params
    target = look_at(request.data_directory, params["wal_directory"], request.dialect.major)
    refuse_content(request, target)
    reason = f"would be cloned from {request.place}"
    try:
        source = inspect_source(request.place, request.dialect, params["system_identifier"])
        slot = request.source_slot
        if slot:
            slot.check()
        target = target.with_tablespaces(source, params["tablespace_mapping"], request.dialect.major)
    except HotStandbyError as error:
        if error.name not in NOT_YET:
            raise
        module.warn(f"the source was not checked: {error}")
    check_space(needed_bytes(target, params["expected_bytes"] or 0, params["tablespace_bytes"]))
    wreck = find_wreck(request.data_directory)
    if wreck:
        reason += f" ({wreck})"
    elif target.content != contents.ABSENT:
        reason += "; the present data directory would be moved aside"
    slots = slots_in(request.data_directory)
    reason += without(slots)
    return result_of(request, reason, changed=True, before=target.content, slots_dropped=list(map(str, slots)))


def _clone(request: Request) -> dict[str, Any]:
    began = time.monotonic()
    place = place_of(request.data_directory)
    if request.params["run"]:
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


def _settle(request: Request, place: layout.Place) -> dict[str, Any] | None:
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
    wanted = request.params["system_identifier"]
    if not left or wanted not in (None, marker.system_identifier):
        return None
    reason = f"the clone of {marker.source} that was cut off while it was put into place was finished"
    moved = [path for path in marker.asides if os.path.isdir(path)]
    return result_of(request, reason, changed=True, before="half a swap", moved_aside=moved, verified=marker.verified)


def _clone_locked(request: Request, place: layout.Place, created: tuple[str, ...]) -> dict[str, Any]:
    params, major = request.params, request.dialect.major
    target = look_at(request.data_directory, params["wal_directory"], major)
    refuse_content(request, target)
    source = inspect_source(request.place, request.dialect, params["system_identifier"])
    slot = request.source_slot
    usable = slot.check()[0] if slot else False
    target = target.with_tablespaces(source, params["tablespace_mapping"], major)
    check_writable(target)
    clear(None, target.sides)
    check_space(needed_bytes(target, params["expected_bytes"] or 0, params["tablespace_bytes"]))
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
        result = _copy(request, target, source, marker)
    except BaseException as error:
        _undo(place, slot if slot_created else None, error)
        raise
    return {**result, "slot_created": slot_created}


def _copy(request: Request, target: CloneTarget, source: Source, marker: Marker) -> dict[str, Any]:
    params = request.params
    copy = Copy(
        request.commands,
        request.dialect,
        target,
        source,
        request.application_name,
        params["slot"],
        params["max_rate"],
        params["timeout"],
    )
    copy.run()
    unverified = copy.verify(params["verify"])
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
